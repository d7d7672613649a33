"""Decides how well guardians did, from what became of what they said: alarms, diagnoses, proposals, investigations.

A guardian is held against others and against people, never against itself.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from guardian_cluster.domain.alarm import Alarm, Ending
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.improvement import QueuedImprovement, QueueState, SafetyInvestigation
from guardian_cluster.domain.monitoring import GuardianScore
from guardian_cluster.guardians.optimizing.proposing import PROPOSER
from guardian_cluster.monitoring.claims import LEAST_PROBABILITY

AGREED: frozenset[QueueState] = frozenset({"approved", "taken", "applied"})
REFUSED: frozenset[QueueState] = frozenset({"rejected", "undone"})
"""What people make of a proposal. A blocked one was found unsafe, which says nothing of what it was for."""


UNDECIDED: frozenset[Ending | None] = frozenset({"silent", "gone"})
"""How alarms end of which nobody learns whether they were right."""


class Past(NamedTuple):
    """What guardians said of a specialist, and what became of it."""

    alarms: Sequence[Alarm]
    diagnoses: Sequence[Diagnosis]
    improvements: Sequence[QueuedImprovement]
    investigations: Sequence[SafetyInvestigation]


def scores_of(past: Past) -> tuple[GuardianScore, ...]:
    """Return how alarms, diagnostician, optimizer and safety monitor did; those that said nothing are left out."""
    scores = (_alarms(past), _diagnostician(past), _optimizer(past), _safety_monitor(past))
    return tuple(score for score in scores if score.claims or score.misses)


def _alarms(past: Past) -> GuardianScore:
    """Count as false an alarm that went away without a likely cause and without anybody who agreed with it.

    One whose requests, or whose specialist, came to an end is neither: nobody can say what it would have been.

    Missed is what people agreed to repair and no alarm was of.
    """
    explained = {
        id
        for each in past.diagnoses
        if each.cause and each.probability >= LEAST_PROBABILITY
        for id in each.alarm_ids
    }
    known = {each.id: each for each in past.diagnoses}
    agreed = [item for item in past.improvements if item.state in AGREED]
    closed = [alarm for alarm in past.alarms if alarm.closed is not None and alarm.ending not in UNDECIDED]
    false = [alarm for alarm in closed if alarm.id not in explained and not _is_agreed(alarm, agreed)]
    repaired = {item.improvement.diagnosis_id for item in agreed} & set(known)
    missed = [id for id in repaired if not known[id].alarm_ids]
    return GuardianScore(
        guardian="alarms",
        claims=len(past.alarms),
        false_alarms=len(false),
        misses=len(missed),
        audited=len(closed) + len(missed),
    )


def _is_agreed(alarm: Alarm, agreed: Sequence[QueuedImprovement]) -> bool:
    """Return whether people agreed with something that was proposed for the same signal while the alarm was open."""
    end = alarm.raised if alarm.closed is None else alarm.closed
    return any(
        item.improvement.signal == alarm.signal and alarm.raised <= item.improvement.proposed <= end
        for item in agreed
    )


def _diagnostician(past: Past) -> GuardianScore:
    """Count as false a diagnosis of which every proposal was refused; one is enough to agree."""
    claims = {each.id for each in past.diagnoses if each.cause is not None}
    decided = _decided([item for item in past.improvements if item.improvement.diagnosis_id])
    false = sum(not is_agreed for is_agreed in decided.values())
    return GuardianScore(
        guardian="diagnostician",
        claims=len(claims | decided.keys()),
        false_alarms=false,
        misses=0,
        audited=len(decided),
    )


def _decided(items: Sequence[QueuedImprovement]) -> Mapping[str, bool]:
    """Return for each diagnosis that people have decided about whether they agreed with anything."""
    found: dict[str, bool] = {}
    for item in items:
        if item.state in AGREED | REFUSED:
            id = item.improvement.diagnosis_id
            found[id] = found.get(id, False) or item.state in AGREED
    return found


def _optimizer(past: Past) -> GuardianScore:
    own = [item for item in past.improvements if item.improvement.proposer == PROPOSER]
    decided = [item for item in own if item.state in AGREED | REFUSED]
    false = sum(item.state in REFUSED for item in decided)
    return GuardianScore(
        guardian=PROPOSER, claims=len(own), false_alarms=false, misses=0, audited=len(decided)
    )


def _safety_monitor(past: Past) -> GuardianScore:
    """Count as false a concern that was cleared, and as missed what it let pass and people undid."""
    closed = [each for each in past.investigations if each.outcome != "open"]
    missed = [item for item in past.improvements if item.state == "undone" and not item.review.concerns]
    return GuardianScore(
        guardian="safety_monitor",
        claims=len(past.investigations),
        false_alarms=sum(each.outcome == "cleared" for each in closed),
        misses=len(missed),
        audited=len(closed) + len(missed),
    )
