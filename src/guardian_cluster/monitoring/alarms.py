"""Raises an alarm when a signal of a specialist is worse than expected, with a bound on how often that is false.

docs/design/alarms.md says what is proven, under which assumption, and what is only measured.
"""

import math
from collections import deque
from collections.abc import Iterable

import numpy as np

from guardian_cluster.domain.alarm import Acceptance, Alarm
from guardian_cluster.domain.monitoring import SignalReading
from guardian_cluster.domain.observation import SIGNALS, Observation, Signal
from guardian_cluster.monitoring.alarm_state import AlarmsState, decoded, encoded
from guardian_cluster.monitoring.alarm_watch import SpecialistWatch
from guardian_cluster.monitoring.alarm_weights import MARK, STREAMS, Known
from guardian_cluster.statistics.e_detector import Floats

MOST_SLICES = 190
"""Of a specialist. Equations with 200 unknowns and more are solved in several threads, which takes longer."""

MOST_SPECIALISTS = 500
_REMEMBERED = 8_192
"""Ids of requests, so that none counts twice when it is read twice."""

_LEAST_BOUND, _LARGEST_BOUND = 2_000.0, 1e9
"""In requests. Of very little traffic even rarer false alarms are hardly worth sooner ones."""

_NUMBERS = {signal: number for number, signal in enumerate(SIGNALS)}


