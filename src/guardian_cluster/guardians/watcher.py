"""The watcher of a specialist's recent past: how each signal stands in the window, and what took the time."""

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.monitoring import EndpointPace, Load, SignalReading, WatcherReport
from guardian_cluster.domain.observation import SIGNALS, Observation, Signal
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.ports import Readings
from guardian_cluster.monitoring.ports import WindowSource
from guardian_cluster.statistics.mean_interval import mean_interval

_Row = tuple[Signal, bool]
_ROWS: tuple[_Row, ...] = (("quality", True), *[(signal, False) for signal in SIGNALS])
"""What callers say of quality is apart from what checks do: few say anything, and those for whom it was bad more."""

NO_ROOM = "specialist_busy"
"""What a caller is told whose request found no room at any endpoint."""

MAX_PACES = 20
"""Endpoints whose pace is told: those with most answers."""


class WindowWatcher:
    """Says how a specialist's answers did in the window; in the stream another watcher looks at each of them."""

    def __init__(self, source: WindowSource, clock: Clock, readings: Readings) -> None:
        self._source = source
        self._clock = clock
        self._readings = readings

    async def continuous_monitor(self, specialist: Specialist) -> WatcherReport:
        """Return how the specialist's answers did, what was to be expected of them, and which alarms are open."""
        window = await self._source.window(specialist.name)
        expected: dict[_Row, float] = {
            (each.signal, each.by_callers): each.expected
            for each in self._readings.readings(specialist.name)
            if each.expected is not None
        }
        # Beside the event loop: 5,000 requests take some 40 ms.
        return await asyncio.to_thread(watched, window, expected, at=self._clock.now())


def watched(window: Window, expected: Mapping[_Row, float], *, at: float) -> WatcherReport:
    """Return what a window shows; `expected` are the losses expected of each signal, as far as they are known.

    A request from after `at`, when clocks have jumped, counts like any other.
    """
    observations = window.observations
    return WatcherReport(
        specialist=window.specialist,
        since=window.since,
        until=max(window.until, at),
        requests=len(observations),
        signals=tuple(_readings(observations, expected)),
        alarms=tuple(alarm for alarm in window.alarms if alarm.closed is None),
        load=load_of(observations) if observations else None,
    )


def _readings(observations: Sequence[Observation], expected: Mapping[_Row, float]) -> Iterable[SignalReading]:
    for signal, by_callers in _ROWS:
        losses = [
            each.losses[signal]
            for each in observations
            if signal in each.losses and (signal != "quality" or by_callers is (each.feedback is not None))
        ]
        if losses:
            low, high = mean_interval(losses)
            yield SignalReading(
                signal=signal,
                by_callers=by_callers,
                requests=len(losses),
                observed=sum(losses) / len(losses),
                low=low,
                high=high,
                expected=expected.get((signal, by_callers)),
            )


def load_of(observations: Sequence[Observation]) -> Load:
    """Return what took these requests their time. There has to be one at least."""
    whole_ms = sum(each.duration_ms for each in observations)
    own_ms = sum(each.overhead_ms for each in observations)
    return Load(
        overhead_share=min(own_ms / whole_ms, 1.0) if whole_ms > 0.0 else 0.0,
        overhead_ms=own_ms / len(observations),
        no_room_share=sum(each.error == NO_ROOM for each in observations) / len(observations),
        paces=_paces(observations),
    )


def _paces(observations: Sequence[Observation]) -> tuple[EndpointPace, ...]:
    times: dict[str, list[float]] = defaultdict(list)
    for each in observations:
        for tried in each.tries:
            if tried.outcome == "ok":
                times[tried.endpoint].append(tried.duration_ms)
    paces = [
        EndpointPace(endpoint=name, requests=len(found), typical_ms=statistics.median(found))
        for name, found in times.items()
    ]
    return tuple(sorted(paces, key=lambda pace: (-pace.requests, pace.endpoint))[:MAX_PACES])
