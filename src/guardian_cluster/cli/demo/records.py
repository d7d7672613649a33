"""The records of a demo, as the control process wrote them: read from its database, and waited for."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from guardian_cluster.cli.demo.installation import DATA_NAME
from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.telemetry.address import socket_path

MOST_RECORDS = 10_000

TAKEN_TIMEOUT_S = 10.0
"""A control process that runs takes records within 0.2 s; one that is only being started, within some seconds."""

POLL_S = 0.1


async def until_taken(folder: Path) -> None:
    """Wait until the control process takes records, but not for ever: what comes before that is kept for it."""
    await _until(lambda: Path(socket_path(folder / DATA_NAME)).exists())


async def until_recorded(folder: Path, ids: Iterable[str]) -> None:
    """Wait until the requests of these ids are in the database, but not for ever."""
    wanted = set(ids)
    await _until(lambda: wanted <= {record.id for record in read_records(folder)})


def read_records(folder: Path) -> list[RequestRecord]:
    """Return the records of a demo's requests, oldest first. Raises CannotCreate where there is no database."""
    # Imported here: it takes as long as all the rest, and the first scenes need not wait for it.
    from guardian_cluster.storage.database import FILE_NAME, open_database
    from guardian_cluster.storage.queries import Page, recent_requests

    engine = open_database(folder / DATA_NAME / FILE_NAME, now=SystemClock().now())
    try:
        with engine.begin() as connection:
            return recent_requests(connection, Page(limit=MOST_RECORDS))[::-1]
    finally:
        engine.dispose()


async def _until(holds: Callable[[], bool]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(TAKEN_TIMEOUT_S):
            while not await asyncio.to_thread(holds):  # noqa: ASYNC110  another process does it, and tells nobody
                await asyncio.sleep(POLL_S)
