"""A recovery whose process ends before, inside or after any step goes on, and takes each action once."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from recovery_samples import World, event
from test_recovery_workflow import workflow

from guardian_cluster.domain.action import kind_of
from guardian_cluster.domain.incident import FailureEvent
from guardian_cluster.domain.recovery import RecoveryResult
from guardian_cluster.engine.held import HeldRun, HeldSteps

_Result = TypeVar("_Result")

ENDS = {
    "confirmed": (frozenset({"drain"}), "hang"),
    "backup": (frozenset({"backup"}), "hang"),
    "nothing": (frozenset[str](), "wrong_format"),
    "manual": (frozenset({"backup"}), None),
}


AWAY_S = 3.0
"""Until another process takes it up."""


class Died(BaseException):
    """The process ended."""


class Dying:
    """Steps of which one is the last that this process does."""

    def __init__(self, steps: HeldSteps, moment: str, number: int) -> None:
        self.id = steps.id
        self._steps = steps
        self._death = (moment, number)
        self._number = 0

    async def step(
        self, name: str, work: Callable[[str], Awaitable[_Result]], returns: type[_Result]
    ) -> _Result:
        self._number += 1
        number = self._number
        self._die("before", number)

        async def done(key: str) -> _Result:
            result = await work(key)
            self._die("inside", number)
            return result

        result = await self._steps.step(name, done, returns)
        self._die("after", number)
        return result

    def _die(self, moment: str, number: int) -> None:
        if (moment, number) == self._death:
            raise Died


def fresh(name: str) -> tuple[World, FailureEvent]:
    helped_by, cause = ENDS[name]
    failure = event(where=() if cause is None else event().where)
    return World(helped_by=helped_by, cause=cause), failure  # type: ignore[arg-type]


async def went_through(
    world: World, failure: FailureEvent, moment: str = "", number: int = 0
) -> tuple[RecoveryResult, int]:
    """Return what came of a recovery that died once, and the number of its steps."""
    held = HeldRun("failure-e1", "failure-recovery", failure, "", world.clock.now())
    try:
        steps = Dying(HeldSteps(held, world.clock, ()), moment, number)
        result = await workflow(world).handle_failure_event(failure, steps)
    except Died:
        await world.wait(AWAY_S)
        result = await workflow(world).handle_failure_event(failure, HeldSteps(held, world.clock, ()))
    return result, len(held.steps)


async def left(world: World) -> dict[str, object]:
    """Return all that a recovery left behind, but for when."""
    (kept,) = await world.store.incidents()
    lines = [entry.said for entry in kept.history]
    return {
        "actions": sorted((each.id, each.state) for each in await world.store.actions()),
        "moves": [(held.id, kind_of(held.move)) for held in world.moves],
        "counts": [
            await world.store.counts("hang"),
            await world.store.counts("wrong_format"),
            await world.store.counts(None),
        ],
        "patterns": [(each.seen, each.helped) for each in await world.store.patterns("writer")],
        "alerts": list(world.alerts.values()),
        "changes": list(world.changes.values()),
        "incident": (kept.state, kept.event_ids, kept.action_ids, kept.flaps, kept.escalation),
        "history": sorted(line for line in lines if "requests lose" not in line),
    }


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("moment", ["before", "inside", "after"])
async def test_a_death_at_any_step_changes_nothing(name: str, moment: str) -> None:
    world, failure = fresh(name)
    expected, steps = await went_through(world, failure)
    wanted = await left(world)
    assert steps > 8

    for number in range(1, steps + 1):
        world, failure = fresh(name)
        result, _ = await went_through(world, failure, moment, number)

        assert await left(world) == wanted, number
        assert result.recovery_outcome.action_ids == expected.recovery_outcome.action_ids
        assert result.recovery_outcome.kept == expected.recovery_outcome.kept
        assert await world.store.result("e1") == result


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
async def test_a_death_at_the_edge_of_the_budget_leaves_no_action_that_its_run_does_not_know(
    moment: str,
) -> None:
    for number in range(1, 30):
        world, failure = fresh("confirmed")
        world.policy = type(world.policy)(actions_per_hour=1)
        result, _ = await went_through(world, failure, moment, number)

        active = {each.id for each in await world.store.actions(active_only=True)}
        assert active == set(result.recovery_outcome.kept)


async def test_other_settings_after_a_death_do_not_change_the_way_of_a_run() -> None:
    world, failure = fresh("confirmed")
    held = HeldRun("failure-e1", "failure-recovery", failure, "", world.clock.now())
    steps = Dying(HeldSteps(held, world.clock, ()), "after", 8)
    with pytest.raises(Died):
        await workflow(world).handle_failure_event(failure, steps)
    world.policy = type(world.policy)(autonomy="observe")

    result = await workflow(world).handle_failure_event(failure, HeldSteps(held, world.clock, ()))

    assert result.validation_result.state == "confirmed"
