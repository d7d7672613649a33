"""Decides how the evidence that an alarm needs is divided: over signals, and over everything and slices.

All weights of a specialist are 1 together, so one bound holds for all its alarms. What is known from elsewhere is given
as weight, never as a lower bound: wrong knowledge costs a little time, and no false alarm.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from guardian_cluster.domain.observation import SIGNALS, Dimension, Signal, Slice
from guardian_cluster.statistics.e_detector import Flags, Floats

MARK = len(SIGNALS)
"""The stream of the quality that callers' own marks tell of; quality as checks see it is another one."""

STREAMS = MARK + 1

SIGNAL_WEIGHTS: Mapping[Signal, float] = {
    "quality": 0.72,
    "intent_alignment": 0.07,
    "error": 0.04,
    "latency": 0.04,
    "refusal": 0.03,
    "format": 0.02,
    "groundedness": 0.02,
    "cost": 0.01,
    "leak": 0.01,
}
MARK_WEIGHT = 0.04
"""Most to where a bit of evidence costs most requests: a loss of quality that was 15 % and is 25 % is seen at .03 nats
a request, errors that were 1 % and are 20 % at .46, so that a twentieth of the weight costs them seven requests."""

WHOLE_WEIGHT = 0.8
DIMENSION_WEIGHTS: Mapping[Dimension, float] = {
    "model": 0.02,
    "endpoint": 0.035,
    "variant": 0.04,
    "tenant": 0.035,
    "topic": 0.03,
    "language": 0.01,
    "template": 0.02,
    "revision": 0.01,
}
"""Each value of a dimension has all of its dimension's: requests have one value of each."""

MOST_KNOWN = 0.9

Known = Mapping[tuple[Signal, Slice], float]
"""Prior weights of faults that are thought likely, by signal and slice; together `MOST_KNOWN` at most."""


def signal_of(stream: int) -> Signal:
    """Return the signal that a stream tells of."""
    return "quality" if stream == MARK else SIGNALS[stream]


def checked(known: Known) -> Known:
    """Return the weights. Raises ValueError for what is not a share, or more than `MOST_KNOWN` together."""
    if any(not math.isfinite(weight) or weight < 0.0 for weight in known.values()):
        raise ValueError("the weight of a signal and a slice is a share")
    if sum(known.values()) > MOST_KNOWN:
        raise ValueError(f"prior weights are {MOST_KNOWN} together, at most")
    return dict(known)


def weights(slices: Sequence[Slice], places: int, seen: Flags, known: Known) -> Floats:
    """Return the weight of each place and stream; those of streams never seen go to the others."""
    shares = np.array([*(SIGNAL_WEIGHTS[signal] for signal in SIGNALS), MARK_WEIGHT]) * seen
    shares /= max(shares.sum(), 1e-9)
    own = np.zeros(places)
    own[: len(slices)] = [_own(where) for where in slices]
    found = (1.0 - sum(known.values())) * own[:, None] * shares
    for (signal, where), weight in known.items():
        if where in slices:
            found[slices.index(where), SIGNALS.index(signal)] += weight
    return found


def _own(where: Slice) -> float:
    if not where:
        return WHOLE_WEIGHT
    return DIMENSION_WEIGHTS[where[0][0]] if len(where) == 1 else 0.0
