import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from record_samples import NOON, batch, opened, request, routed, write
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, insert, inspect, select, text
from sqlalchemy.exc import OperationalError

from guardian_cluster.contract.records import AttemptRecord
from guardian_cluster.errors import CannotCreate
from guardian_cluster.storage import database, queries, tables
from guardian_cluster.storage.database import FILE_NAME, HEAD, REVISIONS, upgrade
from guardian_cluster.storage.histogram import bucket_of

MIGRATIONS = Path(database.__file__).parent / "migrations"
ATTEMPT = AttemptRecord(specialist="s", endpoint="s/1", outcome="failed", duration_ms=1.0)
CONTINUED = msgspec.structs.replace(ATTEMPT, outcome="ok", continues_at=0, hedges=True)
TRIED = request("r1", attempts=(ATTEMPT,))
CONTINUED_TOO = request("r2", attempts=(ATTEMPT, CONTINUED))
_ROLLUPS = select(tables.rollup).order_by(*tables.rollup.primary_key)


def make_version(folder: Path, revision: str = "0001") -> Path:
    """Make a database as an older schema left it, with one request in it."""
    path = folder / FILE_NAME
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        write_as_of(connection, revision)
    engine.dispose()
    return path


def write_as_of(connection: Connection, revision: str) -> None:
    """Bring an empty database to an older schema, and write `TRIED` as that could hold it."""
    upgrade(connection, revision)
    tried = msgspec.structs.asdict(TRIED) | {"arrival": 1, "moves": ""}
    attempt = msgspec.structs.asdict(ATTEMPT) | {"request_id": TRIED.id, "number": 0}
    for name, known in (("request", tried), ("attempt", attempt)):
        table = Table(name, MetaData(), autoload_with=connection)
        connection.execute(insert(table), {column.name: known.get(column.name) for column in table.columns})


def pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_a_new_database_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    engine = opened(tmp_path / "data")

    with engine.begin() as connection:
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "synchronous") == 1
        assert pragma(connection, "foreign_keys") == 1
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    engine.dispose()

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}


def test_the_migrations_make_the_tables_that_the_code_describes(tmp_path: Path) -> None:
    engine = opened(tmp_path)

    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    engine.dispose()


def test_every_migration_is_listed_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)

    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == REVISIONS
    assert scripts.get_current_head() == HEAD


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_an_older_database_is_copied_and_then_migrated(tmp_path: Path, revision: str) -> None:
    make_version(tmp_path, revision)

    engine = opened(tmp_path)

    write(engine, batch(CONTINUED_TOO))
    with engine.begin() as connection:
        assert queries.requests_by_id(connection, ["r1", "r2"]) == [TRIED, CONTINUED_TOO]
        assert queries.counts(connection)["rollup"] == 1
    engine.dispose()
    (backup,) = tmp_path.glob("*.before-*")
    assert backup.name == f"telemetry.db.before-{HEAD}-20251122T120000Z"
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]
        assert copy.execute("SELECT id FROM request").fetchall() == [("r1",)]


def test_a_database_that_cannot_be_copied_is_not_migrated(tmp_path: Path) -> None:
    path = make_version(tmp_path)
    (tmp_path / f"{FILE_NAME}.before-{HEAD}-20251122T120000Z").mkdir()  # Where the copy would go.
    before = path.read_bytes()

    with pytest.raises(CannotCreate, match="was not migrated, because it could not be copied"):
        opened(tmp_path)

    assert path.read_bytes()[100:] == before[100:]  # The header says in which mode it is, and that changed.


def test_a_failed_migration_leaves_the_old_schema(tmp_path: Path) -> None:
    path = make_version(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE spend (mine)")  # In the way of the last table of 0002.

    with pytest.raises(CannotCreate, match="already exists"):
        opened(tmp_path)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollup'").fetchall() == []


def test_a_newer_database_is_refused_and_its_backup_named(tmp_path: Path) -> None:
    make_version(tmp_path)
    opened(tmp_path).dispose()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(
        CannotCreate, match=rf"has schema 9999.*\n.*restore its newest backup, .*before-{HEAD}"
    ):
        opened(tmp_path)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, os.urandom(8192)])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)

    with pytest.raises(
        CannotCreate, match=r"telemetry.db is damaged or no database.*\n.*restore it from your own"
    ):
        opened(tmp_path)

    assert path.read_bytes() == content


