import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sample_records import NOON
from sqlalchemy import Connection, inspect, select
from state_samples import alarm, failure, incident, queued

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.errors import EXIT_CANNOT_CREATE, CannotCreate
from guardian_cluster.storage import state_database, state_tables
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.state_database import FILE_NAME, HEAD, REVISIONS, StateUnavailable, open_state

MIGRATIONS = Path(state_database.__file__).parent / "state_migrations"


def config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def as_made(connection: Connection) -> list[object]:
    options = {"version_table": state_tables.VERSION_TABLE}
    return compare_metadata(MigrationContext.configure(connection, opts=options), state_tables.metadata)


def opened(path: Path) -> StateStore:
    return StateStore.open(path, ManualClock(NOON))


def test_the_migrations_make_the_tables_that_the_code_describes_and_take_them_away(
    location: Path | str,
) -> None:
    engine = open_state(location, now=NOON)

    with engine.begin() as connection:
        assert as_made(connection) == []
        command.downgrade(config(connection), "base")
        assert set(inspect(connection).get_table_names()) == {state_tables.VERSION_TABLE}
    engine.dispose()


def test_every_migration_is_listed_in_order() -> None:
    scripts = ScriptDirectory.from_config(config())

    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == REVISIONS


async def test_an_older_state_is_copied_and_then_migrated_with_what_is_in_it(location: Path | str) -> None:
    store = StateStore.open(location, ManualClock(NOON))
    await store.put_alarms([alarm()])
    await store.close()
    engine = open_state(location, now=NOON)
    with engine.begin() as connection:
        command.downgrade(config(connection), "0001")
    engine.dispose()

    store = StateStore.open(location, ManualClock(NOON))
    await store.open_incident(failure(), incident(), key="k")

    assert await store.alarms() == [alarm()]
    assert [each.id for each in await store.incidents()] == ["n1"]
    await store.close()
    if isinstance(location, Path):
        (backup,) = location.parent.glob("*.before-*")
        assert backup.name == f"memory.db.before-{HEAD}-20251122T120000Z"


def test_what_is_decided_is_synced_and_private(tmp_path: Path) -> None:
    engine = open_state(tmp_path / "data" / FILE_NAME, now=NOON)

    with engine.begin() as connection:
        modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    engine.dispose()

    assert modes == {0o600}


OPEN = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.storage.state import StateStore
from state_samples import queued
place = {place!r}
store = StateStore.open(place if "//" in place else Path(place), ManualClock())
print(len(asyncio.run(store.put([queued(f"i{{n}}") for n in range(9)], key="k"))))
"""


def test_of_several_processes_that_start_at_once_one_makes_the_schema(location: Path | str) -> None:
    paths = [path for path in sys.path if path.endswith(("tests", "storage"))]
    program = OPEN.format(paths=paths, place=str(location))
    started = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]

    assert [process.communicate(timeout=60)[0] for process in started] == ["9\n", "9\n"]


def test_a_newer_or_strangers_postgresql_is_refused(empty_postgres: str) -> None:
    open_state(empty_postgres, now=NOON).dispose()
    with psycopg.connect(empty_postgres) as connection:
        connection.execute("UPDATE state_version SET version_num = '9999'")
    with pytest.raises(CannotCreate, match=rf"has schema 9999; this version knows none after {HEAD}"):
        open_state(empty_postgres, now=NOON)

    with psycopg.connect(empty_postgres) as connection:
        connection.execute("DROP TABLE state_version")
    with pytest.raises(CannotCreate, match="holds another program's table"):
        open_state(empty_postgres, now=NOON)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nonsense", "is no database address"),
        ("mysql://h/d", "names mysql"),
        ("postgresql://guardian:hunter2@/x?host=/nowhere", r"cannot be used: .*\n.*server runs"),
    ],
)
def test_an_address_where_nothing_is_is_refused_and_its_password_not_told(address: str, said: str) -> None:
    with pytest.raises(CannotCreate, match=said) as caught:
        open_state(address, now=NOON)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, os.urandom(8192)])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)

    with pytest.raises(CannotCreate, match=r"state.db is damaged.*\n.*decisions and lessons are gone"):
        opened(path)

    assert path.read_bytes() == content


async def test_damage_that_is_met_later_names_the_file_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    store = opened(path)
    await store.put_alarms([alarm(f"a{number}") for number in range(99)])
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'alarm'").fetchone()
    content = bytearray(path.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = b"\xff" * 4096
    path.write_bytes(content)

    store = opened(path)
    with pytest.raises(CannotCreate, match=r"state.db is damaged.*\n.*Move it away"):
        await store.alarms()
    await store.close()


def test_a_file_of_another_version_or_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    open_state(path, now=NOON).dispose()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE state_version SET version_num = '9999'")
    with pytest.raises(CannotCreate, match=r"has schema 9999.*\n.*Run the version that wrote it"):
        opened(path)

    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE state_version")
    with pytest.raises(CannotCreate, match="tables of some other program"):
        opened(path)


async def test_a_full_disk_is_said_and_nothing_of_the_call_is_kept(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    engine = open_state(path, now=NOON)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    store = StateStore(engine, path, ManualClock(NOON))

    with pytest.raises(StateUnavailable, match=r"database or disk is full\n.*Make room") as caught:
        await store.put([queued(f"i{number}") for number in range(200)], key="k")

    assert caught.value.exit_code == EXIT_CANNOT_CREATE
    assert await store.improvements() == []
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    assert len(await store.put([queued()], key="k")) == 1
    await store.close()


async def test_a_lock_is_waited_for_and_then_said_while_readers_wait_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_database, "BUSY_TIMEOUT_MS", 50)
    path = tmp_path / FILE_NAME
    store = opened(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateUnavailable, match=r"database is locked\n.*try again"):
            await store.put_alarms([alarm()])
        assert await store.alarms() == []
        other.rollback()

    await store.put_alarms([alarm()])
    await store.close()


async def test_a_server_that_was_gone_is_used_again(empty_postgres: str) -> None:
    store = StateStore.open(empty_postgres, ManualClock(NOON))
    with psycopg.connect(empty_postgres, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )

    await store.put_alarms([alarm()])

    assert await store.alarms() == [alarm()]
    await store.close()


def test_an_up_to_date_state_is_opened_without_alembic(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    open_state(path, now=NOON).dispose()
    program = (
        "import sys, pathlib; from guardian_cluster.storage.state_database import open_state; "
        f"open_state(pathlib.Path({str(path)!r}), now={NOON}).dispose(); print('alembic' in sys.modules)"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout == "False\n"


def test_the_state_in_memory_has_the_same_tables() -> None:
    engine = open_state(None, now=NOON)

    with engine.begin() as connection:
        connection.execute(select(state_tables.alarm))
        missing = set(state_tables.metadata.tables) - set(inspect(connection).get_table_names())
    engine.dispose()

    assert missing == set()
