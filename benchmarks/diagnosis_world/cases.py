"""Which cases are measured: causes x scopes x magnitudes x seeds, one fault or two at once, and days without any."""

import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

from guardian_cluster.domain.diagnosis import CAUSES
from guardian_cluster.simulation.traffic import (
    MAGNITUDES,
    NoSuchSliceError,
    Planned,
    Traffic,
    TrafficWorld,
    scopes_of,
)
from guardian_cluster.simulation.traffic.truth import Scope

REFERENCE, AFTER = 4_000, 1_000
"""Requests of the specialist before the onset, and since."""
SHIFTS = {"one": 0.3, "two": 0.3, "none": 0.6}
"""How often what is asked about changes within a window. It does so in most windows without a fault, for there
it is what could be taken for one."""
_WORLDS = 30
_PLACES: tuple[Scope, ...] = ("upstream", "one", "two")
"""Scopes of two faults at once: where one of them is everywhere, the other is in the same place."""


@dataclass(frozen=True, slots=True)
class DrawnCase:
    """One window to be diagnosed."""

    seed: int
    faults: tuple[Planned, ...]
    with_alarm: bool
    reference: int = REFERENCE
    after: int = AFTER

    @property
    def kind(self) -> str:
        """`none`, `one` or `two` faults."""
        return ("none", "one", "two")[len(self.faults)]

    def traffic(self) -> Traffic:
        """Return the first of its traffics."""
        return next(self.traffics())

    def traffics(self) -> Iterator[Traffic]:
        """Yield traffic of one world after the other, of those that hold such slices."""
        for number in range(_WORLDS):
            world = TrafficWorld(self.seed * _WORLDS + number)
            with suppress(NoSuchSliceError):
                yield world.traffic(
                    self.faults, reference=self.reference, after=self.after, shifts=SHIFTS[self.kind]
                )


def cases(seed: int, *, repeats: int = 0, some: int = 0, pairs: int, free: int) -> list[DrawnCase]:
    """Return the cases of one run: all single faults so many times, or only `some` of them."""
    rng = random.Random(seed)
    singles = list(single_faults()) * repeats if repeats else some_faults(some, rng)
    drawn: list[tuple[Planned, ...]] = [*[(each,) for each in singles], *two_faults(pairs, rng), *[()] * free]
    return [
        DrawnCase(seed=rng.randrange(2**40), faults=each, with_alarm=number % 2 == 0)
        for number, each in enumerate(drawn)
    ]


def single_faults() -> Iterator[Planned]:
    """Yield every cause in every scope where it occurs, at every magnitude."""
    for cause, magnitude in product(CAUSES, MAGNITUDES):
        for scope in scopes_of(cause):
            yield Planned(cause=cause, scope=scope, magnitude=magnitude)


def two_faults(count: int, rng: random.Random) -> list[tuple[Planned, ...]]:
    """Return pairs of faults of different causes in places apart."""
    return [
        tuple(_placed(cause, rng) for cause in rng.sample([c for c in CAUSES if _places(c)], 2))
        for _ in range(count)
    ]


def _placed(cause: str, rng: random.Random) -> Planned:
    return Planned(cause=cause, scope=rng.choice(_places(cause)), magnitude=rng.choice(MAGNITUDES))  # type: ignore[arg-type]


def _places(cause: str) -> Sequence[Scope]:
    return [scope for scope in scopes_of(cause) if scope in _PLACES]  # type: ignore[arg-type]


def some_faults(count: int, rng: random.Random) -> list[Planned]:
    """Return so many single faults: each cause as often as the others, in scopes as different as may be."""
    chosen: list[Planned] = []
    for number in range(count):
        turn, cause = number // len(CAUSES), CAUSES[number % len(CAUSES)]
        scopes = scopes_of(cause)
        scope = scopes[(number % len(CAUSES) + 2 * turn) % len(scopes)]
        chosen.append(Planned(cause=cause, scope=scope, magnitude=rng.choice(MAGNITUDES)))
    return chosen
