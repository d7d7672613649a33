"""What the engine in memory holds of a run, and how its steps are kept there."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from guardian_cluster.domain.clock import Clock
from guardian_cluster.engine import codec
from guardian_cluster.engine.engine import RunRecord, RunState, StepFailed, StepRecord
from guardian_cluster.engine.performing import perform_step
from guardian_cluster.engine.replay import StepChanged

_Result = TypeVar("_Result")


class HeldRun:
    """A run and its steps."""

    def __init__(
        self, id: str, workflow: str, argument: Any, once: str, now: float, *, urgent: bool = False
    ) -> None:
        self.id = id
        self.workflow = workflow
        self.argument = argument
        self.once = once
        self.urgent = urgent
        self.state: RunState = "waiting"
        self.created = self.updated = now
        self.result: Any = None
        self.error = ""
        self.steps: dict[int, StepRecord] = {}
        self.results: dict[int, Any] = {}
        self.task: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()

    def record(self, *, with_steps: bool) -> RunRecord:
        """Return it as an operator sees it."""
        steps = tuple(self.steps[number] for number in sorted(self.steps)) if with_steps else ()
        return RunRecord(
            id=self.id,
            workflow=self.workflow,
            state=self.state,
            created=self.created,
            updated=self.updated,
            executor="memory",
            argument=codec.shown(self.argument),
            result=codec.shown(self.result),
            error=self.error,
            steps=steps,
        )


class HeldSteps:
    """A run as its body sees it."""

    def __init__(self, held: HeldRun, clock: Clock, again_on: tuple[type[Exception], ...]) -> None:
        self.id = held.id
        self._held = held
        self._clock = clock
        self._again_on = again_on
        self._numbers = itertools.count(1)

    async def step(
        self, name: str, work: Callable[[str], Awaitable[_Result]], returns: type[_Result]
    ) -> _Result:
        """Return what the step returned when it was first done."""
        number = next(self._numbers)
        known = self._held.steps.get(number)
        if known is None:
            await self._do(number, name, work, returns)
        elif known.name != name:
            raise StepChanged(number, known.name, name)
        result = self._held.results[number]
        if isinstance(result, StepFailed):
            raise StepFailed(result.step, result.kind, result.text)
        return codec.typed(result, returns)

    async def _do(
        self, number: int, name: str, work: Callable[[str], Awaitable[_Result]], returns: type[_Result]
    ) -> None:
        started, error = self._clock.now(), ""
        try:
            result = await perform_step(name, work, f"{self.id}:{number}:{name}", returns, self._again_on)
        except StepFailed as failure:
            result, error = failure, codec.said(failure)
        self._held.results[number] = result
        self._held.steps[number] = StepRecord(
            number=number, name=name, started=started, ended=self._clock.now(), error=error
        )
