"""What an engine does with a file that it cannot use, and with one that cannot be used for a time."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from engine_world import PATIENCE_S, World, until_done, until_inside

from guardian_cluster.engine import asking, database, leftovers
from guardian_cluster.engine.asking import Asking
from guardian_cluster.engine.database import FileLock, open_file, open_server
from guardian_cluster.engine.durable import DurableEngine
from guardian_cluster.engine.engine import EngineUnavailable
from guardian_cluster.errors import CannotCreate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "engine.db"


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Return what says whether the disk is full for connections that are opened from then on."""
    is_full: list[bool] = []
    set_up = database._set_up_file

    def limited(connection: sqlite3.Connection, record: object) -> None:
        set_up(connection, record)
        if is_full:
            connection.execute("PRAGMA max_page_count = 1")  # those that are used stay

    monkeypatch.setattr(database, "_set_up_file", limited)
    return is_full


def test_the_file_is_private_and_a_commit_is_on_the_disk(path: Path) -> None:
    engine = open_file(path)
    with engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        ]
    engine.dispose()

    assert found == ["wal", 2]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def run_briefly(path: Path) -> None:
    engine = World().add_to(DurableEngine(path), "total")
    await engine.start()
    await engine.close(drain_s=0.0)


def test_a_damaged_file_is_refused_with_what_to_do(path: Path) -> None:
    asyncio.run(run_briefly(path))
    content = path.read_bytes()
    path.write_bytes(content[:4_096] + b"\xff" * 8_192 + content[12_288:])

    with pytest.raises(CannotCreate, match=r"is damaged.*\n.*Move it away with its -wal and -shm files"):
        asyncio.run(run_briefly(path))

    assert path.read_bytes()[4_096:12_288] == b"\xff" * 8_192


def test_a_file_of_another_program_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (x)")

    with pytest.raises(CannotCreate, match="some other program"):
        open_file(path)


def test_a_second_process_is_kept_out(path: Path) -> None:
    first, second = FileLock(path), FileLock(path)
    first.acquire()

    with pytest.raises(CannotCreate, match="another process runs workflows here"):
        second.acquire()

    first.release()
    second.acquire()
    second.release()


@pytest.mark.parametrize("address", ["postgresql://nobody@/x?host=/nowhere", "no address"])
def test_a_server_that_does_not_answer_is_said(address: str) -> None:
    with pytest.raises(CannotCreate, match="Check the address"):
        open_server(address)


async def test_a_process_has_one_engine_at_a_time(tmp_path: Path) -> None:
    first, second = (World().add_to(DurableEngine(tmp_path / name), "total") for name in ("a.db", "b.db"))
    await first.start()

    with pytest.raises(RuntimeError, match="close it first"):
        await second.start()

    await first.close(drain_s=0.0)
    await second.start()
    await second.close(drain_s=0.0)


async def test_a_full_disk_is_said_and_a_run_goes_on_when_there_is_room(
    path: Path, full: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "ORPHAN_S", 0.2)
    world = World()
    engine = DurableEngine(path)
    world.add_to(engine, "gated")
    await engine.start()
    id = await engine.enqueue("gated", "x" * 9_000)
    await until_inside(world, 1)
    full.append(True)
    engine._parts._database.dispose()  # type: ignore[union-attr]

    with pytest.raises(EngineUnavailable, match="full"):
        await engine.enqueue("gated", "y" * 900_000)
    world.gates["x" * 9_000].set()
    await until_done(world, id, "wait")
    await asyncio.sleep(0.1)
    full.clear()
    engine._parts._database.dispose()  # type: ignore[union-attr]

    assert await engine.result(id, timeout_s=PATIENCE_S) == f"{id}:3:after"
    await engine.close(drain_s=0.0)


@pytest.fixture
def locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Return a connection of another program; ours wait for it a tenth of a second."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 100)
    monkeypatch.setattr(leftovers, "ORPHAN_S", 0.2)
    path.parent.mkdir()
    path.touch(0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


async def test_a_locked_file_is_said_soon_and_its_runs_go_on_when_it_is_free(
    path: Path, locked: sqlite3.Connection
) -> None:
    world = World()
    engine = world.add_to(DurableEngine(path), "gated")
    await engine.start()
    id = await engine.enqueue("gated", "x")
    await until_inside(world, 1)
    locked.execute("BEGIN IMMEDIATE")
    asked = time.monotonic()

    with pytest.raises(EngineUnavailable, match="locked"):
        await engine.enqueue("gated", "y")
    took_s = time.monotonic() - asked
    world.gates["x"].set()
    await until_done(world, id, "wait")
    await asyncio.sleep(0.3)  # longer than a lock is waited for
    locked.execute("ROLLBACK")

    assert took_s < 2.0
    assert await engine.result(id, timeout_s=PATIENCE_S) == f"{id}:3:after"
    await engine.close(drain_s=0.0)


async def test_an_engine_ends_although_its_file_stays_locked(path: Path, locked: sqlite3.Connection) -> None:
    world = World()
    engine = world.add_to(DurableEngine(path), "gated")
    await engine.start()
    await engine.enqueue("gated", "x")
    await until_inside(world, 1)
    locked.execute("BEGIN IMMEDIATE")
    world.gates["x"].set()

    async with asyncio.timeout(8.0):
        await engine.close(drain_s=0.1)

    left = [each.name for each in threading.enumerate() if each.name.startswith(("dbos", "queue-worker"))]
    assert left == []


async def test_a_question_that_is_not_answered_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ASK_S", 0.02)
    answer, asked = threading.Event(), Asking()

    with pytest.raises(EngineUnavailable, match="no answer"):
        await asked.ask(lambda: answer.wait(PATIENCE_S))

    answer.set()
    asked.end()


async def test_closing_does_not_wait_for_a_database_that_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(asking, "END_S", 0.02)
    answer, asked = threading.Event(), Asking()

    await asked.last(lambda: answer.wait(PATIENCE_S) and None)

    assert "the engine ends before its database does" in caplog.text
    answer.set()
    asked.end()
