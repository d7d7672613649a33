"""The single writer of `telemetry.db`: one thread, one transaction at a time, and what to do when one fails.

A fault that may pass (another process's lock, a full disk) is waited out; one that lies in the reports
refuses them; a damaged database ends the program.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from guardian_cluster.contract.link import Batch
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.domain.clock import Clock
from guardian_cluster.storage.database import damaged, is_damage
from guardian_cluster.storage.records import Written, refuse_batch, write_batch

log = logging.getLogger("guardian.storage")
_Result = TypeVar("_Result")

FIRST_RETRY_S = 0.05
LAST_RETRY_S = 2.0

LULL_S = 0.03
"""After a batch, before it is a lull: the next one may be there, and only has to be read."""

COMPLAINT_S = 60.0
"""How often the same trouble is logged while it lasts."""


class Unwritten(Exception):
    """The writer was stopped while it waited for the database; nothing of the batch is written."""


class RecordWriter:
    """Runs everything that touches the database, in the order in which it is asked.

    `stop` ends the waiting for a database that cannot be written; what is being written is finished.
    """

    def __init__(
        self, engine: Engine, path: Path, *, policy: RecordPolicy, clock: Clock, stop: asyncio.Event
    ) -> None:
        self._engine = engine
        self._path = path
        self._policy = policy
        self._clock = clock
        self._stop = stop
        self._thread = ThreadPoolExecutor(1, "records")
        self._complained_at: float | None = None
        self._under_way = 0
        self._wrote_at = -math.inf
        self._idle = asyncio.Event()
        self._idle.set()

    async def write(self, batch: Batch) -> Written:
        """Write a batch and return once it is on disk, however long that takes.

        Raises `Unwritten` when stopped before, and `CannotCreate` for a damaged database.
        """
        now = self._clock.now()
        try:
            return await self.run(partial(write_batch, batch=batch, now=now, policy=self._policy))
        except (SQLAlchemyError, ValueError, TypeError, ArithmeticError) as error:
            # Never the error's own text: it quotes the values, which may be a user's words.
            fields = {"boot": batch.id.boot_id, "sequence": batch.id.sequence, "error": type(error).__name__}
            log.error("a batch was refused", extra=fields)
            return await self.run(partial(refuse_batch, batch=batch, now=now))

    async def run(self, work: Callable[[Connection], _Result]) -> _Result:
        """Return what `work` returns, done in one transaction, again and again while a fault may pass.

        Raises `Unwritten` and `CannotCreate` as `write` does, and what else `work` raises.
        """
        self._under_way += 1
        self._idle.clear()
        try:
            return await self._patiently(work)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._wrote_at = asyncio.get_running_loop().time()
                self._idle.set()

    async def lull(self, at_most_s: float) -> None:
        """Wait until nothing is being written, or for so long: for those who would take the processor from it."""
        time = asyncio.get_running_loop().time
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._idle.wait()
                while (left_s := self._wrote_at + LULL_S - time()) > 0.0:
                    await asyncio.sleep(left_s)
                    await self._idle.wait()

    async def _patiently(self, work: Callable[[Connection], _Result]) -> _Result:
        delay_s = FIRST_RETRY_S
        while True:
            try:
                return await self._in_thread(work)
            except DBAPIError as error:
                self._judge(error)
            await self._wait(delay_s)
            delay_s = min(2 * delay_s, LAST_RETRY_S)

    async def _in_thread(self, work: Callable[[Connection], _Result]) -> _Result:
        loop = asyncio.get_running_loop()
        result = await asyncio.shield(loop.run_in_executor(self._thread, self._transact, work))
        self._complained_at = None
        return result

    def _transact(self, work: Callable[[Connection], _Result]) -> _Result:
        with self._engine.begin() as connection:
            return work(connection)

    def _judge(self, error: DBAPIError) -> None:
        """Return for a fault that may pass; raise any other."""
        if is_damage(error):
            raise damaged(self._path, error) from error
        if not isinstance(error, OperationalError) and not error.connection_invalidated:
            raise error
        now = self._clock.monotonic()
        if self._complained_at is None or now - self._complained_at >= COMPLAINT_S:
            self._complained_at = now
            fields = {"file": str(self._path), "error": str(error.orig)}
            log.warning("records wait, the database cannot be written", extra=fields)

    async def _wait(self, delay_s: float) -> None:
        try:
            async with asyncio.timeout(delay_s):
                await self._stop.wait()
        except TimeoutError:
            return
        raise Unwritten

    async def close(self) -> None:
        """Finish what is being written and close the database."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=True)
