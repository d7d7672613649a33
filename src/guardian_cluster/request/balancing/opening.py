"""Leaves out of a plan who is drained, and puts first by whom it is tried whether that is still needed."""

from collections.abc import Sequence

from guardian_cluster.request.balancing.plan import Candidate
from guardian_cluster.request.balancing.planning import Tiers
from guardian_cluster.request.steering.in_force import InForce
from guardian_cluster.request.steering.way import Way


def opened(tiers: Tiers, everyone: Sequence[Candidate], in_force: InForce, way: Way | None) -> Tiers:
    """Return the tiers without those that are drained.

    Where that is everyone who could be asked for the request at all, only those are left out that are drained firmly.
    """
    firmly = all(drained_by(each, in_force, way) for each in everyone)
    return tuple(
        [
            tuple([each for each in tier if not drained_by(each, in_force, way, firmly=firmly)])
            for tier in tiers
        ]
    )


def trials_first(tiers: Tiers, in_force: InForce, way: Way) -> Tiers:
    """Return the tiers with those of the first before them that are drained, and tried by this request.

    Were they weighed against the others, what is known of them would keep them from ever being tried.
    """
    first = tiers[0]
    tried = [each for each in first if in_force.tried_by(each.specialist.name, each.endpoint.id, way.draws)]
    others = [each for each in first if each not in tried]
    return (tuple(tried), tuple(others), *tiers[1:]) if tried and others else tiers


def drained_by(
    candidate: Candidate, in_force: InForce, way: Way | None, *, firmly: bool = False
) -> tuple[str, ...]:
    """Return the actions that keep a request from an endpoint; of one without a way none is a trial."""
    draws = _never if way is None else way.draws
    return in_force.drained_by(candidate.specialist.name, candidate.endpoint.id, draws, firmly=firmly)


def _never(id: str, share: float) -> bool:
    return share >= 1.0
