"""Runs that one version of the program begins, and another one ends: the package is upgraded in their middle."""

import asyncio
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import msgspec

from benchmarks.kill_sweep_world.dying import Death, dying
from benchmarks.kill_sweep_world.place import Place
from benchmarks.kill_sweep_world.program import END_S, Child
from guardian_cluster.engine.durable import DurableEngine
from guardian_cluster.engine.engine import Run, RunRecord, Workflow

NAME = "upgraded"
KILLED_AT = Death("inside", 3)
"""In the third of five steps: two are kept, one was done and is not, two were not begun."""


class Given(msgspec.Struct, frozen=True):
    """What a run is given, in the first version."""

    start: int


class GivenMore(Given, frozen=True):
    """The same in a later one: with a field that has a default."""

    scale: int = 10


class Part(msgspec.Struct, frozen=True):
    """What a step returns."""

    value: int


class LargerPart(Part, frozen=True):
    """The same in a later version."""

    note: str = "kept by an older version"


class Change(NamedTuple):
    """How the second version differs, and how a run of the first one ends in it."""

    name: str
    body: Callable[[Run, Any], Any]
    argument: type
    state: str
    """`done`, or `failed` where the body is another one: with the name of the step that changed."""


async def _step(run: Run, name: str, value: int, returns: type[Part] = Part) -> int:
    async def work(_: str) -> Part:
        return returns(value)

    return (await run.step(name, work, returns)).value


async def first_version(run: Run, given: Given) -> int:
    """Add five numbers up."""
    return given.start + sum([await _step(run, f"step-{number}", number) for number in range(5)])


async def _other_work(run: Run, given: Given) -> int:
    return given.start + sum([await _step(run, f"step-{number}", 100 * number) for number in range(5)])


async def _wider_types(run: Run, given: GivenMore) -> int:
    parts = [await _step(run, f"step-{number}", number, LargerPart) for number in range(5)]
    return given.start * given.scale + sum(parts)


async def _one_step_more(run: Run, given: Given) -> int:
    return await first_version(run, given) + await _step(run, "one more", 1)


async def _fewer_steps(run: Run, given: Given) -> int:
    return given.start + sum([await _step(run, f"step-{number}", number) for number in range(3)])


async def _step_between(run: Run, given: Given) -> int:
    first = await _step(run, "step-0", 0)
    return first + await _step(run, "between", 1) + await _step(run, "step-1", 1)


CHANGES = (
    Change("other work in steps", _other_work, Given, "done"),
    Change("fields with defaults added", _wider_types, GivenMore, "done"),
    Change("a step more at the end", _one_step_more, Given, "done"),
    Change("fewer steps", _fewer_steps, Given, "done"),
    Change("another step in the middle", _step_between, Given, "failed"),
)


class Upgraded(NamedTuple):
    """What became of a run of the first version in the second one."""

    change: str
    state: str
    as_meant: bool


def upgraded(place: Place, change: Change) -> Upgraded:
    """Return what becomes of a run that the first version began."""
    id = f"upgraded-{CHANGES.index(change)}"
    first = Child(run_version, place, None, id)
    first.said()
    first.end()
    second = Child(run_version, place, change.name, id)
    run = second.said()
    second.end()
    state, error = run or ("running", "")
    return Upgraded(change.name, state, state == change.state and (state == "done" or "between" in error))


def run_version(out: Connection, place: Place, change: str | None, id: str) -> None:
    """Run one version: the first, which dies, or a later one, which only takes up what there is."""
    run = asyncio.run(_run_version(place, change, id))
    out.send((run.state, run.error))


async def _run_version(place: Place, change: str | None, id: str) -> RunRecord:
    engine = DurableEngine(place.database)
    engine.register(_version(change))
    await engine.start()
    try:
        if change is None:
            await engine.enqueue(NAME, Given(1), id=id)
        return await _end(engine, id)
    finally:
        await engine.close(drain_s=1.0)


def _version(change: str | None) -> Workflow[Any, Any]:
    for each in CHANGES:
        if each.name == change:
            return Workflow(name=NAME, body=each.body, argument=each.argument, result=int)
    return dying(Workflow(name=NAME, body=first_version, argument=Given, result=int), KILLED_AT)


async def _end(engine: DurableEngine, id: str) -> RunRecord:
    async with asyncio.timeout(END_S):
        while True:
            run = await engine.run_of(id)
            if run is not None and run.state not in ("waiting", "running"):
                return run
            await asyncio.sleep(0.05)
