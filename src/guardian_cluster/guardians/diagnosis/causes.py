"""Decides how likely each cause is: the weights of the traits that were read, as a probability."""

import math
from collections.abc import Mapping

from guardian_cluster.domain.diagnosis import CAUSES, Cause
from guardian_cluster.guardians.diagnosis.patterns import NO_PATTERNS, Patterns
from guardian_cluster.guardians.diagnosis.traits import PRIOR, TRAITS

CAUTION = 1.4
"""By which log-odds are divided: traits depend on one another, so their sum claims more than they know together."""


def posterior(readings: Mapping[str, float], patterns: Patterns = NO_PATTERNS) -> Mapping[Cause, float]:
    """Return the probability of every cause, the likeliest first; they add up to 1."""
    told: dict[Cause, float] = {cause: _told(cause, readings, patterns) / CAUTION for cause in CAUSES}
    most = max(told.values())
    shares: dict[Cause, float] = {cause: math.exp(value - most) for cause, value in told.items()}
    total = sum(shares.values())
    ranked = sorted(shares, key=lambda cause: (-shares[cause], CAUSES.index(cause)))
    return {cause: round(shares[cause] / total, 4) for cause in ranked}


def _told(cause: Cause, readings: Mapping[str, float], patterns: Patterns) -> float:
    told = PRIOR[cause] + patterns.prior(cause)
    for trait in TRAITS:
        strength = readings.get(trait.name)
        if strength is None:
            continue
        told += strength * trait.present.get(cause, 0.0) + (1.0 - strength) * trait.absent.get(cause, 0.0)
        told += patterns.weight(trait.name, cause, strength)
    return told
