"""Decides how often a detector's alarms are right, and how much of what it looks for it finds, from audited requests.

Not every request is audited, and an alarm more likely than another. So each audited one stands for as many as the
inverse of the probability with which it was to be audited (Horvitz, Thompson, JASA 1952), which has to be logged
before anybody knows the outcome. The intervals come from betting against every possible value, as in Waudby-Smith,
Ramdas, "Estimating means of bounded random variables by betting" (JRSS B 2024): they hold for few cases, for unequal
weights and at all times at once, so that looking after each audit is safe.

What callers report of their own accord is no audit: who complains is not chosen at random.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from guardian_cluster.statistics.intervals import CONFIDENCE, Interval

_STAKES = tuple(0.9 * 0.6**power for power in range(10))
"""Shares of what can be lost at most that are bet, all at once: large ones win where the truth is far off, small ones
where it is near and the audits are many."""

_HALVINGS = 40


class Audit(NamedTuple):
    """What an audit found of one request."""

    alarmed: bool
    """Whether the detector alarmed."""
    is_real: bool
    """Whether there was what the detector looks for."""
    probability: float
    """With which this request was to be audited, as logged when that was decided."""


class Estimate(NamedTuple):
    """A share, and where the true one lies."""

    value: float | None
    """`None` where no audit says anything of it."""
    interval: Interval
    audits: int
    """Audits that it rests on."""


class AuditedOutcomes:
    """Sums up the audits of one detector; in memory as many numbers as there are different probabilities.

    `least_of_alarms` and `least_of_others` are announced: the lowest probabilities with which requests in which the
    detector alarmed, and others, are audited. The rarer the others are, the less can be said of what it misses.
    """

    def __init__(
        self, *, least_of_alarms: float, least_of_others: float, confidence: float = CONFIDENCE
    ) -> None:
        if not (0.0 < least_of_alarms <= 1.0 and 0.0 < least_of_others <= 1.0 and 0.0 < confidence < 1.0):
            raise ValueError("probabilities of an audit, and a confidence, lie above 0 and up to 1")
        self._least = {True: least_of_alarms, False: least_of_others}
        self._needed = math.log(2.0 / (1.0 - confidence))
        self._counts: Counter[Audit] = Counter()

    def add(self, audit: Audit) -> None:
        """Take in an audit. Raises ValueError for one less probable than announced: it may not stand for so many."""
        if not self._least[audit.alarmed] * (1.0 - 1e-9) <= audit.probability <= 1.0:
            raise ValueError(
                f"an audit with a probability of {audit.probability} was not announced: at least "
                f"{self._least[audit.alarmed]} and at most 1"
            )
        self._counts[audit] += 1

    def precision(self) -> Estimate:
        """Return how many of the alarms are right."""
        alarms = {each: count for each, count in self._counts.items() if each.alarmed}
        hits = _weights({each: count for each, count in alarms.items() if each.is_real})
        misses = _weights({each: count for each, count in alarms.items() if not each.is_real})
        reach = 1.0 / self._least[True]
        return self._estimate(hits, misses, reach, reach)

    def recall(self) -> Estimate:
        """Return how much of what the detector looks for it alarms on; what no audit saw may be missed."""
        real = {each: count for each, count in self._counts.items() if each.is_real}
        hits = _weights({each: count for each, count in real.items() if each.alarmed})
        misses = _weights({each: count for each, count in real.items() if not each.alarmed})
        return self._estimate(hits, misses, 1.0 / self._least[True], 1.0 / self._least[False])

    def _estimate(
        self, hits: Mapping[float, int], misses: Mapping[float, int], hit_reach: float, miss_reach: float
    ) -> Estimate:
        right, wrong = _total(hits), _total(misses)
        low = _lower_bound(hits, misses, miss_reach, self._needed)
        high = 1.0 - _lower_bound(misses, hits, hit_reach, self._needed)
        value = right / (right + wrong) if right + wrong else None
        return Estimate(value, Interval(low, high), sum(hits.values()) + sum(misses.values()))


def _weights(audits: Mapping[Audit, int]) -> dict[float, int]:
    """Return how many audits stand for how many requests each."""
    weights: dict[float, int] = {}
    for audit, count in audits.items():
        weight = 1.0 / audit.probability
        weights[weight] = weights.get(weight, 0) + count
    return weights


def _total(weights: Mapping[float, int]) -> float:
    return math.fsum(weight * count for weight, count in weights.items())


def _lower_bound(
    hits: Mapping[float, int], misses: Mapping[float, int], reach: float, needed: float
) -> float:
    """Return the highest share that the audits speak against being all there is; `reach` is a miss's most weight."""
    low, high = 0.0, 1.0
    if not hits:
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        is_refuted = _evidence(hits, misses, reach, middle) >= needed
        low, high = (middle, high) if is_refuted else (low, middle)
    return low


def _evidence(hits: Mapping[float, int], misses: Mapping[float, int], reach: float, share: float) -> float:
    """Return the logarithm of what bets won that the share of hits is above the one given.

    A bet wins `weight * (1 - share)` of each hit and loses `weight * share` of each miss: nothing on average where the
    share is the true one. The most that a miss costs is `reach * share`, of which a stake is a part.
    """
    gain = (1.0 / share - 1.0) / reach
    logs = [
        math.fsum(count * math.log1p(stake * weight * gain) for weight, count in hits.items())
        + math.fsum(count * math.log1p(-stake * min(1.0, weight / reach)) for weight, count in misses.items())
        for stake in _STAKES
    ]
    most = max(logs)
    return most + math.log(math.fsum(math.exp(log - most) for log in logs) / len(logs))
