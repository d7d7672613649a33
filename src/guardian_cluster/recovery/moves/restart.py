"""Restart: start the process anew in which a built-in specialist works."""

from guardian_cluster.domain.action import Restart, Scope
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.moves.pool import HOLD_S
from guardian_cluster.recovery.situation import Situation


def plan(situation: Situation) -> PlannedMove | None:
    """Restart it; only the solver has a process of its own."""
    specialist = situation.specialist
    if specialist.kind != "solver":
        return None
    return PlannedMove(
        kind="restart",
        moves=(Restart(specialist=specialist.name),),
        scope=Scope(specialist=specialist.name),
        blast_radius=1.0,
        hold_s=HOLD_S,
        why=f"{specialist.name} works in a process of this machine",
    )
