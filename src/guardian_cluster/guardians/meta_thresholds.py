"""Decides which threshold is furthest from what the policy asks, as far as people and checks say, and where it goes.

A threshold is learned from scores alone (docs/design/thresholds.md), and takes it that nearly all requests are sound.
Here it is held against what was said of single requests. Who says something is nobody chosen at random, so that
nothing is changed here but by a person's word.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from guardian_cluster.guardians.ports import JudgedScore, ThresholdRecord
from guardian_cluster.statistics.intervals import Interval, share_interval
from guardian_cluster.statistics.precision import Audit, AuditedOutcomes

LEAST_JUDGED = 30
"""Alarms, or real cases, of which somebody has said what they were: with fewer, one caller's whim is a tenth of it."""

LEAST_SCORES = 400
"""So many scores a threshold is set on (learning/threshold_calibration.py); fewer say little of a share of 5 %."""

MOST_MISSED = 0.5
"""Of what a detector looks for: one that misses more of it than it finds is to be looked at. No policy asks a share,
because what nobody noticed is not counted."""

CERTAINTY = 0.99
"""With which a threshold must be seen to be off: it is looked at in every cycle."""


class Misfit(NamedTuple):
    """A threshold that is not what the policy asks, and where it is to go."""

    record: ThresholdRecord
    after: float
    measured: float
    """The share that is too high: of sound requests that are reported, or of real cases that are not."""
    allowed: float
    is_missing: bool
    """Whether it misses too much; otherwise it reports too much."""
    judged: int

    @property
    def distance(self) -> float:
        """By how much it is off: the logarithm of the ratio of what is measured, at least, and what is allowed."""
        return math.log(self.measured / self.allowed)


class Rates(NamedTuple):
    """How often a threshold is wrong, each with an interval."""

    false_alarms: Interval
    """Of requests, those that it reports although there is nothing."""
    reported: float
    wrong: float
    """Of what it reports and somebody has judged."""
    missed: Interval
    """Of real cases, those that it does not report."""
    judged_alarms: int
    judged_real: int


def misfit(record: ThresholdRecord) -> Misfit | None:
    """Return how a threshold is off, proven with `CERTAINTY`, and its next step; `None` where it is not, or cannot go.

    One that misses too much goes lower only while it reports fewer sound requests than the policy lets it.
    """
    if len(record.scores) < LEAST_SCORES or not 0.0 < record.asked < 1.0:
        return None
    rates = rates_of(record)
    if rates.judged_alarms >= LEAST_JUDGED and rates.false_alarms.low > record.asked:
        after, judged = _higher(record, rates), rates.judged_alarms
        found = Misfit(record, after, rates.false_alarms.low, record.asked, is_missing=False, judged=judged)
    elif rates.judged_real >= LEAST_JUDGED and rates.missed.low > MOST_MISSED and _has_room(record, rates):
        after, judged = _lower(record), rates.judged_real
        found = Misfit(record, after, rates.missed.low, MOST_MISSED, is_missing=True, judged=judged)
    else:
        return None
    is_a_step = found.after < record.current.after if found.is_missing else found.after > record.current.after
    return found if is_a_step else None


def furthest(records: Iterable[ThresholdRecord]) -> list[Misfit]:
    """Return the thresholds that are off, the one that is furthest off first; the same for any order of them."""
    found = [each for each in map(misfit, records) if each is not None]
    return sorted(found, key=lambda each: (-each.distance, each.record.current.scope))


def rates_of(record: ThresholdRecord) -> Rates:
    """Return how often a threshold is wrong, from all its newest scores and from the judged ones.

    Sound requests that are reported are at least the share of requests that is reported, times the share of these
    that are judged wrong: of requests that nobody judged, those that were reported may be judged more often.
    """
    value, scores = record.current.after, record.scores
    reported = sum(score >= value for score in scores)
    each_certain = 1.0 - (1.0 - CERTAINTY) / 2.0
    audits = AuditedOutcomes(least_of_alarms=1.0, least_of_others=1.0, confidence=each_certain)
    recalls = AuditedOutcomes(least_of_alarms=1.0, least_of_others=1.0, confidence=CERTAINTY)
    for judged in record.judged:
        audit = Audit(judged.score >= value, judged.is_real, 1.0)
        recalls.add(audit)
        if judged.source != "checks":  # they never say that there was nothing
            audits.add(audit)
    share = share_interval(reported, len(scores), each_certain)
    precision, recall = audits.precision(), recalls.recall()
    low, high = (share.low * (1.0 - precision.interval.high), share.high * (1.0 - precision.interval.low))
    return Rates(
        false_alarms=Interval(low, high),
        reported=reported / len(scores),
        wrong=1.0 - (1.0 if precision.value is None else precision.value),
        missed=Interval(1.0 - recall.interval.high, 1.0 - recall.interval.low),
        judged_alarms=precision.audits,
        judged_real=recall.audits,
    )


def _has_room(record: ThresholdRecord, rates: Rates) -> bool:
    return rates.judged_alarms == 0 or rates.reported * rates.wrong < record.asked


def _higher(record: ThresholdRecord, rates: Rates) -> float:
    """Return the lowest threshold that reports as few sound requests as asked, no further than one step goes."""
    value, most = record.current.after, record.current.evidence.most
    wrong = [each.score for each in record.judged if _is_false_alarm(each, value)]
    allowed = int(len(wrong) * record.asked / (rates.reported * rates.wrong))
    # The highest that may still be reported is the next one above those that may not.
    beyond = sorted(wrong, reverse=True)[allowed] if allowed < len(wrong) else value
    return min(math.nextafter(beyond, math.inf), most)


def _lower(record: ThresholdRecord) -> float:
    """Return the highest threshold that misses no more than half of the real cases, no further than one step goes."""
    real = sorted((each.score for each in record.judged if each.is_real), reverse=True)
    needed = math.ceil(len(real) * (1.0 - MOST_MISSED))
    return max(real[needed - 1], record.current.evidence.least)


def _is_false_alarm(judged: JudgedScore, value: float) -> bool:
    return judged.score >= value and not judged.is_real and judged.source != "checks"
