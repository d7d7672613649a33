"""How a body and a step of it are done: their time, their errors and their types are the same in every engine."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from guardian_cluster.engine import codec
from guardian_cluster.engine.again import patiently
from guardian_cluster.engine.engine import Run, StepFailed, Workflow


class Overdue(Exception):
    """A run took longer than it may."""


async def perform(workflow: Workflow[Any, Any], run: Run, argument: Any) -> Any:
    """Go through a body with a plain argument, and return its plain result.

    Raises what the body raises, NotKeepable for an argument or a result of another type, and Overdue.
    """
    given = codec.typed(argument, workflow.argument)
    limit = asyncio.timeout(workflow.limit_s)
    try:
        async with limit:
            result = await workflow.body(run, given)
    except TimeoutError:
        if limit.expired():
            raise Overdue(f"took longer than {workflow.limit_s:g} s") from None
        raise
    return codec.plain(result, workflow.result)


async def perform_step(
    name: str,
    work: Callable[[str], Awaitable[Any]],
    key: str,
    returns: Any,
    again_on: tuple[type[Exception], ...] = (),
) -> Any:
    """Do a step's work, again for as long as what it needs is away, and return its plain result.

    Raises StepFailed for whatever else goes wrong in it.
    """
    try:
        return codec.plain(await patiently(lambda: work(key), again_on), returns)
    except StepFailed:
        raise
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise StepFailed(name, *codec.told(error)) from error  # something in it was cancelled, not we
    except Exception as error:
        raise StepFailed(name, *codec.told(error)) from error
