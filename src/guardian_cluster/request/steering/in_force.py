"""What moves make of a snapshot's specialists while they hold. Pure: which of them hold is decided elsewhere."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.domain.action import (
    LOOPS,
    ChangeTimeouts,
    Drain,
    HeldMove,
    LimitConcurrency,
    Loop,
    Reroute,
    Shed,
    UseVariant,
)

FIRM: frozenset[Loop] = frozenset({"person", "safety"})
"""Whose drains hold even where nobody else is left: somebody means it, or what it says is not to be said at all."""

Draws = Callable[[str, float], bool]
"""Whether a request is among the share, 0 to 1, of an action's: by its id. The same whenever it is asked."""


class Drained(msgspec.Struct, frozen=True):
    """By which action something is drained, and for whom not."""

    id: str
    trial: float
    is_firm: bool


class Rerouted(msgspec.Struct, frozen=True):
    """By which action requests are given to somebody else first."""

    id: str
    move: Reroute


class Refused(msgspec.Struct, frozen=True):
    """By which action requests are refused, and until when."""

    id: str
    until: float
    move: Shed


class InForce:
    """The moves that hold, by whom they concern. Where several want the same, the loop that goes first has it."""

    def __init__(self, specialists: Iterable[Specialist], moves: Sequence[HeldMove] = ()) -> None:
        self.is_empty = not moves
        self.most_at_once: dict[str, int] = {}
        """Endpoint id -> how many requests it is given at once; at least one, or it would be a drain."""
        self._drains: dict[str, list[Drained]] = {}
        self._reroutes: dict[str, list[Rerouted]] = {}
        self._sheds: dict[str, list[Refused]] = {}
        self._concerning: dict[str, list[str]] = {}
        named = {each.name: each for each in specialists}
        in_order = sorted(moves, key=_place)
        for held in in_order:
            self._take(held)
        for held in reversed(in_order):  # what goes first is put on last
            self._change(named, held)
        self.specialists: Mapping[str, Specialist] = named
        """As they are now: with the variant that is forced in use, and the timeouts that hold."""

    def drained_by(
        self, specialist: str, endpoint: str, draws: Draws, *, firmly: bool = False
    ) -> tuple[str, ...]:
        """Return the actions that keep a request from an endpoint; `firmly`, those that do so whoever else is left."""
        return tuple(
            [
                each.id
                for each in self._drains_of(specialist, endpoint)
                if (each.is_firm or not firmly) and not draws(each.id, each.trial)
            ]
        )

    def tried_by(self, specialist: str, endpoint: str, draws: Draws) -> tuple[str, ...]:
        """Return the actions that drain an endpoint, but not for this request: it is one by which it is tried."""
        drains = self._drains_of(specialist, endpoint)
        return tuple([each.id for each in drains if draws(each.id, each.trial)])

    def is_open(self, specialist: Specialist, draws: Draws, *, firmly: bool = False) -> bool:
        """Return whether a request may be given to any endpoint of a specialist."""
        if not self._drains or not specialist.endpoints:
            return True
        name = specialist.name
        return not all(self.drained_by(name, each.id, draws, firmly=firmly) for each in specialist.endpoints)

    def reroutes(self, specialist: str) -> Sequence[Rerouted]:
        """Return the reroutes of requests for a specialist, the one that goes first before the others."""
        return self._reroutes.get(specialist, ())

    def sheds(self, specialist: str) -> Sequence[Refused]:
        """Return by which actions requests for a specialist are refused."""
        return self._sheds.get(specialist, ())

    def concerning(self, specialist: str, endpoint: str) -> tuple[str, ...]:
        """Return the actions that change how whoever is asked there answers, or did something to it."""
        return (*self._concerning.get(specialist, ()), *self._concerning.get(endpoint, ()))

    def _drains_of(self, specialist: str, endpoint: str) -> Sequence[Drained]:
        drains = self._drains
        return (*drains.get(endpoint, ()), *drains.get(specialist, ())) if drains else ()

    def _take(self, held: HeldMove) -> None:
        match held.move:
            case Drain() as move:
                drained = Drained(held.id, move.trial, held.loop in FIRM)
                self._drains.setdefault(move.endpoint or move.specialist, []).append(drained)
            case Reroute() as move:
                self._reroutes.setdefault(move.specialist, []).append(Rerouted(held.id, move))
            case Shed() as move:
                self._sheds.setdefault(move.specialist, []).append(Refused(held.id, held.until, move))
            case LimitConcurrency(endpoint=name, most=most):
                most = max(1, most)
                self.most_at_once[name] = min(most, self.most_at_once.get(name, most))
                self._note(name, held.id)
            case UseVariant() | ChangeTimeouts():
                pass  # where they change something
            case one_shot:
                self._note(getattr(one_shot, "endpoint", "") or one_shot.specialist, held.id)

    def _change(self, named: dict[str, Specialist], held: HeldMove) -> None:
        """Put what a move changes of a specialist on it; one that is as it was is the same object."""
        before = named.get(held.move.specialist)
        if before is None:
            return
        match held.move:
            case UseVariant(variant=variant):
                after = _with_variant(before, variant)
            case ChangeTimeouts() as move:
                after = _with_timeouts(before, move)
            case _:
                return
        if after is not None:
            named[before.name] = after
            self._note(before.name, held.id)

    def _note(self, name: str, id: str) -> None:
        self._concerning.setdefault(name, []).append(id)


def _place(held: HeldMove) -> tuple[int, int]:
    """Return what a move is sorted by: whose it is, then how few it concerns, so that some tenants go before all."""
    return LOOPS.index(held.loop), -len(getattr(held.move, "where", ()))


def _with_variant(specialist: Specialist, variant: str) -> Specialist | None:
    """Return a specialist with a variant in use; `None` where it has none of that id."""
    chosen = [each for each in specialist.variants if each.id == variant]
    if not chosen:
        return None
    others = [each for each in specialist.variants if each.id != variant]
    return msgspec.structs.replace(specialist, variants=(*chosen, *others))


def _with_timeouts(specialist: Specialist, move: ChangeTimeouts) -> Specialist | None:
    """Return a specialist with other timeouts; `None` where the move names none that is any."""
    named = {name: getattr(move, name) for name in ("first_token_s", "between_chunks_s", "total_s")}
    changed = {name: seconds for name, seconds in named.items() if seconds is not None and seconds > 0.0}
    if not changed:
        return None
    return msgspec.structs.replace(
        specialist, timeouts=msgspec.structs.replace(specialist.timeouts, **changed)
    )
