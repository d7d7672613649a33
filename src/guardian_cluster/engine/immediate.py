"""Steps that are simply done: for a workflow that runs once, in this process, and is not to survive it."""

import itertools
from collections.abc import Awaitable, Callable
from typing import TypeVar

from guardian_cluster.engine.again import patiently

_Result = TypeVar("_Result")

_PATIENCE_S = 10.0
"""Whoever began it waits for it: not longer than a database needs to start again."""


class ImmediateRun:
    """A run whose steps are kept nowhere; what a step raises comes as it is.

    A step that raises one of `again_on` is done again for some seconds first.
    """

    def __init__(self, id: str, again_on: tuple[type[Exception], ...] = ()) -> None:
        self.id = id
        self._again_on = again_on
        self._numbers = itertools.count(1)

    async def step(
        self, name: str, work: Callable[[str], Awaitable[_Result]], returns: type[_Result]
    ) -> _Result:
        """Return what `work` returns."""
        key = f"{self.id}:{next(self._numbers)}:{name}"
        return await patiently(lambda: work(key), self._again_on, limit_s=_PATIENCE_S)
