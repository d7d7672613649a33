"""What an engine leaves when it is closed goes on in the next one, over the same database or in the same memory."""

import pytest
from engine_world import PATIENCE_S, MakeEngine, World, until, until_done

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.engine.engine import Engine, EngineUnavailable

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def started(make_engine: MakeEngine, world: World, clock: ManualClock | None = None) -> Engine:
    engine = make_engine(clock)
    if "total" not in registered(engine):
        world.add_to(engine, "total", "gated", "wide")
    await engine.start()
    return engine


def registered(engine: Engine) -> set[str]:
    return {workflow.name for workflow in engine._registry.workflows}  # type: ignore[attr-defined]


async def test_a_run_that_was_left_half_way_goes_on_and_repeats_no_step(
    make_engine: MakeEngine, world: World
) -> None:
    engine = await started(make_engine, world)
    id = await engine.enqueue("gated", "left")
    await until_done(world, id, "before")
    await engine.close(drain_s=0.0)
    world.gates["left"].set()

    engine = await started(make_engine, world)

    assert await engine.result(id, timeout_s=PATIENCE_S) == f"{id}:3:after"
    assert [world.times(id, step) for step in ("before", "wait", "after")] == [1, 1, 1]
    await engine.close(drain_s=0.0)


async def test_a_run_under_way_may_end_before_the_engine_does(make_engine: MakeEngine, world: World) -> None:
    engine = await started(make_engine, world)
    id = await engine.enqueue("wide", 5)
    await until(engine, id, "running", "done")
    await engine.close(drain_s=PATIENCE_S)

    engine = await started(make_engine, world)

    assert len(await engine.result(id, timeout_s=PATIENCE_S)) == 5
    assert {world.done[key] for key in world.done if key.startswith(id)} == {1}
    await engine.close(drain_s=0.0)


async def test_who_was_not_started_or_was_closed_does_nothing(make_engine: MakeEngine, world: World) -> None:
    engine = await started(make_engine, world)
    await engine.close(drain_s=0.0)

    for asked in (engine.enqueue("total", [1]), engine.runs(), engine.cancel("x"), engine.forget(1.0)):
        with pytest.raises(EngineUnavailable):
            await asked
