import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from document_samples import find, put, texts
from sqlalchemy import Engine, update

from guardian_cluster.errors import CannotCreate
from guardian_cluster.storage import memory_tables as tables
from guardian_cluster.storage.memory_database import VERSION, Deadline, open_memory, transaction
from guardian_cluster.storage.memory_values import MemoryUnavailable


def test_a_new_file_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    engine = open_memory(tmp_path / "data" / "memory.db")

    with transaction(engine, writes=False) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    engine.dispose()
    assert (modes, (tmp_path / "data").stat().st_mode & 0o777) == ({0o600}, 0o700)


def test_what_was_kept_is_there_when_it_is_opened_again(location: Path | str) -> None:
    for text in ("one", "two"):
        engine = open_memory(location)
        put(engine, text, origin=f"/{text}.md")
        engine.dispose()

    engine = open_memory(location)
    assert sorted(texts(find(engine, "one", "two"))) == ["one", "two"]
    engine.dispose()


def test_several_may_open_a_new_one_at_once(location: Path | str) -> None:
    failed: list[Exception] = []

    def start() -> None:
        try:
            open_memory(location).dispose()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failed == []


def test_a_newer_schema_is_refused_and_left_alone(location: Path | str, memory: Engine) -> None:
    with transaction(memory, writes=True) as connection:
        connection.execute(update(tables.memory_schema).values(version=VERSION + 1))

    with pytest.raises(CannotCreate, match=f"has schema {VERSION + 1}; this version knows {VERSION}"):
        open_memory(location)


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE document (x)")

    with pytest.raises(CannotCreate, match="another program's table document"):
        open_memory(path)

    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("document",)]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "memory.db").write_bytes(b"not a database" * 100)

    with pytest.raises(CannotCreate, match=r"memory\.db cannot be used: file is not a database"):
        open_memory(tmp_path / "memory.db")


@pytest.mark.parametrize(
    "address", ["postgresql://u:geheim@/db?host=/nowhere", "mysql://u:geheim@h/d", "geheim", ""]
)
def test_an_address_that_leads_nowhere_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(CannotCreate) as refused:
        open_memory(address)

    assert "geheim" not in str(refused.value)
    assert "memory" in str(refused.value)


def test_readers_do_not_wait_for_a_writer(location: Path | str, memory: Engine) -> None:
    put(memory, "before")

    with transaction(memory, writes=True) as connection:
        connection.exec_driver_sql("DELETE FROM passage")
        other = open_memory(location)
        assert texts(find(other, "before")) == ["before"]
        other.dispose()


def test_a_statement_that_takes_too_long_is_stopped(memory: Engine) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    is_late = threading.Event()
    threading.Timer(0.05, is_late.set).start()

    with pytest.raises(MemoryUnavailable, match=r"interrupted|timeout"):
        with transaction(memory, writes=False, deadline=Deadline(0.05, is_late.is_set)) as connection:
            connection.exec_driver_sql(endless)

    put(memory, "alive")
    assert texts(find(memory, "alive")) == ["alive"]


def test_a_failure_quotes_no_values(memory: Engine) -> None:
    row = {"tenant": "geheim", "name": "geheim", "last_at": 0, "last_number": 0}
    twice = [tables.conversation.insert().values(row)] * 2

    with pytest.raises(MemoryUnavailable) as failed, transaction(memory, writes=True) as connection:
        list(map(connection.execute, twice))

    assert "geheim" not in str(failed.value)
