"""The watcher of windows: how each signal stands, what took the time, and which alarms are open."""

from collections.abc import Sequence

import pytest
from guardian_reports import alarm
from harness import SOLVER
from sample_records import NOON

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.monitoring import SignalReading
from guardian_cluster.domain.observation import Observation, Signal, Try
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.watcher import WindowWatcher, watched


class Windows:
    """One window, whoever asks."""

    def __init__(self, window: Window) -> None:
        self._window = window

    async def window(self, specialist: str) -> Window:
        return self._window


class Expected:
    """Expectations for the errors of the solver, and none for its cost."""

    def readings(self, specialist: str) -> Sequence[SignalReading]:
        assert specialist == "solver"
        return [reading("error", expected=0.02), reading("cost", expected=None)]


def reading(signal: Signal, expected: float | None) -> SignalReading:
    return SignalReading(signal=signal, requests=9_999, observed=0.5, low=0.0, high=1.0, expected=expected)


def seen(number: int = 0, **changes: object) -> Observation:
    values: dict[str, object] = {
        "id": f"r{number}",
        "at": NOON + number,
        "specialist": "solver",
        "dimensions": {},
        "losses": {"error": 0.0, "quality": 0.25},
        "duration_ms": 100.0,
        "overhead_ms": 2.0,
    }
    return Observation(**(values | changes))  # type: ignore[arg-type]


def window(*observations: Observation, alarms: Sequence[Alarm] = ()) -> Window:
    return Window(
        specialist="solver",
        since=NOON - 60,
        until=NOON,
        observations=observations,
        alarms=tuple(alarms),
    )


async def test_each_signal_is_told_with_an_interval_and_what_was_expected_of_it() -> None:
    errors = [seen(n, losses={"error": float(n < 10), "cost": 0.0}) for n in range(100)]
    watcher = WindowWatcher(Windows(window(*errors)), ManualClock(NOON), Expected())

    report = await watcher.continuous_monitor(SOLVER)

    error, cost = report.signals
    assert (error.signal, error.requests, error.observed, error.expected) == ("error", 100, 0.1, 0.02)
    assert 0.04 < error.low < 0.1 < error.high < 0.18
    assert (cost.signal, cost.expected) == ("cost", None)
    assert (report.specialist, report.requests) == ("solver", 100)


def test_a_signal_of_which_nothing_is_known_is_not_told() -> None:
    report = watched(window(seen(losses={})), {}, at=NOON)

    assert report.signals == ()
    assert report.requests == 1


def test_only_open_alarms_are_told() -> None:
    alarms = [alarm("a1"), alarm("a2", closed=NOON)]

    report = watched(window(alarms=alarms), {}, at=NOON)

    assert [each.id for each in report.alarms] == ["a1"]
    assert report.load is None


def test_what_took_the_time_is_told_by_endpoint() -> None:
    quick = Try(endpoint="solver/1", outcome="ok", duration_ms=100.0)
    slow = Try(endpoint="solver/2", outcome="ok", duration_ms=900.0)
    failed = Try(endpoint="solver/2", outcome="failed", duration_ms=9_000.0)
    busy = seen(3, error="specialist_busy", duration_ms=0.0, overhead_ms=0.0)

    load = watched(window(seen(tries=(quick,)), seen(1, tries=(failed, slow)), busy), {}, at=NOON).load

    assert load is not None
    assert load.overhead_share == pytest.approx(0.02)
    assert load.no_room_share == pytest.approx(1 / 3)
    assert {pace.endpoint: pace.typical_ms for pace in load.paces} == {"solver/1": 100.0, "solver/2": 900.0}
