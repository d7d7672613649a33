"""Decides which of two views that cannot both be followed gives way: safety over quality over cost.

A *fault* (a diagnosis) and a *finding* (of the safety monitor) are facts: they count even while nothing can be done
about them yet. A *wish* (an opportunity) can wait: nothing is broken.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.monitoring import ComplianceFinding, Conflict, GuardianName, Opportunity
from guardian_cluster.domain.observation import covers, named
from guardian_cluster.monitoring.claims import MOTIVES, Claim, Claims, Group, is_same_fault, overlap

LONGER, SHORTER = "timeout-too-short", "timeout-too-long"
FEWER_HEDGES, LONGER_ANSWERS = "hedges-wasted", "answers-cut-short"
"""Kinds of wishes, by what they are for."""

WORSE: Mapping[str, Mapping[str, str]] = {
    "hang": {
        LONGER: "waiting longer for an endpoint that never answers helps nobody",
        FEWER_HEDGES: "a second endpoint is what saves the requests that hang",
    },
    "slow": {
        SHORTER: "a shorter timeout would end answers that only come late",
        FEWER_HEDGES: "a second endpoint is what helps while the first is slow",
    },
    "cost_blowup": {LONGER_ANSWERS: "longer answers cost more, and cost is what is wrong"},
    "own_resources": {
        LONGER: "the gateway itself is short of something, and longer waits would fill it further"
    },
}
"""Cause of a fault -> kinds of wishes that would make it worse, and why."""

OPPOSITES = frozenset({frozenset({LONGER, SHORTER})})
"""Kinds of wishes of which one undoes the other."""

SERIOUS = frozenset({"critical", "error"})
"""Findings that hold other changes of their slice back until they are settled."""


class _View(NamedTuple):
    """What wins, who says it, and why."""

    guardian: GuardianName
    said: str
    why: str


def agreeing(claims: Claims) -> tuple[list[Claim], list[Conflict]]:
    """Return the wishes that make no fault worse and do not undo one another, and what was wished in vain.

    Of two that undo one another that one stays whose cause was diagnosed; else that which is stronger.
    """
    kept: list[Claim] = []
    lost: list[Conflict] = []
    for wish in sorted(claims.wishes, key=lambda wish: (not _is_backed(wish, claims.faults), wish.order)):
        view = next(_against_wish(wish, claims.faults, kept), None)
        if view is None:
            kept.append(wish)
        else:
            lost.append(_conflict(wish, view))
    return sorted(kept, key=lambda wish: wish.order), lost


def resolved(groups: Sequence[Group], alarms: Sequence[Alarm]) -> tuple[list[Group], list[Conflict]]:
    """Return the groups that may be followed, in their order, and what was said in vain by the others."""
    kept: list[Group] = []
    lost: list[Conflict] = []
    for group in groups:
        view = next(_against(group, [other for other in groups if other is not group], alarms), None)
        if view is None:
            kept.append(group)
        else:
            lost += [_conflict(claim, view) for claim in group.claims]
    return kept, lost


def _conflict(claim: Claim, view: _View) -> Conflict:
    return Conflict(won=view.said, lost=claim.said, winner=view.guardian, loser=claim.guardian, why=view.why)


def _is_backed(wish: Claim, faults: Sequence[Claim]) -> bool:
    return any(is_same_fault(wish, fault) for fault in faults)


def _against_wish(wish: Claim, faults: Sequence[Claim], kept: Sequence[Claim]) -> Iterator[_View]:
    """Yield what speaks against a wish by its kind, the weightiest first."""
    for fault in faults:
        why = WORSE.get(_cause(fault), {}).get(_kind(wish))
        if why and overlap(fault.where, wish.where):
            yield _View(fault.guardian, fault.said, why)
    for other in kept:
        if frozenset({_kind(other), _kind(wish)}) in OPPOSITES and overlap(other.where, wish.where):
            yield _View(other.guardian, other.said, "one undoes the other, and more speaks for that one")


def _against(group: Group, others: Sequence[Group], alarms: Sequence[Alarm]) -> Iterator[_View]:
    """Yield what speaks against following a group now, the weightiest first."""
    for other in others:
        for finding in other.findings:
            if _is_held(group, other, finding):
                said, what = f"{finding.rule}: {finding.said}", named(group.lead.where)
                why = f"a change of {what} waits until the finding is settled: safety goes before {group.motive}"
                yield _View("safety_monitor", said, why)
    if not _saves(group):
        return
    for other in others:
        lead = other.lead
        is_worse = isinstance(lead.value, Diagnosis) and other.motive != "cost"
        if is_worse and overlap(lead.where, group.lead.where):
            yield _View(
                lead.guardian, lead.said, "a saving waits while quality is worse: quality goes before cost"
            )
    for alarm in alarms:
        if alarm.signal != "cost" and overlap(alarm.where, group.lead.where):
            said = f"{alarm.signal} is worse than expected in {named(alarm.where)}"
            yield _View(
                "watcher", said, "a saving waits while an alarm is open: what came of it could not be told"
            )


def _is_held(group: Group, other: Group, finding: ComplianceFinding) -> bool:
    """Return whether a finding holds a group back.

    A saving waits for any finding about requests of its own. A repair waits for a serious one about all of its
    requests, unless that is nowhere in particular: it would stop all repairs of the specialist.
    """
    place, mine = finding.where or other.lead.where, group.lead.where
    if MOTIVES.index(group.motive) == 0:
        return False
    if _saves(group) and overlap(place, mine):
        return True
    return finding.severity in SERIOUS and place != () and covers(place, mine)


def _saves(group: Group) -> bool:
    """Return whether a group is only a wish to save money."""
    return isinstance(group.lead.value, Opportunity) and group.motive == "cost"


def _cause(claim: Claim) -> str:
    return (claim.value.cause or "") if isinstance(claim.value, Diagnosis) else ""


def _kind(claim: Claim) -> str:
    return claim.value.kind if isinstance(claim.value, Opportunity) else ""
