"""Reroute: give the requests of a slice to a backup, where the slice can be told before anybody is asked."""

from guardian_cluster.domain.action import Reroute, Scope
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.situation import Situation

HALF = 0.5
"""Of all requests, where the slice is everything: what is too slow, too dear or over its quota is halved first."""


def plan(situation: Situation) -> PlannedMove | None:
    """Reroute the slice, once; half of all requests where it is everything."""
    routed = situation.routed
    if not situation.ready or routed is None or situation.is_rerouted(routed):
        return None
    name, to, share = situation.specialist.name, situation.ready[0], 1.0 if routed else HALF
    return PlannedMove(
        kind="reroute",
        moves=(Reroute(specialist=name, to=to, where=routed, share=share),),
        scope=Scope(specialist=name, where=routed),
        blast_radius=share * situation.share_of(routed),
        hold_s=situation.hold_s,
        why=f"{to} can answer these requests of {name} as well",
    )
