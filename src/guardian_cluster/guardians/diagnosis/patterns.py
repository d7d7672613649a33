"""Owns what incidents have taught about causes: how often each trait was seen with each cause."""

import math
from collections.abc import Mapping

import msgspec

from guardian_cluster.domain.diagnosis import CAUSES, Cause

SEEN = 0.5
"""Strength from which a trait counts as seen."""

CAUTION = 4.0
"""Incidents that the table itself stands for: so many of a cause have to be known before counts say as much as it."""

MOST = 2.0
"""Nats that counts can say of one trait: traits depend on one another, and a few incidents prove little."""


class Patterns(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of confirmed incidents; empty until there are some."""

    incidents: Mapping[Cause, float] = {}
    seen: Mapping[str, Mapping[Cause, float]] = {}
    """By trait: incidents of each cause that showed it."""

    def prior(self, cause: Cause) -> float:
        """Return how much likelier a cause is here than if all were alike, in nats."""
        total = sum(self.incidents.get(each, 0.0) for each in CAUSES)
        share = (self.incidents.get(cause, 0.0) + CAUTION) / (total + CAUTION * len(CAUSES))
        return _bounded(math.log(share * len(CAUSES)))

    def weight(self, trait: str, cause: Cause, strength: float) -> float:
        """Return what a trait of this strength says of a cause beyond the table, in nats."""
        counts = self.seen.get(trait)
        if not counts:
            return 0.0
        total = sum(self.incidents.get(each, 0.0) for each in CAUSES)
        rate = (sum(counts.values()) + 1.0) / (total + 2.0)
        own = (counts.get(cause, 0.0) + CAUTION * rate) / (self.incidents.get(cause, 0.0) + CAUTION)
        told = strength * math.log(own / rate) + (1.0 - strength) * math.log((1.0 - own) / (1.0 - rate))
        return _bounded(told)

    def learned(self, cause: Cause, readings: Mapping[str, float]) -> "Patterns":
        """Return the patterns with one more incident, of which the cause was confirmed."""
        incidents: dict[Cause, float] = {**self.incidents, cause: self.incidents.get(cause, 0.0) + 1.0}
        seen = {name: dict(counts) for name, counts in self.seen.items()}
        for name, strength in readings.items():
            if strength >= SEEN:
                counts = seen.setdefault(name, {})
                counts[cause] = counts.get(cause, 0.0) + 1.0
        return Patterns(incidents=incidents, seen=seen)


NO_PATTERNS = Patterns()


def _bounded(nats: float) -> float:
    return min(max(nats, -MOST), MOST)
