"""Which endpoints there are in a simulated world, what befalls them, and how many requests come.

Two mixes are as published in the comparison that the goals come from; the others are drawn by seed.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

FaultKind = Literal[
    "slow", "hang", "error", "rate_limited", "overloaded", "late_error", "refuse", "flap", "cut"
]
"""`slow`: takes `size` times as long. `hang`: what is there or comes never gets an answer,
nor do probes, unless its size is `STILL_LISTS`. `error`: that share fails
at once. `rate_limited`: takes that share of what it could each second, refuses the rest and says for how long.
`overloaded`: refuses above `size` in service.
`late_error`: that share fails when it should be answered (5xx, empty, malformed). `refuse`: all fail at once. `flap`:
refuses every other `size` seconds. `cut`: that share breaks off after content."""

STILL_LISTS = 2.0
"""The size of a hang in which the server still answers probes: a list of models is not its model's work."""

DURATION_S = 600.0
DRAWN_S = 300.0
SIGMA = 0.5
"""Of the logarithm of service times: the slowest of a hundred takes 2.8 times the mean."""

LEAST_ANSWERED = 0.05
"""The share that fails is taken to be at most this far from all, where capacity is counted."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with an endpoint for a while."""

    kind: FaultKind
    size: float = 1.0
    start_s: float = 0.0
    end_s: float = DURATION_S

    def holds(self, at: float) -> bool:
        """Return whether it is wrong at that time."""
        if not self.start_s <= at < self.end_s:
            return False
        return self.kind != "flap" or (at - self.start_s) % (2.0 * self.size) < self.size


@dataclass(frozen=True)
class Place:
    """One endpoint: how long an answer takes on average, and how many it works on at once."""

    mean_s: float
    slots: int = 20
    faults: tuple[Fault, ...] = ()

    def capacity(self, at: float) -> float:
        """Return how many good answers it can give in a second."""
        slots, mean_s, good = float(self.slots), self.mean_s, 1.0
        for fault in self.faults:
            if not fault.holds(at):
                continue
            if fault.kind in ("hang", "refuse", "flap"):
                return 0.0
            if fault.kind == "slow":
                mean_s *= fault.size
            elif fault.kind == "overloaded":
                slots = min(slots, fault.size)
            elif fault.kind == "rate_limited":
                good *= fault.size
            elif fault.kind in ("late_error", "cut"):
                good *= max(1.0 - fault.size, LEAST_ANSWERED)
        return good * slots / mean_s


@dataclass(frozen=True)
class Mix:
    """A world: its endpoints, its faults, its traffic."""

    name: str
    rate: float
    """Requests per second outside of bursts."""
    places: tuple[Place, ...]
    streamed: bool = False
    burst: float = 1.5
    duration_s: float = DURATION_S

    def worst_capacity(self) -> float:
        """Return the good answers per second that all can give together when they can give least."""
        times = range(0, int(self.duration_s), 5)
        return min(sum(place.capacity(at) for place in self.places) for at in times)

    def shortened(self, duration_s: float) -> "Mix":
        """Return the same course of events in less time."""
        ratio = duration_s / self.duration_s

        def scaled(fault: Fault) -> Fault:
            size = fault.size * ratio if fault.kind == "flap" else fault.size
            return replace(fault, size=size, start_s=fault.start_s * ratio, end_s=fault.end_s * ratio)

        places = tuple(replace(each, faults=tuple(map(scaled, each.faults))) for each in self.places)
        return replace(self, places=places, duration_s=duration_s)


def published() -> Mix:
    """Return the mix of five endpoints that the goals were published for."""
    return Mix(
        "published",
        40.0,
        (
            Place(0.8),
            Place(1.2, faults=(Fault("slow", 5.0, 300.0),)),
            Place(2.0),
            Place(1.0, faults=(Fault("error", 0.3),)),
            Place(1.0, faults=(Fault("hang", 1.0, 180.0, 420.0),)),
        ),
    )


def held_out() -> Mix:
    """Return the second published mix, which was tuned on too: the fastest hangs, another slows down and recovers."""
    return Mix(
        "held_out",
        30.0,
        (
            Place(0.6, faults=(Fault("hang", 1.0, 150.0, 300.0),)),
            Place(1.0, faults=(Fault("slow", 5.0, 240.0, 420.0),)),
            Place(1.5, faults=(Fault("overloaded", 8.0),)),
            Place(1.0, faults=(Fault("late_error", 0.2),)),
            Place(2.0),
        ),
    )


def drawn(rng: random.Random, name: str, *, load: tuple[float, float]) -> Mix:
    """Return a fresh mix whose traffic is a share, between these two, of what can be served when least can be."""
    places = [Place(round(_between(rng, 0.4, 2.5), 2), rng.randint(5, 16)) for _ in range(rng.randint(3, 8))]
    faulty = rng.sample(range(len(places)), k=min(rng.randint(1, 3), len(places) - 1))
    for number in faulty:
        places[number] = replace(places[number], faults=(_fault(rng),))
    mix = Mix(name, 1.0, tuple(places), streamed=rng.random() < 0.5, duration_s=DRAWN_S)
    return replace(mix, rate=round(rng.uniform(*load) * mix.worst_capacity(), 1))


def _fault(rng: random.Random) -> Fault:
    kinds = tuple(_SIZES)
    kind: FaultKind = rng.choice(kinds)
    start_s = rng.uniform(0.1, 0.5) * DRAWN_S
    return Fault(kind, _SIZES[kind](rng), start_s, start_s + rng.uniform(0.15, 0.5) * DRAWN_S)


def _between(rng: random.Random, low: float, high: float) -> float:
    """Return a value of which each factor is as likely as any other."""
    return low * (high / low) ** rng.random()


_SIZES: dict[FaultKind, Callable[[random.Random], float]] = {
    "slow": lambda rng: rng.uniform(3.0, 8.0),
    "hang": lambda rng: float(rng.randint(1, 2)),
    "error": lambda rng: rng.uniform(0.1, 0.9),
    "rate_limited": lambda rng: rng.uniform(0.2, 0.7),
    "overloaded": lambda rng: float(rng.randint(4, 8)),
    "late_error": lambda rng: rng.uniform(0.1, 0.9),
    "refuse": lambda rng: 1.0,
    "flap": lambda rng: rng.uniform(5.0, 30.0),
    "cut": lambda rng: rng.uniform(0.2, 1.0),
}
