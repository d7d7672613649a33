"""Decides which scores of a request thresholds are learned from: those of sound requests, and no others.

What an attack scores must not raise the threshold that is to find it. What the detector itself withheld must be
counted all the same: thresholds learned from what is left would fall with every recalibration.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from guardian_cluster.contract.records import Feedback, RequestRecord, VerdictRecord
from guardian_cluster.contract.threshold_action import Scope
from guardian_cluster.learning.labels import is_about

GOOD_MARK = 0.5
"""A mark below it says that an answer is of no use."""

ABOVE_ALL = math.inf
"""The score of an answer that the detector itself withheld: what was reported is not in the record, and was high."""

_PASSED = frozenset({"observe", "mark"})
_HARMLESS_REDACTIONS = frozenset({"answer", "invisible-characters", "personal-data", "unknown-field"})
"""What they take out occurs in honest traffic; without such requests a threshold would be of other traffic."""


class Example(NamedTuple):
    """One score, and whether it counts."""

    scope: Scope
    """Without a specialist where a detector is of requests, or a request ended before it had one."""
    score: float
    is_sound: bool


SCORING = frozenset({"harm", "injection", "ungrounded"})
"""Detectors that report by a threshold; what others withhold says that a request is not sound."""


OF_REQUESTS = frozenset({"injection"})
"""Detectors of what a request holds: they report before anybody is chosen to answer, so they have one threshold for
all specialists, whose name is empty there."""


def examples_of(record: RequestRecord, feedback: Sequence[Feedback]) -> tuple[Example, ...]:
    """Return the scores of a request, one for each detector and answer.

    Sound is a request that was answered whole, by one specialist, in which nothing was withheld by another detector
    than the one that scored, and of which its own tenant has not said that it was bad.
    """
    if len(record.parts) > 1:
        return ()
    withheld = {detector_of(verdict) for verdict in record.verdicts if _is_withheld(verdict)}
    found = [Example(_scope(name, record), ABOVE_ALL, True) for name in sorted(withheld & SCORING)]
    if record.specialist is not None:
        is_whole = record.outcome == "ok" and withheld <= SCORING
        is_sound = is_whole and not _is_disliked(record, feedback)
        found += [Example(_scope(each.detector, record), each.value, is_sound) for each in record.scores]
    return tuple(found)


def detector_of(verdict: VerdictRecord) -> str:
    """Return who found something: of a finding that rests on a score, the detector that scored.

    Kinds of secrets and rules of a policy's own may be called as a scorer is; theirs are not the scorer's.
    """
    return verdict.rule if verdict.detector == "score" and verdict.rule in SCORING else verdict.detector


def _scope(detector: str, record: RequestRecord) -> Scope:
    specialist = None if detector in OF_REQUESTS else record.specialist
    return Scope(detector, specialist or "", record.tenant)


def _is_withheld(verdict: VerdictRecord) -> bool:
    """Return whether something was held back; of a detector that scores, whether the answer was that it scored."""
    if verdict.action == "redact":
        return detector_of(verdict) not in _HARMLESS_REDACTIONS | SCORING
    return verdict.action not in _PASSED


def _is_disliked(record: RequestRecord, feedback: Iterable[Feedback]) -> bool:
    return any(is_about(each, record) and (each.score or 0.0) < GOOD_MARK for each in feedback)
