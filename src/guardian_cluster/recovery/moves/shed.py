"""Shed: refuse a share of the requests at once where there is not room for all, so that the others are answered."""

from guardian_cluster.domain.action import Scope, Shed
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.situation import Situation

MOST = 0.5
"""Of all requests: more would be an outage of its own making."""


def plan(situation: Situation) -> PlannedMove | None:
    """Shed what is lost anyway, half at most; only where what is lost is critical."""
    name, share = situation.specialist.name, min(situation.event.observed, MOST)
    if situation.severity != "critical" or share <= 0.0:
        return None
    return PlannedMove(
        kind="shed",
        moves=(Shed(specialist=name, share=share),),
        scope=Scope(specialist=name),
        blast_radius=share,
        hold_s=situation.hold_s / 3.0,
        why=f"there is no room for {share:.0%} of the requests of {name}",
    )
