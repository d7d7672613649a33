"""The workflows that are killed: what they are given, what is right at their end, and which effects they have.

A workflow of the control plane joins them as a `Kind` of its own, as the monitoring cycle and recoveries do.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.kill_sweep_world import monitoring, recovery
from benchmarks.kill_sweep_world.effects import Effects
from benchmarks.kill_sweep_world.place import Place
from guardian_cluster.engine.engine import Run, Workflow

EFFECTS = 5


Opened = Callable[[Place, str, str], AbstractAsyncContextManager[Workflow[Any, Any]]]
ITS_ID = "the id of the run"


class Kind(NamedTuple):
    """A kind of workflow."""

    name: str
    steps: int
    """How many steps it has: before, inside and after each its process is killed."""
    opened: Opened
    """Gives the workflow, for a place, a run's id and the name of the process."""
    argument: Any
    right: Any
    """What it returns; `ITS_ID` stands for the id of the run."""
    effects: Mapping[str, int]
    """How many effects of each sort it has."""
    counted: Callable[[Place, str], Mapping[str, int]]
    """How many there are after a run."""


def _over_effects(make: Callable[[Effects, str], Workflow[Any, Any]]) -> Opened:
    @asynccontextmanager
    async def opened(place: Place, _: str, executor: str) -> AsyncGenerator[Workflow[Any, Any]]:
        effects = place.open_effects()
        try:
            yield make(effects, executor)
        finally:
            effects.close()

    return opened


def _counted(place: Place, id: str) -> Mapping[str, int]:
    effects = place.open_effects()
    try:
        return {"effects": effects.amount(id)}
    finally:
        effects.close()


def kinds_in(folder: Path) -> tuple[Kind, ...]:
    """Return the real workflows as kinds, over data folders that are made in this one.

    How many steps and effects they have is told by runs that nobody disturbs.
    """
    cycle = monitoring.prepare(_data(folder))
    recoveries = (recovery_in(folder, ending) for ending in RECOVERIES)
    return (MONITORING._replace(steps=cycle.steps, effects=cycle.rows), *recoveries)


def recovery_in(folder: Path, ending: recovery.Ending) -> Kind:
    """Return recoveries that end so as a kind, over a data folder that is made in this one."""
    undisturbed = recovery.prepare(_failing(folder, ending), ending)
    return RECOVERIES[ending]._replace(steps=undisturbed.steps, effects=undisturbed.effects)


def _data(folder: Path | str) -> Path:
    return Path(folder) / "data"


def _failing(folder: Path | str, ending: recovery.Ending) -> Path:
    return Path(folder) / ending


def _monitored(place: Place, id: str, _: str) -> AbstractAsyncContextManager[Workflow[Any, Any]]:
    return monitoring.opened(_data(place.folder), id)


def _counted_cycle(place: Place, id: str) -> Mapping[str, int]:
    return monitoring.rows(_data(place.folder), id)


def _recovery(ending: recovery.Ending) -> Kind:
    def opened(place: Place, id: str, _: str) -> AbstractAsyncContextManager[Workflow[Any, Any]]:
        return recovery.opened(_failing(place.folder, ending), id, ending)

    def counted(place: Place, id: str) -> Mapping[str, int]:
        return recovery.counted(_failing(place.folder, ending), id)

    return Kind(recovery.NAMES[ending], 0, opened, recovery.SPECIALIST, recovery.INCIDENT, {}, counted)


def _five_steps(effects: Effects, executor: str) -> Workflow[int, int]:
    async def body(run: Run, start: int) -> int:
        total = start
        for number in range(EFFECTS):

            async def work(key: str, so_far: int = total, number: int = number) -> int:
                await effects.make(key, executor)
                return so_far + number

            total = await run.step(f"step-{number}", work, int)
        return total

    return Workflow(name="five-steps", body=body, argument=int, result=int)


def _at_once(effects: Effects, executor: str) -> Workflow[int, int]:
    async def body(run: Run, start: int) -> int:
        async def work(key: str) -> int:
            await effects.make(key, executor)
            return int(key.split(":")[-2])

        first = await run.step("begin", work, int)
        middle = await asyncio.gather(*(run.step(f"part-{number}", work, int) for number in range(3)))
        return start + first + sum(middle) + await run.step("end", work, int)

    return Workflow(name="at-once", body=body, argument=int, result=int)


def _long(effects: Effects, executor: str) -> Workflow[float, int]:
    async def body(run: Run, pause_s: float) -> int:
        async def work(key: str) -> bool:
            await asyncio.sleep(pause_s)
            await effects.make(key, executor)
            return await asyncio.to_thread(effects.amount, stop_of(run.id)) == 0

        done = 1
        while await run.step("look", work, bool):
            done += 1
        return done

    return Workflow(name="long", body=body, argument=float, result=int, at_once=LONG_AT_ONCE)


def stop_of(run: str) -> str:
    """Return the run of whose effects a long one sees that it is to end."""
    return f"stop-{run}"


LONG_AT_ONCE = 8
LONG = Kind("long", 0, _over_effects(_long), 0.1, None, {}, _counted)
"""What is under way when a process is killed at any moment, or frozen: it goes on until it is told to end, and
returns how many steps it had, each with one effect."""

_FIVE = {"effects": EFFECTS}
KINDS = (
    Kind("five-steps", EFFECTS, _over_effects(_five_steps), 7, 7 + sum(range(EFFECTS)), _FIVE, _counted),
    Kind("at-once", EFFECTS, _over_effects(_at_once), 10, 10 + 1 + (2 + 3 + 4) + 5, _FIVE, _counted),
)
MONITORING = Kind(
    monitoring.CYCLE,
    0,
    _monitored,
    monitoring.SPECIALIST,
    ITS_ID,
    {},
    _counted_cycle,
)
RECOVERIES: Mapping[recovery.Ending, Kind] = {ending: _recovery(ending) for ending in recovery.NAMES}
"""The real ones, of which `kinds_in` knows how many steps and effects they have."""

BY_NAME = {kind.name: kind for kind in (*KINDS, LONG, MONITORING, *RECOVERIES.values())}
