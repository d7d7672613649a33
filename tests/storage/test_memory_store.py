import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from document_samples import document

from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.storage.memory_store import MOST_WAITING, MemoryStore
from guardian_cluster.storage.memory_values import MemoryUnavailable, NewMessage

APPLE = (("apple", False),)


@pytest.fixture
async def store(location: Path | str) -> AsyncIterator[MemoryStore]:
    made = MemoryStore(location, clock=SystemClock(), deadline_s=20)
    yield made
    await made.close()


async def test_documents_and_conversations_are_kept_and_found(store: MemoryStore) -> None:
    assert await store.put_document("t", document("an apple")) == "a.md"
    assert await store.append_messages("t", "c", [NewMessage("user", b'{"content":"an apple"}', 3)]) == 1

    assert [each.text for each in (await store.find_passages("t", APPLE, limit=5)).passages] == ["an apple"]
    assert [each.number for each in (await store.find_messages("t", "c", APPLE, limit=5)).messages] == [1]
    assert [each.number for each in await store.find_turns("t", "c", APPLE, limit=5)] == [1]
    assert [each.number for each in await store.latest_messages("t", "c", tokens=3)] == [1]
    assert [each.name for each in await store.list_documents("t")] == ["a.md"]
    assert (await store.has_documents("t"), await store.has_documents("u")) == (True, False)


async def test_what_is_deleted_is_gone(store: MemoryStore) -> None:
    await store.put_document("t", document("an apple"))
    for name in ("c", "d", "e"):
        await store.append_messages("t", name, [NewMessage("user", b"{}", 3)], user=name)

    assert await store.forget_document("t", "a.md")
    assert await store.delete_conversation("t", "c") == 1
    assert await store.delete_user("t", "d") == 1
    assert await store.expire_conversations(before=SystemClock().now() + 1) == 1
    assert not await store.has_documents("t")


async def test_calls_at_once_are_answered_one_after_the_other(store: MemoryStore) -> None:
    numbers = await asyncio.gather(
        *(store.append_messages("t", "c", [NewMessage("user", b"{}", 1)]) for _ in range(20))
    )

    assert sorted(numbers) == list(range(1, 21))


async def test_nothing_is_opened_before_it_is_used(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "memory.db", clock=SystemClock())

    assert not store.exists
    assert os.listdir(tmp_path) == []
    await store.open()
    assert store.exists
    await store.close()


def test_importing_the_store_loads_no_database() -> None:
    program = (
        "import sys; import guardian_cluster.storage.memory_store, guardian_cluster.specialists.recall;"
        "print([name for name in ('sqlalchemy', 'psycopg', 'sqlite3') if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "[]\n"


async def test_a_call_that_takes_too_long_is_stopped_and_undone(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "memory.db", clock=SystemClock(), deadline_s=0.1)
    await store.open()
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"

    with pytest.raises(TimeoutError, match=r"within 0\.1 s"):
        await store.write(lambda connection: connection.exec_driver_sql(endless))

    store._deadline_s = 20  # the thread is free again
    assert not await store.has_documents("t")
    await store.close()


async def test_who_would_wait_for_ever_is_refused(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "memory.db", clock=SystemClock(), deadline_s=20)
    await store.open()
    free = threading.Event()
    calls = [asyncio.ensure_future(store.read(lambda _: free.wait(20))) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)

    with pytest.raises(MemoryUnavailable, match=f"{MOST_WAITING} calls wait"):
        await store.has_documents("t")

    free.set()
    assert all(await asyncio.gather(*calls))
    await store.close()


async def test_memory_that_cannot_be_opened_is_said_to_be_unavailable(tmp_path: Path) -> None:
    (tmp_path / "memory.db").write_bytes(b"not a database" * 100)
    store = MemoryStore(tmp_path / "memory.db", clock=SystemClock())

    for _ in range(2):
        with pytest.raises(MemoryUnavailable, match="file is not a database"):
            await store.has_documents("t")
    await store.close()


async def test_a_closed_store_refuses_and_closes_once_more(tmp_path: Path) -> None:
    store = MemoryStore(None, clock=SystemClock())
    await store.put_document("t", document("apple"))
    await store.close()

    with pytest.raises(MemoryUnavailable, match="closed"):
        await store.has_documents("t")
    await store.close()


async def test_who_reads_does_not_wait_for_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    store = MemoryStore(path, clock=SystemClock(), deadline_s=20.0)
    await store.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(store.put_document("t", document("an apple")))
        read = await store.list_documents("t")
        waits = not writing.done()
        other.execute("ROLLBACK")
        await writing
    found = await store.list_documents("t")
    await store.close()

    assert (read, waits, len(found)) == ([], True, 1)
