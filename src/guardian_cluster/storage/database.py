"""Opens `telemetry.db`: which migrations it has, and how its transactions begin. What is refused: `schema.py`."""

import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from guardian_cluster.errors import CannotCreate
from guardian_cluster.storage import schema
from guardian_cluster.storage.schema import Schema, is_damage
from guardian_cluster.storage.sqlite import set_up_connections

__all__ = [
    "BUSY_TIMEOUT_MS",
    "FILE_NAME",
    "HEAD",
    "REVISIONS",
    "damaged",
    "is_damage",
    "memory_database",
    "open_database",
    "open_to_read",
    "upgrade",
]

FILE_NAME = "telemetry.db"

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
"""All migrations, in order."""

HEAD = REVISIONS[-1]

_SCHEMA = Schema(
    folder="migrations",
    revisions=REVISIONS,
    version_table="alembic_version",
    afresh="records start afresh",
)

BUSY_TIMEOUT_MS = 1_000
"""How long SQLite itself waits for another process's lock; the writer then tries again, so that it can be
stopped."""


def open_database(path: Path, *, now: float) -> Engine:
    """Return an engine for the database at `path`, made or migrated to the newest schema.

    The folder is made with mode 0700, the file with 0600. Raises `CannotCreate`, naming the file and its
    newest backup, where it cannot be opened, is damaged, is no such database, or is of a newer schema.
    """
    return schema.open_file(path, _SCHEMA, now=now, set_up=_prepare)


def open_to_read(path: Path) -> Engine:
    """Return an engine that reads the database at `path` and changes nothing, while another process may write it.

    Raises `CannotCreate` where it is damaged, or of another schema: a gateway of this version makes it the newest.
    """
    try:
        found = schema.revision_of(path, _SCHEMA)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        raise schema.explained(path, _SCHEMA, error) from error
    if found != HEAD:
        raise schema.refused(
            path, f"has schema {found}, and not {HEAD}", "Start guardian serve once to have it made."
        )
    url = URL.create(
        "sqlite", database=f"file:{quote(str(path.resolve()))}", query={"mode": "ro", "uri": "true"}
    )
    return create_engine(url, hide_parameters=True, paramstyle="named")


def memory_database() -> Engine:
    """Return an engine for a database that lives as long as it does: the in-memory twin."""
    engine = schema.memory_engine()
    _prepare(engine)
    with engine.begin() as connection:
        upgrade(connection, HEAD)
    return engine


def upgrade(connection: Connection, revision: str) -> None:
    """Run the migrations up to `revision` in the caller's transaction."""
    schema.upgrade(connection, _SCHEMA, revision)


def damaged(path: Path, error: Exception) -> CannotCreate:
    """Return the refusal of a damaged database."""
    return schema.damaged(path, _SCHEMA, error)


def _prepare(engine: Engine) -> None:
    set_up_connections(engine, BUSY_TIMEOUT_MS)
    event.listen(engine, "begin", _begin)


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails, whatever the timeout, if another wrote between.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
