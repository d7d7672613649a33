"""Plays cases: several gateways side by side, each with its share of them, one case after the other."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack

from benchmarks.harness.processes import core_wait_ns
from benchmarks.harness.report import note
from benchmarks.harness.targets import WORKER
from benchmarks.resilience_world.gateways import Door, Guardian
from benchmarks.resilience_world.house import trouble
from benchmarks.resilience_world.stage import Stage
from benchmarks.resilience_world.suite import Case
from benchmarks.resilience_world.traffic import Plan, Played, play

Serve = Callable[[Sequence[Stage], int], AbstractContextManager[Door]]
"""Starts a gateway in front of the endpoints of the cases of one lane, counted from 0."""

APART_S = 0.35
"""By which lanes begin one after the other, so that their strikes do not fall on the same moment."""


async def play_all(
    cases: Sequence[Case], serve: Serve, plan: Plan, seed: int, lanes: int
) -> tuple[dict[str, Played], float]:
    """Play each case; return what happened, by name, and the share of time in which gateways waited for a core.

    SIGTERM cancels it.
    """
    playing_all = asyncio.current_task()
    assert playing_all is not None
    # In order, so that what was started is stopped: an exception out of a signal's handler would pass the loop by.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing_all.cancel)
    shares = [cases[at::lanes] for at in range(min(lanes, len(cases)))]
    async with asyncio.TaskGroup() as group:
        playing = [
            group.create_task(_play_lane(share, serve, plan, seed, number))
            for number, share in enumerate(shares)
        ]
    found = {name: played for task in playing for name, played in task.result()[0].items()}
    waited = [task.result()[1] for task in playing]
    return {case.name: found[case.name] for case in cases}, sum(waited) / len(waited)


async def _play_lane(
    cases: Sequence[Case], serve: Serve, plan: Plan, seed: int, lane: int
) -> tuple[dict[str, Played], float]:
    async with AsyncExitStack() as exits:
        stages = [await exits.enter_async_context(Stage(case, seed)) for case in cases]
        door = await exits.enter_async_context(_served(serve, stages, lane))
        await asyncio.sleep(APART_S * lane)
        worker = door.running.find(WORKER) or door.running.process.pid
        began, waited_ns = time.monotonic(), core_wait_ns(worker)
        played = {stage.name: await _play_case(stage, door, plan, seed) for stage in stages}
        return played, (core_wait_ns(worker) - waited_ns) / 1e9 / (time.monotonic() - began)


async def _play_case(stage: Stage, door: Door, plan: Plan, seed: int) -> Played:
    note(stage.name)
    ending = AsyncExitStack()

    async def strike() -> None:
        if stage.case.house and isinstance(door, Guardian):
            await ending.enter_async_context(trouble(stage.case.house, door.running.process.pid, door.data))
        else:
            stage.strike()

    async def lift() -> None:
        await ending.aclose()
        stage.lift()

    async with ending:
        return await play(stage, door.base_url, plan, seed, strike, lift)


@contextlib.asynccontextmanager
async def _served(serve: Serve, stages: Sequence[Stage], lane: int) -> AsyncGenerator[Door]:
    """Start and stop a gateway away from the event loop, which others use meanwhile."""
    running = serve(stages, lane)
    door = await asyncio.to_thread(running.__enter__)
    try:
        yield door
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)