def test_a_database_with_a_torn_schema_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).dispose()
    content = bytearray((tmp_path / FILE_NAME).read_bytes())
    content[100:4096] = os.urandom(3996)
    (tmp_path / FILE_NAME).write_bytes(content)

    with pytest.raises(CannotCreate, match="is damaged"):
        opened(tmp_path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")

    with pytest.raises(CannotCreate, match="tables of some other program"):
        opened(tmp_path)


def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()

    with pytest.raises(CannotCreate, match="cannot be opened"):
        opened(tmp_path)


def test_what_goes_wrong_with_a_statement_is_told_without_its_values(tmp_path: Path) -> None:
    engine = opened(tmp_path)

    with engine.connect() as connection, pytest.raises(OperationalError) as caught:
        connection.execute(text("INSERT INTO nowhere VALUES (:words)"), {"words": "what a user wrote"})
    engine.dispose()

    assert "nowhere" in str(caught.value)
    assert "what a user wrote" not in str(caught.value)


def test_an_up_to_date_database_is_opened_without_alembic(tmp_path: Path) -> None:
    opened(tmp_path).dispose()
    program = (
        "import sys, pathlib; from guardian_cluster.storage.database import open_database; "
        f"open_database(pathlib.Path({str(tmp_path / FILE_NAME)!r}), now={NOON}).dispose(); "
        "print('alembic' in sys.modules)"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout == "False\n"


def test_the_newest_migrations_can_be_undone_and_done_again_without_losing_a_request(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    write(engine, batch(routed(attempts=(ATTEMPT,)), CONTINUED_TOO))

    with engine.begin() as connection:
        command.downgrade(migrations_on(connection), "0003")
        assert not {"candidate", "assessment", "part", "score"} & set(inspect(connection).get_table_names())
        upgrade(connection, HEAD)
        found = queries.requests_by_id(connection, ["r1", "r2"])
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    engine.dispose()

    anew = msgspec.structs.replace(CONTINUED, continues_at=None, hedges=False)
    assert found == [TRIED, request("r2", attempts=(ATTEMPT, anew))]


def test_postgresql_takes_the_same_migrations_there_and_back_with_rows(empty_postgres: str) -> None:
    engine = create_engine(empty_postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        write_as_of(connection, "0005")
        upgrade(connection, HEAD)
    write(engine, batch(CONTINUED_TOO))

    with engine.begin() as connection:
        found = queries.requests_by_id(connection, ["r1", "r2"])
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
        command.downgrade(migrations_on(connection), "0005")
        before = {column["name"] for column in inspect(connection).get_columns("attempt")}
        assert queries.counts(connection)["attempt"] == 3
    engine.dispose()

    assert found == [TRIED, CONTINUED_TOO]
    assert not {"continues_at", "hedges"} & before


def test_histograms_move_into_their_roll_ups_and_back(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    _move_histograms(engine)
    engine.dispose()


def test_postgresql_moves_histograms_into_their_roll_ups_and_back(empty_postgres: str) -> None:
    engine = create_engine(empty_postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        upgrade(connection, HEAD)
    _move_histograms(engine)
    engine.dispose()


def _move_histograms(engine: Engine) -> None:
    slow = request("r3", started=NOON + 60, duration_ms=9e4, first_token_ms=7.0, specialist="other")
    write(engine, batch(TRIED, CONTINUED_TOO, request("r4", duration_ms=0.0), slow))
    with engine.begin() as connection:
        before = list(map(tuple, connection.execute(_ROLLUPS)))
        command.downgrade(migrations_on(connection), "0007")
        buckets = Table("rollup_histogram", MetaData(), autoload_with=connection)
        rows = connection.execute(select(buckets).order_by(*buckets.primary_key)).all()
        upgrade(connection, HEAD)
        assert list(map(tuple, connection.execute(_ROLLUPS))) == before
    assert [row.n for row in rows if row.measure == "duration"] == [1, 2, 1]
    assert [row.bucket for row in rows if row.measure == "first_token"] == [bucket_of(7.0)]


def migrations_on(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
