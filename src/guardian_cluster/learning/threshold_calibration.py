"""Decides which thresholds a specialist's and a tenant's own traffic calls for, and when that is worth an action.

Split conformal on the newest sound scores of each scope, with a drift detector beside them (statistics/conformal.py,
statistics/drift.py). Pure: scores in, drafts and drifts out; the times are those of the records. The same records in
the same order lead to the same, so that a restart begins where the last run was.
"""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from guardian_cluster.contract.threshold_action import DriftNote, Scope, ThresholdAction, ThresholdEvidence
from guardian_cluster.learning.sound_scores import OF_REQUESTS, Example
from guardian_cluster.learning.threshold_ledger import Draft
from guardian_cluster.statistics.conformal import (
    CAPACITY,
    RollingScores,
    calibrated,
    chance_within,
    rank_for,
    rate_interval,
)
from guardian_cluster.statistics.drift import DriftDetector
from guardian_cluster.statistics.intervals import share_interval

EXAMPLES = 400
"""New sound scores before a threshold is looked at again, and the least to set one on (`examples_for`)."""

POINTS, SURE = 0.02, 0.9
"""A threshold is to realise what was asked to within two points in nine of ten cases, whatever the detector."""

CERTAINTY = 0.99
"""With which a threshold must be seen to miss what was asked before it is moved: each look at one that does not miss
it would otherwise move it by chance. Of so many looks one in a hundred still does."""

DRIFT_MEMORY = 1_000
"""Scores that a drift is looked for against; half of what a threshold rests on, for the sake of memory."""

MAX_SCOPES = 200
"""Of more, those that had no score for longest are forgotten. One takes 0.2 MB."""

STEP = 2.0
"""The next recalibration goes no further by itself than to where the last one's examples would have been reported so
many times as often as asked, or so many times less. A ratio of rates and not of scores: what a difference of scores
means is known to nobody."""


class Drifted(NamedTuple):
    """A drift that was found."""

    scope: Scope
    note: DriftNote


class Place(NamedTuple):
    """Where a score stands in time, and what decides ties."""

    at: float
    """Unix time at which the request began."""
    request_id: str


class ThresholdCalibration:
    """The newest scores of every scope, and what is to be said of them."""

    def __init__(self) -> None:
        self._scopes: dict[Scope, _ScopeScores] = {}
        self._until: dict[Scope, float] = {}

    def take(self, example: Example, place: Place) -> Drifted | None:
        """Take in a score, in the order in which the requests began; say whether a drift was found with it.

        One of an answer that is nobody's counts for all specialists that its tenant has asked.
        """
        detector, specialist, tenant = example.scope
        if specialist or detector in OF_REQUESTS:
            return self._take(example, place)
        found = [
            self._take(example._replace(scope=scope), place)
            for scope in self.scopes()
            if (scope.detector, scope.tenant) == (detector, tenant)
        ]
        return next(filter(None, found), None)

    def _take(self, example: Example, place: Place) -> Drifted | None:
        own = self._scopes.pop(example.scope, None) or _ScopeScores()
        self._scopes[example.scope] = own  # the last ones are those that had a score last
        while len(self._scopes) > MAX_SCOPES:
            del self._scopes[next(iter(self._scopes))]
        is_new = place.at > self._until.get(example.scope, -math.inf)
        if not example.is_sound:
            own.left_out += is_new
            return None
        note = own.take(example.score, place.at, chance(example.scope, place.request_id), is_new=is_new)
        return None if note is None else Drifted(example.scope, note)

    def note(self, until: Mapping[Scope, float]) -> None:
        """Take note up to when scores have led to actions: from then on they count as new.

        Scores that were taken before are told apart as well, so that this may be said at any time.
        """
        for scope, at in until.items():
            own = self._scopes.get(scope)
            if own is not None and at != self._until.get(scope):
                own.begin_after(at)
        self._until = dict(until)

    def scopes(self) -> tuple[Scope, ...]:
        """Return what there are scores of."""
        return tuple(self._scopes)

    def draft(
        self,
        scope: Scope,
        asked: float,
        current: ThresholdAction | None = None,
        waiting: ThresholdAction | None = None,
    ) -> Draft | None:
        """Return what the scores of a scope call for now, if anything; 2 ms where a threshold is calibrated.

        `asked` is the false-alarm rate, `current` the action in force and `waiting` the one that is proposed. Scores
        are looked at once for every `EXAMPLES` new ones.
        """
        own = self._scopes.get(scope)
        return None if own is None else own.draft(scope, asked, current, waiting)


