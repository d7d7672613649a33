"""Other detectors in the same worlds: Page-Hinkley, and CUSUMs tuned to the drop that is looked for.

They watch the quality of everything alone, no other signal and no slice; their thresholds are set to have one false
alarm a day on the very days on which they are judged. That is more than they would have in use.
"""

import math
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from benchmarks.alarms_world.play import MOST_REQUESTS, Moment
from benchmarks.alarms_world.world import World

TUNED_TO = 0.1
_DELTA = 0.005
_MEMORY = 20_000.0
"""Requests over which a CUSUM that does not know the rates takes the usual one: two days."""

_STEPS = 14

Detector = Callable[[list[float], list[float], float, "State"], int | None]


class State:
    """What a detector remembers."""

    __slots__ = ("count", "mean", "total")

    def __init__(self, mean: float = 0.0, total: float = 0.0, count: int = 0) -> None:
        self.mean, self.total, self.count = mean, total, count

    def copy(self) -> "State":
        return State(self.mean, self.total, self.count)


def page_hinkley(losses: list[float], rates: list[float], level: float, state: State) -> int | None:
    """Return the index at which Page's test in Hinkley's form alarms, as in the library river (delta .005)."""
    mean, total, count = state.mean, state.total, state.count
    for number, loss in enumerate(losses):
        count += 1
        mean += (loss - mean) / count
        total = max(0.0, 0.9999 * total + loss - mean - _DELTA)
        if total > level:
            state.mean, state.total, state.count = 0.0, 0.0, 0
            return number
    state.mean, state.total, state.count = mean, total, count
    return None


def cusum(losses: list[float], rates: list[float], level: float, state: State) -> int | None:
    """Return the index at which a CUSUM alarms that takes the mean so far as usual, and looks for 10 points more."""
    mean, total, count = state.mean, state.total, state.count
    for number, loss in enumerate(losses):
        usual = min(max(mean, 0.01), 0.85)
        total = max(0.0, total + _gain(loss, usual))
        count += 1
        mean += (loss - mean) / min(count, _MEMORY)
        if total > level:
            state.mean, state.total, state.count = mean, 0.0, count
            return number
    state.mean, state.total, state.count = mean, total, count
    return None


def knowing_cusum(losses: list[float], rates: list[float], level: float, state: State) -> int | None:
    """Return the index at which a CUSUM alarms that knows the true rate of every request: nobody does."""
    total = state.total
    for number, (loss, rate) in enumerate(zip(losses, rates, strict=True)):
        total = max(0.0, total + _gain(loss, min(rate, 0.85)))
        if total > level:
            state.total = 0.0
            return number
    state.total = total
    return None


DETECTORS: dict[str, Detector] = {
    "page_hinkley": page_hinkley,
    "cusum": cusum,
    "knowing_cusum": knowing_cusum,
}


def _gain(loss: float, usual: float) -> float:
    worse = usual + TUNED_TO
    return math.log(worse / usual) if loss else math.log((1.0 - worse) / (1.0 - usual))


def delays(
    name: str, worlds: Sequence[World], moments: Sequence[Moment], drops: Sequence[float], false_alarms: int
) -> dict[float, float]:
    """Return the median requests until an alarm for each drop, of a detector with so many false alarms."""
    detector = DETECTORS[name]
    streams = [_stream(world) for world in worlds]
    level = _level(detector, streams, false_alarms)
    found: dict[float, list[int]] = {drop: [] for drop in drops}
    for which, world in enumerate(worlds):
        numbers = sorted(moment.number for moment in moments if moment.world == which)
        for number, state in _states(detector, streams[which], level, numbers):
            for drop in drops:
                found[drop].append(_delay(detector, world, number, drop, level, state.copy()))
    return {drop: float(median(each)) for drop, each in found.items()}


def _stream(world: World) -> tuple[list[float], list[float], list[int]]:
    """Return the losses of quality that are known at once, their true rates, and whose they are."""
    known = np.flatnonzero(world.is_known[:, 0])
    losses = (world.chances[known, 0] < world.rates[known, 0]).astype(float)
    return losses.tolist(), world.rates[known, 0].tolist(), known.tolist()


def _alarms(detector: Detector, losses: list[float], rates: list[float], level: float, state: State) -> int:
    count, since = 0, 0
    while since < len(losses):
        found = detector(losses[since:], rates[since:], level, state)
        if found is None:
            break
        count, since = count + 1, since + found + 1
    return count


def _level(
    detector: Detector, streams: Sequence[tuple[list[float], list[float], list[int]]], most: int
) -> float:
    """Return the lowest level that has at most so many alarms in the worlds without a fault."""
    low, high = 1.0, 200.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        count = 0
        for losses, rates, _ids in streams:
            count += _alarms(detector, losses, rates, middle, State())
            if count > most:
                break
        low, high = (middle, high) if count > most else (low, middle)
    return high


def _states(
    detector: Detector, stream: tuple[list[float], list[float], list[int]], level: float, numbers: list[int]
) -> list[tuple[int, State]]:
    """Return what the detector remembers at these requests, false alarms and all."""
    losses, rates, ids = stream
    state, since = State(), 0
    found: list[tuple[int, State]] = []
    for number in numbers:
        until = int(np.searchsorted(ids, number))
        _alarms(detector, losses[since:until], rates[since:until], level, state)
        since = until
        found.append((number, state.copy()))
    return found


def _delay(detector: Detector, world: World, number: int, drop: float, level: float, state: State) -> int:
    stretch = slice(number, number + MOST_REQUESTS)
    known = np.flatnonzero(world.is_known[stretch, 0])
    rates = world.rates[stretch, 0][known]
    losses = (world.chances[stretch, 0][known] < rates + drop).astype(float)
    found = detector(losses.tolist(), rates.tolist(), level, state)
    return MOST_REQUESTS if found is None else int(known[found]) + 1
