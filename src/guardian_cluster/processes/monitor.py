"""Monitoring in the control process: alarms from what is recorded, and durable cycles of the guardians.

It stands behind recording in everything: it reads what is on disk and acknowledged, in threads of its own. Where its
own databases cannot be used, records are still taken and the gateway serves on; what is wrong is said, and tried again.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from guardian_cluster.domain.clock import Clock
from guardian_cluster.errors import CommandError
from guardian_cluster.processes.garbage import spare_the_collector
from guardian_cluster.storage.state_database import StateUnavailable
from guardian_cluster.storage.writer import RecordWriter

if TYPE_CHECKING:
    from guardian_cluster.processes.loops import Loops
    from guardian_cluster.processes.rounds import Rounds

log = logging.getLogger("guardian.monitoring")

ENGINE_NAME = "engine.db"

IDLE_S = 0.5
"""How often it is looked at the clock and the configuration while nothing is recorded."""

DUE_S = 0.1
"""How long a cycle that is due waits, at most, to be given to the engine."""

TEND_S = 1.0
"""How often incidents are looked after: people wait for longer than that, and so do trials."""

GIVE_WAY_S = 0.25
"""How long a look waits for what is being written, at most: 100 requests per second are looked at even while records
come as fast as they can be taken. Without giving way writing takes a quarter longer (records benchmark)."""

QUIET_S = 2.0
"""After the first record, before all that monitoring needs is loaded: a start, and those who wait for it, go first."""

AGAIN_S = 30.0
"""After which time databases that could not be used are tried again; after `SOON_S` where they were only busy."""
SOON_S = 1.0


class Monitor:
    """Watches what is recorded in a data folder by a writer until it is told to stop."""

    def __init__(self, folder: Path, writer: RecordWriter, clock: Clock, stop: asyncio.Event) -> None:
        self._folder = folder
        self._writer = writer
        self._clock = clock
        self._stop = stop
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Say that something was recorded; never waits."""
        self._news.set()

    async def run(self) -> None:
        """Watch until told to stop; where something of its own breaks, begin anew after a while.

        Until something is recorded there is nothing to watch, unless an earlier process left cycles behind.
        """
        while not (self._news.is_set() or self._stop.is_set() or (self._folder / ENGINE_NAME).exists()):
            await self._wait(IDLE_S)
        await self._wait(QUIET_S)
        while not self._stop.is_set():
            try:
                await self._watch()
            except* CommandError as errors:
                log.error("monitoring waits, the gateway serves on\n%s", errors.exceptions[0])
            except* Exception as errors:
                log.error("monitoring broke off, the gateway serves on", exc_info=errors.exceptions[0])
            await self._wait(AGAIN_S)

    async def _watch(self) -> None:
        """Look, enqueue, tend and sweep, each in its own time: none waits for another's database."""
        open_loops = await asyncio.to_thread(_loaded)
        async with (
            open_loops(self._folder, self._clock) as (rounds, recoveries),
            asyncio.TaskGroup() as tasks,
        ):
            done = asyncio.Event()
            tasks.create_task(self._repeat(done, recoveries.enqueue_due, DUE_S))
            tasks.create_task(self._repeat(done, rounds.enqueue_due, DUE_S))
            tasks.create_task(self._repeat(done, recoveries.tend, TEND_S))
            tasks.create_task(self._repeat(done, rounds.sweep, IDLE_S))
            try:
                await self._look(rounds)
            finally:
                done.set()

    async def _look(self, rounds: "Rounds") -> None:
        while not self._stop.is_set() and not rounds.failure:
            self._news.clear()
            await self._writer.lull(GIVE_WAY_S)
            try:
                has_more = await rounds.look()
            except StateUnavailable as error:
                log.warning("what was found waits to be kept", extra={"reason": str(error)})
                await self._wait(SOON_S)
                continue
            if not has_more:
                await self._wait_for_news()

    async def _repeat(self, done: asyncio.Event, work: Callable[[], Awaitable[None]], pause_s: float) -> None:
        while not done.is_set():
            await work()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await done.wait()

    async def _wait_for_news(self) -> None:
        """Wait until something is recorded, or for a moment; then a little more, for what comes with it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_S):
                await self._news.wait()
        await self._wait(DUE_S / 2)

    async def _wait(self, time_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(time_s):
                await self._stop.wait()


def _loaded() -> "Callable[[Path, Clock], AbstractAsyncContextManager[Loops]]":
    # NumPy's threads wait for one another where other processes have the cores; here there is little to share out.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Imported in a thread, once records are taken: it brings numpy and DBOS, which takes seconds.
    from guardian_cluster.processes.loops import loops

    spare_the_collector()
    return loops
