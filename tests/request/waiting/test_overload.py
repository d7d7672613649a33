"""What becomes of requests when more come than can be answered, simulated with the room's own rules."""

import heapq
import random
from dataclasses import dataclass, field
from itertools import count

import pytest

from guardian_cluster.contract.snapshot import BalancingPolicy
from guardian_cluster.request.waiting.admission import Admission, Seat
from guardian_cluster.request.waiting.standing import TARGET_SHARE

WAIT_S, SLOTS, MEAN_S, SECONDS = 10.0, 20, 2.0, 120.0
CAPACITY = SLOTS / MEAN_S * SECONDS
KEYS, WEIGHTS = ("large", "small", "other"), (8, 1, 1)


@dataclass
class Simulated:
    """Requests that come at random at slots behind a waiting room."""

    load: float
    seed: int
    came: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KEYS, 0))
    waits: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in KEYS})
    refused: list[float] = field(default_factory=list[float])
    most_idle: int = 0
    """Slots that were free while somebody waited."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.room: Admission[Seat] = Admission(BalancingPolicy(wait_s=WAIT_S))
        self.events: list[tuple[float, int, str]] = []
        self.numbers = count()
        self.busy = 0

    def run(self) -> "Simulated":
        self.at(0.0, "come")
        while self.events:
            now, _, what = heapq.heappop(self.events)
            if what == "come":
                self.come(now)
            elif what == "end":
                self.busy -= 1
            self.refused += [now - late.since for late, _ in self.room.overdue(now)]
            while self.busy < SLOTS and (first := self.room.next(())) is not None:
                self.room.served(first, now)
                self.start(first.key, now, first.since)
            self.most_idle = max(self.most_idle, (SLOTS - self.busy) * bool(self.room.line))
        return self

    def at(self, when: float, what: str) -> None:
        heapq.heappush(self.events, (when, next(self.numbers), what))

    def come(self, now: float) -> None:
        if now < SECONDS:
            self.at(now + self.rng.expovariate(self.load * SLOTS / MEAN_S), "come")
        (key,) = self.rng.choices(KEYS, WEIGHTS)
        self.came[key] += 1
        seat = Seat(lane="s", key=key, since=now, specialist="s", until=self.room.until(1e9, now))
        if self.busy < SLOTS and not self.room.line:
            self.start(key, now, now)
        elif self.room.refusal(seat, now) is not None:
            self.refused.append(0.0)
        else:
            assert self.room.seat(seat, now) is None
            self.at(now + 0.05, "look")

    def start(self, key: str, now: float, since: float) -> None:
        self.busy += 1
        self.waits[key].append(now - since)
        self.at(now + self.rng.lognormvariate(0.51, 0.6), "end")

    @property
    def served(self) -> int:
        return sum(map(len, self.waits.values()))


def share(values: list[float], of: float) -> float:
    return sorted(values)[int(of * (len(values) - 1))] if values else 0.0


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("load", [1.2, 1.5, 2.0, 5.0])
def test_under_overload_all_capacity_is_used_and_who_is_served_waits_little(load: float, seed: int):
    seen = Simulated(load, seed).run()
    waits = [wait for key in KEYS for wait in seen.waits[key]]

    assert seen.served >= 0.95 * CAPACITY
    assert seen.most_idle == 0
    assert share(waits, 0.5) < TARGET_SHARE * WAIT_S
    assert max(seen.refused) <= WAIT_S + 0.5
    assert seen.served + len(seen.refused) == sum(seen.came.values())


@pytest.mark.parametrize("load", [1.2, 1.5, 2.0])
def test_a_key_that_asks_for_less_than_its_share_is_served_as_if_alone(load: float):
    seen = Simulated(load, 3).run()

    for key in ("small", "other"):
        assert len(seen.waits[key]) >= 0.97 * seen.came[key]
        assert share(seen.waits[key], 0.95) < 2.0


def test_keys_that_all_ask_for_more_get_the_same():
    seen = Simulated(5.0, 4).run()
    served = [len(seen.waits[key]) for key in KEYS]

    assert max(served) < 1.2 * min(served)  # before anybody waited, whoever came was served


@pytest.mark.parametrize("load", [0.5, 0.9])
def test_below_capacity_nobody_is_refused(load: float):
    assert Simulated(load, 5).run().refused == []
