"""What every engine does, in memory and over both databases: the same, value for value."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from engine_world import PATIENCE_S, Order, World, failure_of, until, until_done, until_inside, until_left

from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.engine.engine import Engine, RunFailed

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_run_returns_what_its_body_returns(engine: Engine) -> None:
    assert await engine.run("total", [1, 2, 3]) == 6


async def test_what_json_has_not_comes_back_as_it_was_declared(engine: Engine) -> None:
    order = Order(datetime(2026, 1, 2, tzinfo=UTC), (1.5, 2.0), {7: "seven"})

    assert await engine.run("ordered", order) == order


async def test_no_two_runs_have_the_same_id(engine: Engine) -> None:
    ids = await asyncio.gather(*(engine.enqueue("total", [number]) for number in range(12)))

    results = await asyncio.gather(*(engine.result(id, timeout_s=PATIENCE_S) for id in ids))

    assert len(set(ids)) == 12
    assert results == list(range(12))


async def test_a_run_with_a_known_id_is_that_run(engine: Engine) -> None:
    await engine.run("total", [1], id="known")

    assert await engine.enqueue("total", [2], id="known") == "known"
    assert await engine.result("known", timeout_s=PATIENCE_S) == 1
    with pytest.raises(ValueError, match="another workflow"):
        await engine.enqueue("gated", "x", id="known")


async def test_an_id_that_cannot_be_shown_is_refused(engine: Engine) -> None:
    for id in ("", " ", "a\nb", "x" * 201):
        with pytest.raises(ValueError, match="no id"):
            await engine.enqueue("total", [1], id=id)


async def test_what_is_not_known_or_of_another_type_is_not_enqueued(engine: Engine) -> None:
    with pytest.raises(KeyError):
        await engine.enqueue("unknown", 1)
    with pytest.raises(ValueError, match="Expected"):
        await engine.enqueue("total", "no list")
    with pytest.raises(KeyError):
        await engine.result("nothing", timeout_s=1.0)
    assert await engine.run_of("nothing") is None


async def test_one_that_runs_under_a_once_key_is_that_run_until_it_ends(engine: Engine, world: World) -> None:
    first = await engine.enqueue("gated", "once", once="one")
    again = await engine.enqueue("gated", "once", once="one")
    other = await engine.enqueue("total", [1], once="one")
    world.gates["once"].set()
    await engine.result(first, timeout_s=PATIENCE_S)

    later = await engine.enqueue("gated", "once", once="one")

    assert again == first
    assert len({first, other, later}) == 3
    await engine.result(later, timeout_s=PATIENCE_S)


async def test_no_more_run_at_once_than_may(engine: Engine, world: World) -> None:
    world.most_inside = 0
    ids = [await engine.enqueue("gated", "room") for _ in range(5)]
    await until_inside(world, 2)

    waiting = await engine.runs(workflow="gated", state="waiting")
    world.gates["room"].set()
    await asyncio.gather(*(engine.result(id, timeout_s=PATIENCE_S) for id in ids))

    assert len({run.id for run in waiting} & {*ids}) == 3
    assert world.most_inside == 2


async def test_a_cancelled_run_ends_in_the_middle_of_a_step_and_goes_on_after_its_last_good_one(
    engine: Engine, world: World
) -> None:
    id = await engine.enqueue("gated", "cancelled")
    await until_inside(world, 1)

    was_cancelled = [await engine.cancel(id), await engine.cancel(id)]
    said = await failure_of(engine, id)
    steps = (await until(engine, id, "cancelled")).steps
    await until_left(world)
    world.gates["cancelled"].set()
    was_resumed = [await engine.resume(id), await engine.resume(id)]
    result = await engine.result(id, timeout_s=PATIENCE_S)

    assert (was_cancelled, was_resumed) == ([True, False], [True, False])
    assert said == f"run {id} of gated was cancelled"
    assert [step.name for step in steps] == ["before"]
    assert result == f"{id}:3:after"
    assert [world.times(id, step) for step in ("before", "wait", "after")] == [1, 1, 1]


async def test_a_waiting_run_is_cancelled_without_a_step(engine: Engine, world: World) -> None:
    before = [await engine.enqueue("gated", "full") for _ in range(2)]
    await asyncio.gather(*(until_done(world, id, "before") for id in before))
    id = await engine.enqueue("gated", "full")

    assert await engine.cancel(id)

    world.gates["full"].set()
    await asyncio.gather(*(engine.result(each, timeout_s=PATIENCE_S) for each in before))
    assert (await until(engine, id, "cancelled")).steps == ()


async def test_a_failed_run_says_why_and_does_only_its_failed_step_again(
    engine: Engine, world: World
) -> None:
    id = await engine.enqueue("flaky", "cat")
    said = await failure_of(engine, id)
    failed = await until(engine, id, "failed")
    world.healthy.add("cat")

    assert await engine.resume(id)

    assert await engine.result(id, timeout_s=PATIENCE_S) == [f"{id}:1:first", f"{id}:2:second"]
    assert said == f"run {id} of flaky failed: step second: LookupError: cat is ill"
    assert [(step.number, step.name, step.error) for step in failed.steps] == [
        (1, "first", ""),
        (2, "second", "LookupError: cat is ill"),
    ]
    assert [world.times(id, step) for step in ("first", "second")] == [1, 2]


async def test_a_run_of_which_several_steps_failed_does_all_after_the_first_again(
    engine: Engine, world: World
) -> None:
    id = await engine.enqueue("together", "dog")
    await failure_of(engine, id)
    world.healthy.add("dog")

    assert await engine.resume(id)

    assert await engine.result(id, timeout_s=PATIENCE_S) == 4
    assert [world.times(id, f"part-{number}") for number in range(4)] == [1, 2, 2, 2]


async def test_a_step_that_meets_what_is_away_is_done_again_until_it_is_back(
    engine: Engine, world: World
) -> None:
    id = await engine.enqueue("patient", "x")

    assert await engine.result(id, timeout_s=PATIENCE_S) == f"{id}:1:ask"
    assert world.times(id, "ask") == 3


async def test_an_urgent_run_begins_before_those_that_wait(engine: Engine, world: World) -> None:
    first = await engine.enqueue("single", "urgent")
    await until_done(world, first, "before")
    waits = await engine.enqueue("single", "urgent")
    urgent = await engine.enqueue("single", "urgent", urgent=True)
    world.gates["urgent"].set()

    await asyncio.gather(*(engine.result(id, timeout_s=PATIENCE_S) for id in (waits, urgent)))

    begun = [key.split(":")[0] for key in world.done if key.endswith(":before")]
    assert begun.index(urgent) < begun.index(waits)


async def test_what_a_body_raises_is_said_shortened(engine: Engine) -> None:
    id = await engine.enqueue("raising", "half \\ud800 " + "x" * 5_000)

    said = await failure_of(engine, id)

    assert said.startswith(f"run {id} of raising failed: ValueError: half ")
    assert len(said) < 700


async def test_a_body_may_catch_what_a_step_raised(engine: Engine) -> None:
    assert await engine.run("catching", "x") == "KeyError in fail"


async def test_steps_at_once_have_the_numbers_in_which_they_were_begun(engine: Engine) -> None:
    id = await engine.enqueue("wide", 6)

    keys = await engine.result(id, timeout_s=PATIENCE_S)

    run = await engine.run_of(id)
    assert keys == [f"{id}:{number + 1}:part-{number}" for number in range(6)]
    assert run is not None
    assert [(step.number, step.name) for step in run.steps] == [(n + 1, f"part-{n}") for n in range(6)]


async def test_a_step_that_returns_what_cannot_be_kept_fails(engine: Engine) -> None:
    values: list[Any] = ["nan", "no number", 1_200_000, None]
    ids = [await engine.enqueue("returned", what) for what in values]

    failures = await asyncio.gather(*(failure_of(engine, id) for id in ids))

    assert ["step give: NotKeepable" in failure for failure in failures] == [True] * 4


async def test_a_run_that_takes_too_long_is_cancelled(engine: Engine) -> None:
    id = await engine.enqueue("endless", "x")

    assert (await until(engine, id, "cancelled")).steps == ()


async def test_who_waits_for_a_run_waits_only_so_long(engine: Engine, world: World) -> None:
    id = await engine.enqueue("gated", "patience")

    with pytest.raises(TimeoutError):
        await engine.result(id, timeout_s=0.05)

    world.gates["patience"].set()
    await engine.result(id, timeout_s=PATIENCE_S)


async def test_runs_are_listed_newest_first(engine: Engine) -> None:
    ids = [await engine.enqueue("total", [number], id=f"listed-{number}") for number in range(3)]
    await asyncio.gather(*(engine.result(id, timeout_s=PATIENCE_S) for id in ids))
    with pytest.raises(RunFailed):
        await engine.run("raising", "x")

    listed = await engine.runs(workflow="total", state="done")
    failed = await engine.runs(state="failed", limit=1)

    assert [run.id for run in listed if run.id in ids] == ids[::-1]
    assert next((run.argument, run.result) for run in listed if run.id in ids) == ("[2]", "2")
    assert [run.workflow for run in failed] == ["raising"]


async def test_only_what_ended_before_is_forgotten(engine: Engine, world: World) -> None:
    ended, alive = await engine.enqueue("total", [1]), await engine.enqueue("gated", "kept")
    await engine.result(ended, timeout_s=PATIENCE_S)
    await until_done(world, alive, "before")
    kept = await engine.forget(SystemClock().now() - 3_600)

    while await engine.forget(SystemClock().now() + 10):
        pass

    world.gates["kept"].set()
    assert kept == 0
    assert await engine.run_of(ended) is None
    await engine.result(alive, timeout_s=PATIENCE_S)