class Alarms:
    """Watches every specialist. Requests count in the order in which they come, whatever their times say.

    `false_alarms_per_day` is of all signals of all specialists together, at the traffic that they have; each
    specialist has an equal part of it.
    """

    def __init__(self, false_alarms_per_day: float = 1.0, *, most_slices: int = MOST_SLICES) -> None:
        if not 0.0 < false_alarms_per_day < math.inf or most_slices < 1:
            raise ValueError(
                f"no alarms with {false_alarms_per_day} false ones a day and {most_slices} slices"
            )
        self._budget = false_alarms_per_day
        self._most_slices = most_slices
        self._watches: dict[str, SpecialistWatch] = {}
        self._taken = _Ids()
        self._heard = _Ids()
        self._closed: list[Alarm] = []

    def configure(self, false_alarms_per_day: float) -> None:
        """Have another bound from now on."""
        self._budget = false_alarms_per_day

    def take(self, observation: Observation) -> list[Alarm]:
        """Take in a request when it was recorded, once; return the alarms that it raises."""
        if not self._taken.add(f"{observation.specialist}/{observation.id}"):
            return []
        watch = self._watches.get(observation.specialist)
        if watch is None:
            if len(self._watches) >= MOST_SPECIALISTS:
                return []
            watch = SpecialistWatch(observation.specialist, self._most_slices)
            self._watches[observation.specialist] = watch
        if math.isfinite(observation.at):
            watch.traffic.add(observation.at)
        is_marked = observation.feedback is not None
        if is_marked:
            self._heard.add(_key(observation))
        return self._judged(watch, observation, _losses(observation, is_marked=is_marked))

    def hear(self, observation: Observation) -> list[Alarm]:
        """Take in what a caller said of a request later; the first mark of a request counts, and no second one."""
        watch = self._watches.get(observation.specialist)
        if watch is None or "quality" not in observation.losses or not self._heard.add(_key(observation)):
            return []
        losses = np.full(STREAMS, np.nan)
        losses[MARK] = _losses(observation, is_marked=True)[MARK]
        return self._judged(watch, observation, losses)

    def _judged(self, watch: SpecialistWatch, observation: Observation, losses: Floats) -> list[Alarm]:
        if np.isnan(losses).all():
            return []
        raised, closed = watch.take(observation, losses, self._bound(watch))
        self._closed += closed
        return raised

    def _bound(self, watch: SpecialistWatch) -> float:
        bound = watch.traffic.bets_per_day * len(self._watches) / self._budget
        return min(max(bound, _LEAST_BOUND), _LARGEST_BOUND)

    def bound(self, specialist: str) -> float:
        """Return how many requests of a specialist one false alarm of any of its signals comes in, at most."""
        return self._bound(self._watches[specialist])

    def open(self, specialist: str = "") -> tuple[Alarm, ...]:
        """Return the alarms that are open, as they are now, of one specialist or all."""
        watches = self._of(specialist) if specialist else self._watches.values()
        return tuple(each.alarm for watch in watches for each in watch.open)

    def closed(self) -> list[Alarm]:
        """Return the alarms that were closed since this was asked last, or found to be narrower than was said."""
        found, self._closed = self._closed, []
        return found

    def accept(self, id: str, acceptance: Acceptance) -> Alarm | None:
        """Close an alarm whose fault is usual from now on: what is expected is learned anew. `None`: none is open."""
        for watch in self._watches.values():
            found = watch.accept(id, acceptance)
            if found is not None:
                self._closed.append(found)
                return found
        return None

    def end(self, id: str, at: float) -> Alarm | None:
        """Close an alarm because what it is about is there no more. `None`: none is open."""
        for watch in self._watches.values():
            found = watch.end(id, at)
            if found is not None:
                self._closed.append(found)
                return found
        return None

    def wait(self, watched_s: float, at: float) -> None:
        """Take in that requests would have been seen for so long: alarms to which none came for days are closed.

        `watched_s` is of a clock that is never set, so that no leap of time closes an alarm.
        """
        for watch in self._watches.values():
            self._closed += watch.wait(watched_s, at)

    def readings(self, specialist: str) -> tuple[SignalReading, ...]:
        """Return how a specialist's signals stand in its latest requests; none where it was never seen."""
        return tuple(each for watch in self._of(specialist) for each in watch.readings())

    def expected(self, observation: Observation) -> dict[Signal, float]:
        """Return which loss is expected of a request on each signal of which enough is known."""
        found = self._watches.get(observation.specialist)
        return found.expected(observation) if found else {}

    def know(self, specialist: str, weights: Known) -> None:
        """Give weight to faults that are thought likely, in place of what was given before.

        Raises ValueError for weights that are no shares, or more than .9 together.
        """
        watch = self._watches.setdefault(specialist, SpecialistWatch(specialist, self._most_slices))
        watch.know(weights)

    @property
    def specialists(self) -> tuple[str, ...]:
        """Those that were seen and not forgotten."""
        return tuple(self._watches)

    def forget(self, specialist: str, at: float) -> None:
        """Forget a specialist that is there no more; its alarms are closed."""
        watch = self._watches.pop(specialist, None)
        if watch is not None:
            self._closed += [each.closed(at, "gone") for each in watch.open]

    def state(self) -> bytes:
        """Return all that is known: another one that is given it goes on exactly as this one."""
        watches = [watch.state() for watch in self._watches.values()]
        return encoded(
            AlarmsState(
                watches=watches, taken=self._taken.all(), heard=self._heard.all(), closed=self._closed
            )
        )

    def restore(self, state: bytes) -> None:
        """Go on where another one was. Raises ValueError for bytes that are no such state; then nothing changes."""
        found = decoded(state)
        if len(found.watches) > MOST_SPECIALISTS:
            raise ValueError("a state of alarms has too many specialists")
        watches = [SpecialistWatch.restored(each, self._most_slices) for each in found.watches]
        self._watches = {watch.specialist: watch for watch in watches}
        self._taken, self._heard = _Ids(found.taken), _Ids(found.heard)
        self._closed = list(found.closed)

    def _of(self, specialist: str) -> tuple[SpecialistWatch, ...]:
        found = self._watches.get(specialist)
        return (found,) if found else ()


class _Ids:
    """The latest ids, each once."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._order = deque(ids, _REMEMBERED)
        self._known = set(self._order)

    def add(self, id: str) -> bool:
        """Remember an id; return whether it is new."""
        if id in self._known:
            return False
        if len(self._order) == _REMEMBERED:
            self._known.discard(self._order[0])
        self._order.append(id)
        self._known.add(id)
        return True

    def all(self) -> list[str]:
        return list(self._order)


def _key(observation: Observation) -> str:
    """Return the name of a request as one specialist's: another that failed it before has it as well."""
    return f"{observation.specialist}\x1f{observation.id}"


def _losses(observation: Observation, *, is_marked: bool) -> Floats:
    """Return the losses by stream; a number that is none, or not between 0 and 1, is not known."""
    found = np.full(STREAMS, np.nan)
    for signal, loss in observation.losses.items():
        if 0.0 <= loss <= 1.0:
            found[MARK if is_marked and signal == "quality" else _NUMBERS[signal]] = loss
    return found
