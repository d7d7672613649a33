"""Pool and probe: use no connection any more that is open to a faulty endpoint; or forget what was held against it."""

from typing import Literal

from guardian_cluster.domain.action import RenewPool, Reprobe, Scope
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.situation import Situation

HOLD_S = 120.0
"""Done once; so long it stands in the overlay, where every gateway sees it."""


def plan(situation: Situation) -> PlannedMove | None:
    """Renew the connections to each faulty endpoint."""
    if not situation.faulty:
        return None
    return _plan(situation, "pool", "a fault of connections ends with them")


def plan_probe(situation: Situation) -> PlannedMove | None:
    """Try each faulty endpoint again at once."""
    if not situation.faulty:
        return None
    return _plan(situation, "probe", "it may be well again")


def _plan(situation: Situation, kind: Literal["pool", "probe"], why: str) -> PlannedMove:
    name, make = situation.specialist.name, RenewPool if kind == "pool" else Reprobe
    faulty = situation.faulty
    return PlannedMove(
        kind=kind,
        moves=tuple(make(specialist=name, endpoint=each.id) for each in faulty),
        scope=Scope(specialist=name, endpoint=faulty[0].id if len(faulty) == 1 else ""),
        blast_radius=situation.share_given([each.id for each in faulty]),
        hold_s=HOLD_S,
        why=f"{', '.join(each.id for each in faulty)}: {why}",
    )
