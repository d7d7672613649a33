"""In which order specialists are asked for a request whose way is changed by moves."""

from collections.abc import Callable, Sequence

import msgspec

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.request.steering.way import Way


class Preferred(msgspec.Struct, frozen=True):
    """Who is asked, in order, and by which actions that is not as it would be."""

    specialists: list[Specialist]
    moves: tuple[str, ...] = ()


def of_named(
    way: Way, able: Sequence[Specialist], can_take: Callable[[str], bool], equals: Sequence[str] = ()
) -> Preferred:
    """Return who is asked for a request that names the first of the `able`; nobody where all are drained for good.

    Whom it is rerouted to comes first, and the one that was named last, behind those that stand in for it. Who is
    drained is passed over; where that is everybody, those are asked that are not drained firmly.
    """
    named = able[0]
    first, moves = way.instead_of(named.name, can_take)
    order = list(able)
    if first != named.name:
        others = [each for each in able[1:] if each.name != first]
        order = [way.in_force.specialists[first], *others, named]
    awake = [each for each in order if way.is_open(each)]
    if not awake:
        return Preferred([each for each in order if way.is_open(each, firmly=True)], tuple(moves))
    own = [each for each in able if (each is named or each.name in equals) and each not in awake]
    drains = [id for each in own for id in way.drained_by(each)]
    return Preferred(awake, (*moves, *drains))


def of_able(way: Way, able: Sequence[Specialist], can_take: Callable[[str], bool]) -> Preferred:
    """Return among whom is chosen for a request that names nobody: all who are able, but for those whom moves take out.

    They are drained, refuse the request, or are rerouted to another one of those who are able.
    """
    awake = [each for each in able if way.is_open(each)]
    drains = [id for each in able if each not in awake for id in way.drained_by(each)]
    kept = [each for each in awake if not way.is_shed(each.name)]
    names = {each.name for each in kept}
    ways = [way.instead_of(each.name, lambda name: name in names and can_take(name)) for each in kept]
    stay = [each for each, (first, _) in zip(kept, ways, strict=True) if first == each.name]
    if not stay:  # rerouted to one another; or nobody is left, and then nothing is as moves would have it
        return Preferred(kept, tuple(drains) if kept else ())
    return Preferred(stay, (*drains, *(id for _, ids in ways for id in ids)))


def stays(way: Way, specialist: Specialist, can_take: Callable[[str], bool]) -> bool:
    """Return whether moves leave somebody in who is chosen by rule: else the choice goes on without it."""
    if not way.is_open(specialist) or way.is_shed(specialist.name):
        return False
    return way.instead_of(specialist.name, can_take)[0] == specialist.name


def last_resort(way: Way, able: Sequence[Specialist]) -> list[Specialist]:
    """Return who may still be asked where that leaves nobody: who is not drained firmly, and does not refuse it."""
    return [each for each in able if way.is_open(each, firmly=True) and not way.is_shed(each.name)]
