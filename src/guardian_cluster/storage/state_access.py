"""How the state is reached: each call is one transaction in one thread, all of it on disk when it returns, or none."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine

from guardian_cluster.domain.clock import Clock
from guardian_cluster.storage.state_database import open_state, shown, transaction

_Result = TypeVar("_Result")


class StateAccess:
    """`state.db` or a PostgreSQL, opened.

    What reads or writes raises `StateUnavailable` where the database cannot do it now (locked for seconds, a full
    disk, a server that is gone): nothing was done, and the call can be made again. A damaged file raises
    `CannotCreate`.
    """

    def __init__(self, engine: Engine, location: Path | str | None, clock: Clock) -> None:
        self._engine = engine
        self._where = shown(engine, location)
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "state")

    @classmethod
    def open(cls, location: Path | str, clock: Clock) -> Self:
        """Open a file, or a PostgreSQL by its address, and bring it to the newest schema; waits for the disk.

        Raises `CannotCreate` where it cannot be opened, is damaged, another program's, or of a newer schema.
        """
        return cls(open_state(location, now=clock.now()), location, clock)

    @classmethod
    def in_memory(cls, clock: Clock) -> Self:
        """Return one that forgets everything when it is closed."""
        return cls(open_state(None, now=clock.now()), None, clock)

    async def close(self) -> None:
        """Finish what was asked, and close the database."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=True)

    async def _read(self, work: Callable[[Connection], _Result]) -> _Result:
        return await self._in_thread(work, writes=False)

    async def _write(self, work: Callable[[Connection], _Result]) -> _Result:
        return await self._in_thread(work, writes=True)

    async def _in_thread(self, work: Callable[[Connection], _Result], *, writes: bool) -> _Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(self._transact, work, writes=writes))

    def _transact(self, work: Callable[[Connection], _Result], *, writes: bool) -> _Result:
        with transaction(self._engine, self._where, writes=writes) as connection:
            return work(connection)
