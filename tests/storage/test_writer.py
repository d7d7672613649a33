import asyncio
import logging
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from record_samples import ALL_BODIES, NOON, batch, opened, request
from sample_records import noted_events
from sqlalchemy import Connection

from guardian_cluster.contract.link import Batch
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.errors import CannotCreate
from guardian_cluster.storage import queries
from guardian_cluster.storage.database import FILE_NAME
from guardian_cluster.storage.records import write_batch
from guardian_cluster.storage.writer import RecordWriter, Unwritten


@asynccontextmanager
async def writing(folder: Path, stop: asyncio.Event | None = None) -> AsyncIterator[RecordWriter]:
    clock = ManualClock(NOON)
    path = folder / FILE_NAME
    stop = stop or asyncio.Event()
    writer = RecordWriter(opened(folder), path, policy=ALL_BODIES, clock=clock, stop=stop)
    try:
        yield writer
    finally:
        await writer.close()


def limit_pages(connection: Connection) -> None:
    used = connection.exec_driver_sql("PRAGMA page_count").scalar()
    connection.exec_driver_sql(f"PRAGMA max_page_count = {used}")


def lift_limit(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA max_page_count = 1000000")


def big(sequence: int = 1) -> Batch:
    return batch(*(request(f"{sequence}-{n}", error="x" * 1_000) for n in range(100)), sequence=sequence)


async def until_logged(caplog: pytest.LogCaptureFixture, text: str) -> logging.LogRecord:
    async with asyncio.timeout(10):
        while True:
            for record in caplog.records:
                if text in record.getMessage():
                    return record
            await asyncio.sleep(0.01)


async def test_a_batch_waits_until_another_process_gives_up_its_lock(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing(tmp_path) as writer:
        with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            pending = asyncio.create_task(writer.write(batch(request())))
            complaint = await until_logged(caplog, "records wait")
            assert not pending.done()
            other.execute("ROLLBACK")

            written = await pending

        assert not written.duplicate
        assert "locked" in complaint.__dict__["error"]
        assert await writer.run(lambda connection: queries.request_by_id(connection, "r1")) == request()


async def test_a_batch_waits_until_a_full_disk_has_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing(tmp_path) as writer:
        await writer.run(limit_pages)
        pending = asyncio.create_task(writer.write(big()))
        complaint = await until_logged(caplog, "records wait")
        assert "full" in complaint.__dict__["error"]
        assert not pending.done()

        await writer.run(lift_limit)
        await pending

        assert (await writer.run(queries.counts))["request"] == 100


async def test_lasting_trouble_is_logged_once_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tries = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    async with writing(tmp_path) as writer:
        await writer.run(limit_pages)

        def work(connection: Connection) -> None:
            loop.call_soon_threadsafe(tries.release)
            write_batch(connection, big(), now=NOON, policy=ALL_BODIES)

        pending = asyncio.create_task(writer.run(work))
        async with asyncio.timeout(10):
            for _ in range(4):
                await tries.acquire()
        await writer.run(lift_limit)
        await pending

    assert sum("records wait" in record.getMessage() for record in caplog.records) == 1


async def test_waiting_ends_when_told_to_stop_and_nothing_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stop = asyncio.Event()
    async with writing(tmp_path, stop) as writer:
        await writer.run(limit_pages)
        pending = asyncio.create_task(writer.write(big()))
        await until_logged(caplog, "records wait")

        stop.set()
        with pytest.raises(Unwritten):
            await pending

        assert set((await writer.run(queries.counts)).values()) == {0}


async def test_a_batch_that_the_database_will_never_have_is_refused_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing(tmp_path) as writer:
        poisoned = batch(request("secret-id", tenant="\ud800"), request("r2"))

        written = await writer.write(poisoned)

        assert written.refused == 2
        assert (await writer.write(poisoned)).duplicate
        (event,) = await writer.run(noted_events)
        assert (event.kind, event.subject, event.count) == ("dropped", "refused", 2)
    assert "secret-id" not in caplog.text


async def test_damage_found_while_writing_is_named_and_not_waited_for(tmp_path: Path) -> None:
    async with writing(tmp_path) as writer:
        await writer.write(big())
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'request'").fetchone()
    content = bytearray(path.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = os.urandom(4096)
    path.write_bytes(content)

    async with writing(tmp_path) as writer:
        with pytest.raises(CannotCreate, match="is damaged"):
            await writer.write(big(2))


async def test_writes_are_done_one_after_another_in_the_order_asked(tmp_path: Path) -> None:
    async with writing(tmp_path) as writer:
        batches = [batch(request(f"r{n}"), sequence=n) for n in range(1, 20)]

        written = await asyncio.gather(*map(writer.write, batches))

        assert not any(one.duplicate for one in written)


async def test_a_lull_begins_when_nothing_is_being_written(tmp_path: Path) -> None:
    gate = threading.Event()
    async with writing(tmp_path) as writer:
        await writer.lull(60.0)  # at once: nothing was asked for
        first, second = (asyncio.create_task(writer.run(lambda _: gate.wait(timeout=30.0))) for _ in range(2))
        await asyncio.sleep(0)
        lull = asyncio.create_task(writer.lull(60.0))
        await writer.lull(0.01)  # not for longer than was said
        assert not lull.done()

        gate.set()
        await lull

        assert first.done()
        assert second.done()
