"""Concurrency: give what is overloaded fewer requests at once."""

from guardian_cluster.domain.action import LimitConcurrency, Scope
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.evidence import brought
from guardian_cluster.recovery.situation import Situation

HALVED = 0.5
LEAST = 1


def plan(situation: Situation) -> PlannedMove | None:
    """Halve what each faulty endpoint is given at once, by how many it had under way; all where none is named.

    Nothing where it goes wrong for certain requests alone, which no crowd does; nor where so much is lost that there is
    no time to try, while somebody else is ready to answer.
    """
    endpoints = situation.faulty or situation.specialist.endpoints
    is_urgent = situation.severity == "critical" and bool(situation.ready)
    if not endpoints or is_urgent or brought(situation.where):
        return None
    name = situation.specialist.name
    most = {each.id: max(int(HALVED * _at_once(situation, each.id)), LEAST) for each in endpoints}
    one = endpoints[0].id if len(endpoints) == 1 else ""
    return PlannedMove(
        kind="concurrency",
        moves=tuple(
            LimitConcurrency(specialist=name, endpoint=each, most=count) for each, count in most.items()
        ),
        scope=Scope(specialist=name, endpoint=one),
        blast_radius=situation.share_given(most),
        hold_s=situation.hold_s,
        why=f"fewer at once let {', '.join(most)} recover",
    )


def _at_once(situation: Situation, endpoint: str) -> float:
    """Return how many requests the endpoint had under way on average (Little's law)."""
    mine = [each for each in situation.recent if each.dimensions.get("endpoint") == endpoint]
    if len(mine) < 2:
        return float(situation.specialist.max_concurrency or 2)
    took_s = max(mine[-1].at - mine[0].at, 1.0)
    return sum(each.duration_ms for each in mine) / 1e3 / took_s
