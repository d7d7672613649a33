"""How long an engine waits for its database, which blocks: it is asked in threads, and left if it does not answer."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from guardian_cluster.engine.engine import EngineUnavailable

log = logging.getLogger("guardian.engine")

_Answer = TypeVar("_Answer")

_THREADS = 4
"""Questions to the database at the same time."""

ASK_S = 5.0
"""How long the database has to answer: twice as long as it waits for a lock."""

END_S = 6.0
"""How long closing waits for what the database does last: two locks; it goes on with that in its thread."""


class Asking:
    """The threads in which one engine asks its database."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="guardian-engine")
        # One of its own, for the others may all be waiting.
        self._last = ThreadPoolExecutor(1, thread_name_prefix="guardian-engine-end")

    async def open(self, work: Callable[[], _Answer]) -> _Answer:
        """Do what may take its time."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def ask(self, question: Callable[[], _Answer]) -> _Answer:
        """Return the answer to a question. Raises EngineUnavailable; also where there is none in time."""
        limit = asyncio.timeout(ASK_S)
        try:
            async with limit:
                return await self.open(question)
        except TimeoutError:
            if limit.expired():
                raise EngineUnavailable(f"the engine's database gave no answer for {ASK_S:g} s") from None
            raise

    async def last(self, work: Callable[[], None]) -> None:
        """Do what is done at the end, and wait for it so long; whatever is left of it is done later."""
        try:
            async with asyncio.timeout(END_S):
                await asyncio.get_running_loop().run_in_executor(self._last, work)
        except TimeoutError:
            log.warning("the engine ends before its database does", extra={"waited_s": END_S})

    def end(self) -> None:
        """Take no more questions."""
        self._threads.shutdown(wait=False)
        self._last.shutdown(wait=False)
