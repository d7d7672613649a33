"""Drain: leave out the endpoints that a fault names, where others are well and can carry the load."""

from collections.abc import Sequence

from guardian_cluster.contract.snapshot import Endpoint
from guardian_cluster.domain.action import Drain, Scope
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.situation import LEAST, Situation

MOST_SHARE = 0.75
"""Of the load that may be put on others at once: three endpoints' work on one makes a second fault of the first."""


def plan(situation: Situation) -> PlannedMove | None:
    """Drain what is faulty; nothing where no endpoint is named, none is left, or too much would fall on the rest."""
    faulty = sorted(each.id for each in situation.faulty)
    left = [
        each
        for each in situation.specialist.endpoints
        if each.id not in faulty and situation.is_well(each.id)
    ]
    if not faulty or not (situation.equals or (left and _can_carry(left, situation))):
        return None
    name, share = situation.specialist.name, situation.share_given(faulty)
    if share > MOST_SHARE and situation.severity not in ("critical", "error"):
        return None
    return PlannedMove(
        kind="drain",
        moves=tuple(Drain(specialist=name, endpoint=each) for each in faulty),
        scope=Scope(specialist=name, endpoint=faulty[0] if len(faulty) == 1 else ""),
        blast_radius=share,
        hold_s=situation.hold_s,
        why=f"{', '.join(faulty)} is where it goes wrong, and others of {name} are well",
    )


def _can_carry(left: Sequence[Endpoint], situation: Situation) -> bool:
    """Return whether what these endpoints allow is not less than what came lately, where both are known."""
    allowed = [each.requests_per_minute for each in left if each.requests_per_minute is not None]
    times = [each.at for each in situation.recent]
    if len(allowed) < len(left) or len(times) < LEAST:
        return True
    minutes = max(max(times) - min(times), 1.0) / 60.0
    return sum(allowed) >= len(times) / minutes
