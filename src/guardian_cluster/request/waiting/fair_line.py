"""Decides whose turn it is among those that wait: fair between keys, in a lane for each group of endpoints."""

import heapq
from collections import OrderedDict
from collections.abc import Container, Hashable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

MOST_COST = 8.0
"""Ordinary requests that one counts for at most: what an estimate is wrong about must not shut a key out."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One that waits."""

    lane: Hashable
    """Waiters of one lane can all go, or none of them can."""
    key: str
    since: float
    """When it came, by the monotonic clock."""
    cost: float = 1.0
    """In ordinary requests."""


W = TypeVar("W", bound=Waiter)


@dataclass(slots=True)
class _Turns:
    """When it is a key's turn, on the scale of the whole line."""

    tag: float
    order: int
    """Among equal tags, who was given his first is first."""
    waiting: int = 0


class _Lane(Generic[W]):
    __slots__ = ("ages", "keys", "turns")

    def __init__(self) -> None:
        self.ages: OrderedDict[W, None] = OrderedDict()
        """All of the lane, the one that came first in front."""
        self.keys: dict[str, OrderedDict[W, None]] = {}
        self.turns: list[tuple[float, int, str]] = []
        """A heap of tags. Those that have changed since are put right when they come up."""


class FairLine(Generic[W]):
    """Those that wait. Nobody is in it twice, and whoever is served or leaves is in it no more.

    The method is start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996), which gives what deficit round robin
    gives (Shreedhar and Varghese, SIGCOMM 1995), rounds in which each key has one turn, but needs no rounds that
    only pay off debts where one request counts for several. A key that comes takes its place at the end of the
    present round, so its first request waits for at most one turn of each other key, however many requests they have.
    """

    def __init__(self) -> None:
        self._lanes: dict[Hashable, _Lane[W]] = {}
        self._turns: dict[str, _Turns] = {}
        self._now = 0.0
        """The tag of whoever was served last."""
        self._orders = count()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, waiter: W) -> bool:
        lane = self._lanes.get(waiter.lane)
        return lane is not None and waiter in lane.ages

    def add(self, waiter: W) -> None:
        """Let it wait."""
        turns = self._turns.get(waiter.key)
        if turns is None:
            turns = self._turns[waiter.key] = _Turns(self._now + 1.0, next(self._orders))
        turns.waiting += 1
        lane = self._lanes.setdefault(waiter.lane, _Lane[W]())
        if waiter.key not in lane.keys:
            lane.keys[waiter.key] = OrderedDict()
            heapq.heappush(lane.turns, (turns.tag, turns.order, waiter.key))
        lane.keys[waiter.key][waiter] = None
        lane.ages[waiter] = None
        self._count += 1

    def remove(self, waiter: W) -> None:
        """Let it wait no more; nothing happens where it does not."""
        if waiter not in self:
            return
        lane, turns = self._lanes[waiter.lane], self._turns[waiter.key]
        del lane.ages[waiter], lane.keys[waiter.key][waiter]
        self._count -= 1
        turns.waiting -= 1
        if not turns.waiting:
            del self._turns[waiter.key]
        if not lane.keys[waiter.key]:
            del lane.keys[waiter.key]
            self._tidy(waiter.lane, lane)

    def served(self, waiter: W) -> None:
        """Let it go: its key's next turn comes after one of each other."""
        turns = self._turns[waiter.key]
        self._now = max(self._now, turns.tag)
        turns.tag = max(turns.tag, self._now) + min(max(waiter.cost, 1.0), MOST_COST)
        turns.order = next(self._orders)
        self.remove(waiter)

    def first(self, closed: Container[Hashable] = (), newest_first: Container[Hashable] = ()) -> W | None:
        """Return whose turn it is in the lanes that are not `closed`; of its key the oldest, or else the newest."""
        tops = [(top, name) for name in self._lanes if name not in closed and (top := self._top(name))]
        if not tops:
            return None
        (_, _, key), name = min(tops, key=lambda each: each[0])
        line = self._lanes[name].keys[key]
        return next(reversed(line) if name in newest_first else iter(line))

    def oldest(self, lane: Hashable) -> W | None:
        """Return the one of a lane that has waited longest."""
        found = self._lanes.get(lane)
        return next(iter(found.ages)) if found else None

    def waits(self, lane: Hashable) -> bool:
        """Return whether anybody waits in a lane."""
        return lane in self._lanes

    def in_lane(self, lane: Hashable) -> int:
        """Return how many wait in a lane."""
        found = self._lanes.get(lane)
        return len(found.ages) if found else 0

    def ahead(self, lane: Hashable, key: str) -> int:
        """Return how many go before one that came now, in a lane, at most."""
        found = self._lanes.get(lane)
        if found is None:
            return 0
        own = len(found.keys.get(key, ()))
        others = len(found.keys) - (own > 0)
        return min(len(found.ages), own + others * (own + 1))

    def waiting(self, key: str) -> int:
        """Return how many of a key wait."""
        turns = self._turns.get(key)
        return turns.waiting if turns else 0

    def longest(self) -> str:
        """Return the key of which most wait; somebody has to."""
        return max(self._turns, key=lambda key: self._turns[key].waiting)

    def oldest_of(self, key: str) -> W:
        """Return the one of a key that has waited longest; one has to."""
        lines = (lane.keys[key] for lane in self._lanes.values() if key in lane.keys)
        return min((next(iter(line)) for line in lines), key=lambda waiter: waiter.since)

    def lanes(self) -> Iterator[Hashable]:
        """Yield the lanes in which somebody waits."""
        return iter(tuple(self._lanes))

    def _top(self, name: Hashable) -> tuple[float, int, str] | None:
        lane = self._lanes[name]
        while True:
            tag, order, key = top = lane.turns[0]
            turns = self._turns.get(key) if key in lane.keys else None
            if turns is None:
                heapq.heappop(lane.turns)
            elif (turns.tag, turns.order) == (tag, order):
                return top
            else:
                heapq.heapreplace(lane.turns, (turns.tag, turns.order, key))

    def _tidy(self, name: Hashable, lane: _Lane[W]) -> None:
        if not lane.ages:
            del self._lanes[name]
        elif len(lane.turns) > 2 * len(lane.keys) + 8:  # keys that came and went without ever having a turn
            turns = ((self._turns[key], key) for key in lane.keys)
            lane.turns = [(turn.tag, turn.order, key) for turn, key in turns]
            heapq.heapify(lane.turns)
