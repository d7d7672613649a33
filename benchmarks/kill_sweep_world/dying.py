"""A run in which the process is killed by itself: before a step, inside it, or after it."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple, TypeVar, get_args

import msgspec

from guardian_cluster.engine.engine import Run, Workflow

_Result = TypeVar("_Result")

Moment = Literal["before", "inside", "after"]
"""Inside: when the step's effect was made, and what it returned is not kept yet. That is the worst moment."""

MOMENTS: tuple[Moment, ...] = get_args(Moment)


class Death(NamedTuple):
    """When the process is killed."""

    moment: Moment
    step: int
    """From 1."""


class DyingRun:
    """A run whose process ends with one of its steps."""

    def __init__(self, run: Run, death: Death) -> None:
        self.id = run.id
        self._run = run
        self._death = death
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

        result = await self._run.step(name, done, returns)
        self._die("after", number)
        return result

    def _die(self, moment: Moment, number: int) -> None:
        if (moment, number) == self._death:
            os.kill(os.getpid(), signal.SIGKILL)


def dying(workflow: Workflow[Any, Any], death: Death | None) -> Workflow[Any, Any]:
    """Return the workflow in whose run this process dies."""
    if death is None:
        return workflow

    async def body(run: Run, argument: Any) -> Any:
        return await workflow.body(DyingRun(run, death), argument)

    return msgspec.structs.replace(workflow, body=body)


async def never() -> None:
    """Wait to be killed."""
    await asyncio.Event().wait()
