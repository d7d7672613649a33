"""Plays worlds to the alarms of a cluster, without a fault or with one from some moment on."""

import heapq
import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.alarms_world.world import Fault, World
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.monitoring.alarms import Alarms

MOST_REQUESTS = 5_000
"""An alarm that has not come by then is missed."""

_CHECKED_EVERY = 1_000


class Moment(NamedTuple):
    """When a specialist's quality may drop, as the number of its request."""

    world: int
    number: int


class Probe(NamedTuple):
    """What became of one fault."""

    fault: Fault
    requests: int | None
    """Of the specialist, or of the slice that the fault is in, until the alarm; `None` where none came."""
    alarm: Alarm | None
    began_off: int
    """How many requests too early (below 0) or too late the alarm thinks that it began."""


class Marks:
    """Marks of callers, each heard at its time."""

    def __init__(self, waiting: Sequence[tuple[float, int, int]] = ()) -> None:
        self.waiting = list(waiting)

    def add(self, world: World, number: int, which: int) -> None:
        """Wait for the mark of a request that was just recorded, where its caller makes one."""
        if world.marks[number] < np.inf:
            heapq.heappush(self.waiting, (float(world.marks[number]), which, number))

    def due(self, now: float) -> list[tuple[int, int]]:
        """Return of which requests, by world and number, marks are heard now."""
        found: list[tuple[int, int]] = []
        while self.waiting and self.waiting[0][0] <= now:
            _, which, number = heapq.heappop(self.waiting)
            found.append((which, number))
        return found


class Played(NamedTuple):
    """What came of worlds without a fault, and of faults that were tried in copies of them."""

    false_alarms: list[Alarm]
    probes: list[Probe]
    open_share: float
    """Of the time a specialist had a false alarm open."""


def play(worlds: Sequence[World], moments: Sequence[Moment], drops: Sequence[Fault], budget: float) -> Played:
    """Play the worlds side by side; at each moment try each fault in a copy of what the alarms know by then.

    `budget` is of false alarms a day, of all the worlds.
    """
    alarms, marks = Alarms(budget), Marks()
    at = {(moment.world, moment.number) for moment in moments}
    false: list[Alarm] = []
    probes: list[Probe] = []
    opened, checked = 0, 0
    for count, (which, number) in enumerate(_order(worlds)):
        world = worlds[which]
        if (which, number) in at and not alarms.open(world.specialist):
            known = alarms.state()
            waiting = [mark for mark in marks.waiting if mark[1] == which]
            probes += [
                probe(known, world, which, waiting, fault._replace(since=number), budget) for fault in drops
            ]
        false += alarms.take(world.recorded(number))
        marks.add(world, number, which)
        for other, marked in marks.due(world.times[number]):
            false += alarms.hear(worlds[other].marked(marked))
        if count % _CHECKED_EVERY == 0:
            opened, checked = opened + bool(alarms.open()), checked + 1
    return Played(false, probes, opened / max(checked, 1))


def _order(worlds: Sequence[World]) -> list[tuple[int, int]]:
    """Return the requests of all worlds in the order of their times."""
    times = np.concatenate([world.times for world in worlds])
    which = np.concatenate([np.full(len(world), number) for number, world in enumerate(worlds)])
    numbers = np.concatenate([np.arange(len(world)) for world in worlds])
    order = np.argsort(times, kind="stable")
    return list(zip(which[order].tolist(), numbers[order].tolist(), strict=True))


def probe(
    known: bytes,
    world: World,
    which: int,
    waiting: Sequence[tuple[float, int, int]],
    fault: Fault,
    budget: float,
) -> Probe:
    """Return when a fault is alarmed of, by alarms that know this when it begins."""
    alarms, marks = Alarms(budget), Marks(waiting)
    heapq.heapify(marks.waiting)
    alarms.restore(known)
    inside = 0
    for number in range(fault.since, min(fault.since + MOST_REQUESTS, len(world))):
        inside += world.is_in(number, fault.where)
        raised = alarms.take(world.recorded(number, fault))
        marks.add(world, number, which)
        for _, marked in marks.due(world.times[number]):
            raised += alarms.hear(world.marked(marked, fault))
        found = [alarm for alarm in raised if alarm.signal == "quality"]
        if found:
            began = int(np.searchsorted(world.times, found[0].onset))
            return Probe(fault, inside, found[0], began - fault.since)
    return Probe(fault, None, None, 0)


def drawn_moments(worlds: Sequence[World], count: int, after: float, rng: random.Random) -> list[Moment]:
    """Return moments at random, after this share of each world and early enough for a fault to be missed."""
    found: list[Moment] = []
    while len(found) < count:
        which = rng.randrange(len(worlds))
        last = len(worlds[which]) - MOST_REQUESTS
        found.append(Moment(which, rng.randint(int(after * len(worlds[which])), last)))
    return found
