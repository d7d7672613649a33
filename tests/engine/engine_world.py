"""Workflows that engines are tried with, and what became of their steps."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from guardian_cluster.domain.clock import Clock
from guardian_cluster.engine.engine import Engine, Run, RunFailed, RunRecord, RunState, StepFailed, Workflow

PATIENCE_S = 20.0

MakeEngine = Callable[[Clock | None], Engine]


class Order(msgspec.Struct, frozen=True):
    """A value with parts that JSON does not have."""

    placed: datetime
    amounts: tuple[float, ...]
    by_number: dict[int, str]


class Away(Exception):
    """Something that a step needs is away for now."""


class World:
    """What steps do, and how often they did it."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        """By key."""
        self.gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.healthy: set[str] = set()
        self.inside = 0
        self.most_inside = 0

    def times(self, run: str, step: str) -> int:
        """Return how often a step of a run was done."""
        return sum(
            n for key, n in self.done.items() if key.startswith(f"{run}:") and key.endswith(f":{step}")
        )

    def add_to(self, engine: Engine, *names: str) -> Engine:
        """Register all workflows, or some: each that is looked for costs time."""
        kinds: list[tuple[Any, type, Any, dict[str, Any]]] = [
            (self.total, list[int], int, {}),
            (self.gated, str, str, {"at_once": 2}),
            (self.flaky, str, list[str], {}),
            (self.raising, str, int, {}),
            (self.catching, str, str, {}),
            (self.ordered, Order, Order, {}),
            (self.wide, int, list[str], {}),
            (self.endless, str, str, {"limit_s": 0.4}),
            (self.returned, Any, int, {}),
            (self.single, str, str, {"at_once": 1}),
            (self.together, str, int, {}),
            (self.patient, str, str, {"again_on": (Away,)}),
        ]
        for body, argument, result, more in kinds:
            if names and body.__name__ not in names:
                continue
            engine.register(Workflow(name=body.__name__, body=body, argument=argument, result=result, **more))
        return engine

    async def note(self, key: str) -> str:
        """Do a step."""
        self.done[key] += 1
        return key

    async def total(self, run: Run, numbers: list[int]) -> int:
        async def add(before: int, number: int) -> int:
            return before + number

        found = 0
        for number in numbers:
            found = await run.step("add", lambda _, a=found, b=number: add(a, b), int)
        return found

    async def gated(self, run: Run, gate: str) -> str:
        await run.step("before", self.note, str)
        await run.step("wait", lambda key: self._wait(key, gate), str)
        return await run.step("after", self.note, str)

    async def _wait(self, key: str, gate: str) -> str:
        self.inside += 1
        self.most_inside = max(self.inside, self.most_inside)
        try:
            await self.gates[gate].wait()
        finally:
            self.inside -= 1
        return await self.note(key)

    async def flaky(self, run: Run, name: str) -> list[str]:
        first = await run.step("first", self.note, str)

        async def second(key: str) -> str:
            await self.note(key)
            if name not in self.healthy:
                raise LookupError(f"{name} is ill")
            return key

        return [first, await run.step("second", second, str)]

    async def raising(self, run: Run, text: str) -> int:
        raise ValueError(text)

    async def catching(self, run: Run, text: str) -> str:
        async def fail(_: str) -> str:
            raise KeyError(text)

        try:
            return await run.step("fail", fail, str)
        except StepFailed as failure:
            caught = f"{failure.kind} in {failure.step}"
        return await run.step("after", lambda _: self.note(caught), str)

    async def single(self, run: Run, gate: str) -> str:
        return await self.gated(run, gate)

    async def together(self, run: Run, name: str) -> int:
        """Begin four steps at once, which fail with the second one first while the name is not healthy."""

        async def ask(key: str) -> int:
            await self.note(key)
            number = int(key.split(":")[-2])
            if name not in self.healthy and number != 1:
                await asyncio.sleep(0.02 * number)
                raise LookupError(name)
            return number

        steps = [run.step(f"part-{number}", ask, int) for number in range(4)]
        results = await asyncio.gather(*steps, return_exceptions=True)
        for each in results:
            if isinstance(each, BaseException):
                raise each
        return len(results)

    async def patient(self, run: Run, name: str) -> str:
        async def ask(key: str) -> str:
            await self.note(key)
            if self.times(run.id, "ask") < 3:
                raise Away(name)
            return key

        return await run.step("ask", ask, str)

    async def ordered(self, run: Run, order: Order) -> Order:
        async def same(_: str) -> Order:
            return order

        return await run.step("same", same, Order)

    async def wide(self, run: Run, count: int) -> list[str]:
        async def late(key: str) -> str:
            await asyncio.sleep(0.001 * (count - int(key.split(":")[-2])))
            return await self.note(key)

        return list(await asyncio.gather(*(run.step(f"part-{n}", late, str) for n in range(count))))

    async def endless(self, run: Run, _: str) -> str:
        return await run.step("wait", lambda key: self._wait(key, "never"), str)

    async def returned(self, run: Run, what: Any) -> int:
        async def give(_: str) -> Any:
            return float("nan") if what == "nan" else "x" * what if isinstance(what, int) else what

        return await run.step("give", give, int)


async def until(engine: Engine, id: str, *states: RunState) -> RunRecord:
    """Wait until a run is in one of some states."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            run = await engine.run_of(id)
            if run is not None and run.state in states:
                return run
            await asyncio.sleep(0.01)


async def until_done(world: World, run: str, step: str) -> None:
    """Wait until a step was done."""
    async with asyncio.timeout(PATIENCE_S):
        while not world.times(run, step):
            await asyncio.sleep(0.005)


async def failure_of(engine: Engine, id: str) -> str:
    """Return what is said of a run that failed."""
    try:
        await engine.result(id, timeout_s=PATIENCE_S)
    except RunFailed as failure:
        return str(failure)
    return "it did not fail"


async def until_inside(world: World, count: int) -> None:
    """Wait until so many runs wait at gates."""
    async with asyncio.timeout(PATIENCE_S):
        while world.inside < count:
            await asyncio.sleep(0.005)


async def until_left(world: World) -> None:
    """Wait until no run waits at a gate any more."""
    async with asyncio.timeout(PATIENCE_S):
        while world.inside:
            await asyncio.sleep(0.005)