def chance(scope: Scope, request_id: str) -> float:
    """Return a number from 0 (included) to 1 that a request's scores of a scope always have."""
    digest = blake2b(f"{scope}\0{request_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2.0**53


@lru_cache(maxsize=64)
def examples_for(asked: float) -> int:
    """Return how many scores a threshold is set on at least; more than are remembered where none can be set.

    400 at 5 % asked, 620 at 10 %; rates below .25 % need as many as one of them has to be reported of.
    """
    for count in range(EXAMPLES, CAPACITY + 1, 20):
        if rank_for(count, asked) >= 1 and chance_within(count, asked, POINTS) >= SURE:
            return count
    return CAPACITY + 1


class _ScopeScores:
    """The newest sound scores of one scope."""

    def __init__(self) -> None:
        self.left_out = 0
        self._scores = RollingScores(CAPACITY)
        self._times: deque[float] = deque(maxlen=CAPACITY)
        self._drift = DriftDetector(memory=DRIFT_MEMORY)
        self._new = 0
        self._looked_at = 0
        self._drifted: DriftNote | None = None

    def take(self, score: float, at: float, chance: float, *, is_new: bool) -> DriftNote | None:
        found = self._drift.take(score, chance)
        self._scores.add(score)
        self._times.append(at)
        self._new += is_new
        if found is None:
            return None
        # What came before is of other traffic; and the last ones, of which the drift was seen, are chosen ones.
        self._begin_anew()
        note = DriftNote(change=found.change, scores=found.scores, at=at)
        self._drifted = note if is_new else self._drifted
        return note

    def _begin_anew(self) -> None:
        self._scores.keep_newest(0)
        self._times.clear()
        self._new = self._looked_at = 0

    def begin_after(self, at: float) -> None:
        """Count as new only what came after this time."""
        self._new = sum(time > at for time in self._times)
        self.left_out = self._looked_at = 0
        if self._drifted is not None and self._drifted.at <= at:
            self._drifted = None

    def draft(
        self,
        scope: Scope,
        asked: float,
        current: ThresholdAction | None,
        waiting: ThresholdAction | None,
    ) -> Draft | None:
        if not 0.0 < asked < 1.0 or len(self._scores) < examples_for(asked):
            return None
        said = waiting or current
        if said is None or said.evidence.asked == asked:
            if self._new - self._looked_at < EXAMPLES:
                return None
            self._looked_at = self._new
            if said is not None and self._holds(said.after, asked):
                return None
        return self._calibrated(scope, asked, current)

    def _holds(self, threshold: float, asked: float) -> bool:
        """Return whether the new scores agree with a threshold that reports as many as asked."""
        above, new = self._reported(threshold)
        bounds = share_interval(above, new, CERTAINTY)
        return bounds.low <= asked <= bounds.high

    def _reported(self, threshold: float) -> tuple[int, int]:
        """Return how many of the new scores a threshold reports, and how many there are."""
        new = min(self._new, len(self._scores))
        recent = self._scores.values()[len(self._scores) - new :]
        return sum(score >= threshold for score in recent), new

    def _calibrated(self, scope: Scope, asked: float, current: ThresholdAction | None) -> Draft | None:
        found = _reporting_from(self._scores.threshold(asked).value)
        if math.isinf(found):
            return None  # the detector itself withheld as many as were asked: nothing is to be set lower
        before = None if current is None else current.after
        after = found if current is None else _within(found, current.evidence)
        is_stuck = after == before != found
        if is_stuck:
            after = found
        if after == before:
            return None
        evidence = self._evidence(asked, before, after)
        evidence = msgspec.structs.replace(evidence, bounded=after != found)
        return Draft(scope, before, after, evidence, is_free=not is_stuck)

    def _evidence(self, asked: float, before: float | None, after: float) -> ThresholdEvidence:
        ordered = sorted(self._scores.values())
        examples = len(ordered)
        rank = examples - bisect_left(ordered, after) + 1
        realised = rate_interval(examples, min(rank, examples))
        observed = None
        if before is not None and self._new:
            above, new = self._reported(before)
            observed = above / new
        return ThresholdEvidence(
            examples=examples,
            since=self._times[0],
            until=self._times[-1],
            new=self._new,
            left_out=self.left_out,
            withheld=sum(map(math.isinf, ordered)),
            asked=asked,
            expected=rank / (examples + 1),
            realised_low=realised.low,
            realised_high=realised.high,
            observed=observed,
            drift=self._drifted,
            least=min(after, _at_rate(ordered, min(0.5, asked * STEP), after)),
            most=max(after, _at_rate(ordered, asked / STEP, after)),
        )


def _reporting_from(value: float) -> float:
    """Return the lowest score above a conformal threshold: detectors report from theirs on, that one included."""
    return math.nextafter(value, math.inf)


def _within(value: float, last: ThresholdEvidence) -> float:
    return min(max(value, last.least), last.most)


def _at_rate(ordered: list[float], rate: float, other: float) -> float:
    """Return the threshold that reports this share of scores; `other` where that cannot be said of so many."""
    value = _reporting_from(calibrated(ordered, rate).value)
    return other if math.isinf(value) else value
