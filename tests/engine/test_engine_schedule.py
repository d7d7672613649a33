"""A schedule runs once for each of its times, and makes up for none that it missed."""

import asyncio
import math

import pytest
from engine_world import PATIENCE_S, MakeEngine, World, until_inside
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.engine import ticking
from guardian_cluster.engine.engine import Engine, RunState
from guardian_cluster.engine.memory import MemoryEngine
from guardian_cluster.engine.ticking import Schedule

START = 1_700_000_000.0  # 20 s after a full minute


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "_LOOK_S", 0.01)


async def count_of(engine: Engine, at_least: int, state: RunState | None = None) -> int:
    """Return how many runs there are, once so many are there, in that state."""
    async with asyncio.timeout(PATIENCE_S):
        while len(runs := await engine.runs(limit=100, state=state)) < at_least:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.05)  # longer than the clock is not looked at
    return len(await engine.runs(limit=100)) if runs else 0


@pytest.mark.asyncio(loop_scope="module")
async def test_each_time_is_run_once_and_a_missed_one_never(make_engine: MakeEngine, world: World) -> None:
    clock = ManualClock(START)
    engine = world.add_to(make_engine(clock), "total")
    engine.schedule("total", [1], every_s=60.0, name="each minute")
    await engine.start()
    try:
        counts = [await count_of(engine, 0)]
        for seconds, at_least in ((41.0, 1), (600.0, 2), (60.0, 3)):
            clock.advance(seconds)
            # Done, for a time is left out while the run of the one before it goes on.
            counts.append(await count_of(engine, at_least, "done"))
    finally:
        await engine.close(drain_s=PATIENCE_S)

    assert counts == [0, 1, 2, 3]


async def test_a_clock_that_is_set_back_stops_no_schedule() -> None:
    clock = ManualClock(START)
    engine = World().add_to(MemoryEngine(clock), "total")
    engine.schedule("total", [1], every_s=60.0, name="each minute")
    await engine.start()
    clock.advance(600.0)
    before = await count_of(engine, 1)
    clock.advance(-500.0)
    async with asyncio.timeout(PATIENCE_S):
        while await count_of(engine, 0) <= before:
            clock.advance(60.0)  # whoever looks at the clock may have missed that it was set
            await asyncio.sleep(0.01)
    await engine.close(drain_s=0.0)


async def test_a_time_is_left_out_while_the_run_of_one_before_goes_on() -> None:
    clock, world = ManualClock(START), World()
    engine = world.add_to(MemoryEngine(clock))
    engine.schedule("gated", "busy", every_s=60.0, name="each minute")
    await engine.start()
    clock.advance(60.0)
    await until_inside(world, 1)
    clock.advance(60.0)

    assert await count_of(engine, 1) == 1
    await engine.close(drain_s=0.0)


@given(now=st.floats(0, 4e9), every_s=st.floats(0.1, 1e6))
def test_the_next_time_is_later_by_at_most_the_interval(now: float, every_s: float) -> None:
    schedule = Schedule(name="s", workflow="w", argument=None, every_s=every_s)
    due = schedule.next_after(now)

    assert due >= now
    assert due - now <= every_s + 1e-5  # of seconds since 1970
    assert schedule.run_id(due) == schedule.run_id(schedule.next_after(math.nextafter(due, 0) - every_s / 2))


@pytest.mark.parametrize("every_s", [0.0, -1.0, math.nan, math.inf])
def test_an_interval_that_is_none_is_refused(every_s: float) -> None:
    engine = World().add_to(MemoryEngine())

    with pytest.raises(ValueError, match="every_s"):
        engine.schedule("total", [1], every_s=every_s, name="s")
