"""Backup: give a specialist's requests to its backup, or those of the slice where they can be told beforehand."""

from guardian_cluster.domain.action import Reroute, Scope
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.situation import Situation


def plan(situation: Situation) -> PlannedMove | None:
    """Activate the first backup that is ready.

    Where the slice cannot be told beforehand, or is everything, all is moved: for a small fault that is too much.
    """
    where, is_small = situation.routed or (), situation.severity not in ("critical", "error")
    if not situation.ready or (not where and is_small):
        return None
    name, to = situation.specialist.name, situation.ready[0]
    return PlannedMove(
        kind="backup",
        moves=(Reroute(specialist=name, to=to, where=where, as_backup=True),),
        scope=Scope(specialist=name, where=where),
        blast_radius=situation.share_of(where),
        hold_s=situation.hold_s,
        why=f"{to} is the backup of {name} and is ready",
    )
