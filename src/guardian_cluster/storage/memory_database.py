"""Opens memory: `memory.db` in SQLite or a PostgreSQL by its address; which schema it has, what is refused.

One transaction makes or changes the schema, so that a failure leaves the old one. Several processes use the
same database: gateways, and `guardian ingest`.
"""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from guardian_cluster.errors import CannotCreate, Problem, printable
from guardian_cluster.storage import memory_tables as tables
from guardian_cluster.storage.memory_values import MemoryUnavailable
from guardian_cluster.storage.sqlite import make_private_file, set_up_connections

VERSION = 1

STEPS: dict[int, Callable[[Connection], None]] = {}
"""By version: what makes it from the one before. None yet; `_make` makes the newest at once."""

_STEPS = 5_000
"""Of SQLite's machine between two looks at the clock: 0.1 ms."""

BUSY_TIMEOUT_MS = 10_000
"""How long SQLite waits for another process's transaction; those of `guardian ingest` are a document each."""

CONNECT_TIMEOUT_S = 2
"""How long a PostgreSQL that does not answer is waited for."""

_LOCK = 0x67756172
"""The PostgreSQL advisory lock under which a schema is made: two gateways may start at once."""

WRITES = "writes"
"""An execution option: the transaction will write, so SQLite takes its lock at the beginning."""


def open_memory(location: Path | str | None) -> Engine:
    """Return an engine for the file at a path, for an address `postgresql://...`, or for memory alone (`None`).

    Raises:
        CannotCreate: it cannot be opened, is damaged, another program's, or of a newer schema.
    """
    engine = _postgresql(location) if isinstance(location, str) else _sqlite(location)
    where = (
        "in memory"
        if location is None
        else str(location)
        if isinstance(location, Path)
        else _shown(engine.url)
    )
    try:
        with engine.connect() as connection:  # reading alone, so that nobody who writes is waited for
            is_current = _is_current(connection)
        if not is_current:
            with engine.execution_options(**{WRITES: True}).begin() as connection:
                _bring_up(connection, where)
    except (DBAPIError, sqlite3.Error) as error:
        engine.dispose()
        raise _refused(
            where, f"cannot be used: {_reason(error)}", "Check that it is there, its rights and free space."
        ) from None
    except CannotCreate:
        engine.dispose()
        raise
    return engine


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a transaction has taken too long."""

    left_s: float
    is_late: Callable[[], bool]


@contextmanager
def transaction(engine: Engine, *, writes: bool, deadline: Deadline | None = None) -> Generator[Connection]:
    """Have one transaction; it is undone when what is done in it fails or is late.

    Raises:
        MemoryUnavailable: the database failed. Its message quotes no values, which may be somebody's words.
    """
    try:
        with engine.execution_options(**{WRITES: writes}).connect() as connection:
            _bound_sqlite(connection, deadline)
            with connection.begin():
                _bound_postgresql(connection, deadline)
                yield connection
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise MemoryUnavailable(f"memory failed: {_reason(error)}") from None


def _bound_sqlite(connection: Connection, deadline: Deadline | None) -> None:
    """Have SQLite stop a statement once it is late, and wait for another process no longer than is left."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(deadline.is_late if deadline else None, _STEPS)
        timeout_ms = int(1_000 * deadline.left_s) if deadline else BUSY_TIMEOUT_MS
        driver.execute(f"PRAGMA busy_timeout = {timeout_ms}")


def _bound_postgresql(connection: Connection, deadline: Deadline | None) -> None:
    if deadline and connection.dialect.name == "postgresql":
        left_ms = max(int(1_000 * deadline.left_s), 1)
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {left_ms}")


def _reason(error: Exception) -> str:
    """Return the first line of what the driver says; PostgreSQL quotes values in those after it."""
    lines = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
    return printable(lines[0] if lines else type(error).__name__, 200)


def _postgresql(address: str) -> Engine:
    try:
        url = make_url(address)
    except ArgumentError:
        raise _refused("the address of memory", "is no database address", _ADDRESS) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise _refused("the address of memory", f"names {url.get_backend_name()}", _ADDRESS)
    url = url.set(drivername="postgresql+psycopg")
    options = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "guardian"}
    return create_engine(url, connect_args=options, pool_size=2, pool_pre_ping=True, hide_parameters=True)


def _sqlite(path: Path | None) -> Engine:
    if path is None:
        engine = create_engine(
            "sqlite://", connect_args=_ANY_THREAD, poolclass=StaticPool, hide_parameters=True
        )
    else:
        _make_file(path)
        url = URL.create("sqlite", database=str(path))
        engine = create_engine(url, connect_args=_ANY_THREAD, hide_parameters=True)
    set_up_connections(engine, BUSY_TIMEOUT_MS)
    event.listen(engine, "begin", _begin)
    return engine


def _make_file(path: Path) -> None:
    try:
        make_private_file(path)
    except OSError as error:
        raise _refused(
            str(path), f"cannot be opened: {error.strerror}", "Check the folder's owner and mode."
        ) from error


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once if another wrote between.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table(tables.memory_schema.name):
        return False
    return connection.execute(select(tables.memory_schema.c.version)).scalar() == VERSION


def _bring_up(connection: Connection, where: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    names = set(inspect(connection).get_table_names())
    if tables.memory_schema.name not in names:
        if taken := names & set(tables.metadata.tables):
            raise _refused(where, f"holds another program's table {min(taken)}", "Name another database.")
        return _make(connection)
    found = connection.execute(select(tables.memory_schema.c.version)).scalar()
    if found is None or not 1 <= found <= VERSION:
        message = f"has schema {found}; this version knows {VERSION}"
        raise _refused(where, message, "Run the version that wrote it, or ingest into another one.")
    for version in range(found + 1, VERSION + 1):
        STEPS[version](connection)
    if found != VERSION:
        connection.execute(update(tables.memory_schema).values(version=VERSION))
    return None


def _make(connection: Connection) -> None:
    tables.metadata.create_all(connection)
    is_postgresql = connection.dialect.name == "postgresql"
    for statement in tables.POSTGRESQL if is_postgresql else tables.SQLITE:
        connection.exec_driver_sql(statement)
    connection.execute(insert(tables.memory_schema).values(version=VERSION))


def _shown(url: URL) -> str:
    return f"memory at {url.set(drivername='postgresql').render_as_string(hide_password=True)}"


def _refused(where: str, message: str, hint: str) -> CannotCreate:
    return CannotCreate(
        Problem("memory-refused", f"{where} {message}", hint=hint, see="docs/design/memory.md")
    )


_ADDRESS = "It looks like: postgresql://user:password@host:5432/database"
_ANY_THREAD = {"check_same_thread": False}
"""One thread at a time uses a connection, though not always the same."""
