"""Reads `telemetry.db` beside its writer: on a connection and in a thread of its own, so that no batch waits."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from guardian_cluster.storage.database import open_to_read

_Result = TypeVar("_Result")


class RecordReader:
    """Runs questions in the order in which they are asked. The database is opened with the first one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine: Engine | None = None
        self._thread = ThreadPoolExecutor(1, "read-records")

    async def run(self, work: Callable[[Connection], _Result]) -> _Result:
        """Return what `work` returns. Raises CannotCreate where the database cannot be read, and what `work` raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def _run(self, work: Callable[[Connection], _Result]) -> _Result:
        if self._engine is None:
            self._engine = open_to_read(self._path)
        with self._engine.connect() as connection:
            return work(connection)

    async def close(self) -> None:
        """Finish what is asked, and close the database."""
        engine = self._engine
        if engine is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, engine.dispose)
        self._thread.shutdown(wait=True)
