"""Who may act, and where: one loop at a time on a scope, and so many actions an hour."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from guardian_cluster.contract.snapshot import RecoveryPolicy
from guardian_cluster.domain.action import (
    LOOPS,
    NEVER_IN_FORCE,
    Action,
    ChangeTimeouts,
    Drain,
    LimitConcurrency,
    Loop,
    Move,
    UseVariant,
)
from guardian_cluster.domain.recovery import Autonomy

HOUR_S = 3_600.0

OWN_TURN = "recovery acts on "
"""Begins the note of an action that was refused because recovery acts there already, for another incident."""


SETTINGS = (UseVariant, ChangeTimeouts, LimitConcurrency)
"""Moves that set something: two in one scope contradict each other."""


class Admission(NamedTuple):
    """Whether an action may be taken, and which others it displaces."""

    refused: str = ""
    """Why it may not; empty where it may."""
    displaced: tuple[Action, ...] = ()


def autonomy_of(policy: RecoveryPolicy, specialist: str) -> Autonomy:
    """Return how far recovery of a specialist may go by itself."""
    return policy.specialists.get(specialist, policy.autonomy)


def admit(action: Action, active: Iterable[Action], *, insists: bool = False) -> Admission:
    """Return whether an action may take its scope.

    It may not where a loop that goes before its own, or its own, does something in that scope already; it displaces
    what loops after its own do there. What one loop does for one incident stands side by side: it is one plan. So does
    what `insists`, for what its loop does there did not suffice; but of one setting there is one value.
    """
    overlapping = [
        each
        for each in active
        if each.state == "active"
        and each.id != action.id
        and not _is_one_plan(each, action)
        and not (insists and _go_together(each, action))
        and each.scope.overlaps(action.scope)
    ]
    before = [each for each in overlapping if _rank(each.loop) <= _rank(action.loop)]
    # A person goes before all, another person too: the last word counts.
    if before and action.loop != "person":
        first = min(before, key=lambda each: (_rank(each.loop), each.taken))
        return Admission(
            refused=f"{first.loop} acts on {first.scope} ({first.id}), which goes before {action.loop}"
        )
    return Admission(displaced=tuple(overlapping))


def leaves_nobody(
    moves: Iterable[Move], active: Iterable[Action], specialist: str, endpoints: Collection[str]
) -> bool:
    """Return whether drains among these moves, with those in force, leave a specialist no endpoint at all."""
    wanted = [each for each in moves if isinstance(each, Drain) and each.specialist == specialist]
    held = [each.move for each in active if isinstance(each.move, Drain)]
    drained = {each.endpoint for each in (*wanted, *held) if each.specialist == specialist}
    return bool(wanted) and ("" in drained or drained.issuperset(endpoints))


def within_budget(actions: Iterable[Action], now: float, most: int, wanted: int = 1) -> bool:
    """Return whether so many more actions may be taken by the loops themselves this hour."""
    taken = sum(
        each.taken > now - HOUR_S and each.loop != "person" and each.state not in NEVER_IN_FORCE
        for each in actions
    )
    return taken + wanted <= most


def _is_one_plan(one: Action, other: Action) -> bool:
    return bool(one.incident_id) and (_family(one), one.loop) == (_family(other), other.loop)


def _go_together(one: Action, other: Action) -> bool:
    """Return whether two actions of one loop can both be in force, whatever each of them is for."""
    is_one_setting = isinstance(one.move, SETTINGS) and type(one.move) is type(other.move)
    return one.loop == other.loop and not is_one_setting


def _family(action: Action) -> str:
    return action.family or action.incident_id


def _rank(loop: Loop) -> int:
    return LOOPS.index(loop)
