"""Opens `state.db` in SQLite, or a PostgreSQL by its address: how transactions begin, and what a failed one means.

Several processes have it open at once: the control process, and commands by which people decide. What is decided
must not be lost, so every transaction is synced to disk (docs/design/storage.md).
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, select, text
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
    StatementError,
)

from guardian_cluster.errors import EXIT_CANNOT_CREATE, CannotCreate, CommandError, Problem, printable
from guardian_cluster.storage import schema, state_tables
from guardian_cluster.storage.schema import Schema
from guardian_cluster.storage.sqlite import set_up_connections

FILE_NAME = "state.db"

REVISIONS = ("0001", "0002")
"""All migrations, in order."""

HEAD = REVISIONS[-1]

SCHEMA = Schema(
    folder="state_migrations",
    revisions=REVISIONS,
    version_table=state_tables.VERSION_TABLE,
    afresh="decisions and lessons are gone then",
)

BUSY_TIMEOUT_MS = 5_000
"""How long another process's transaction is waited for. Each takes some 10 ms."""

STATEMENT_TIMEOUT_MS = 10_000
"""How long PostgreSQL may take for one statement, its waiting for locks included."""

CONNECT_TIMEOUT_S = 5
"""How long a PostgreSQL that does not answer is waited for."""

_LOCK = 0x67756173
"""The PostgreSQL advisory lock under which a schema is made: several processes may start at once."""

_WRITES = "writes"
"""An execution option: the transaction will write, so SQLite takes its lock at the beginning."""

_ADDRESS = "It looks like: postgresql://user:password@host:5432/database"

_HINTS = {
    sqlite3.SQLITE_BUSY: "Another program has it locked: close that, or try again.",
    sqlite3.SQLITE_FULL: "Make room on its disk.",
    sqlite3.SQLITE_READONLY: "Check the owner and mode of the file and its folder.",
    sqlite3.SQLITE_CANTOPEN: "Check that its folder is there, its owner and mode.",
    sqlite3.SQLITE_IOERR: "Check its disk.",
}
_SERVERS_HINT = "Check that the database server runs and can be reached, and try again."


class StateUnavailable(CommandError):
    """The state cannot be read or written now, and nothing of what was asked was done; later it may be.

    Its message quotes no values.
    """

    exit_code = EXIT_CANNOT_CREATE


def open_state(location: Path | str | None, *, now: float) -> Engine:
    """Return an engine for the file at a path, for an address `postgresql://...`, or for memory alone (`None`).

    It has the newest schema. Raises `CannotCreate` where it cannot be opened, is damaged, another program's, or of a
    newer schema.
    """
    if isinstance(location, Path):
        return schema.open_file(location, SCHEMA, now=now, set_up=_set_up)
    return _memory() if location is None else _postgresql(location)


@contextmanager
def transaction(engine: Engine, where: Path | str, *, writes: bool) -> Generator[Connection]:
    """Have one transaction; it is undone where what is done in it fails.

    Raises `StateUnavailable` where the database cannot do it now, and `CannotCreate` where it is damaged.
    """
    try:
        with engine.execution_options(**{_WRITES: writes}).begin() as connection:
            yield connection
    except (SQLAlchemyError, sqlite3.Error) as error:
        if _is_ours(error):
            raise
        raise _explained(where, error) from None


def shown(engine: Engine, location: Path | str | None) -> Path | str:
    """Return how the database is called before people: its password is left out."""
    if isinstance(location, str):
        return engine.url.set(drivername="postgresql").render_as_string(hide_password=True)
    return location or "the state in memory"


def _is_ours(error: Exception) -> bool:
    """Tell whether the fault lies in what was to be written, so that it would fail again."""
    is_statement = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
    return is_statement or isinstance(error, IntegrityError | DataError)


def _explained(where: Path | str, error: Exception) -> CommandError:
    if isinstance(where, Path) and schema.is_damage(error):
        return schema.damaged(where, SCHEMA, error)
    code = schema.sqlite_code(error)
    hint = _SERVERS_HINT if code is None else _HINTS.get(code, "Try again.")
    message = f"{where} cannot be used now: {_reason(error)}"
    return StateUnavailable(Problem("state-unavailable", message, hint=hint, see=schema.PAGE))


def _reason(error: Exception) -> str:
    """Return the first line of what the driver says; PostgreSQL quotes values in those after it."""
    lines = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
    return printable(lines[0] if lines else type(error).__name__, 200)


def _set_up(engine: Engine) -> None:
    set_up_connections(engine, BUSY_TIMEOUT_MS, is_synced=True)
    event.listen(engine, "begin", _begin)


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once if another wrote between.
    writes = connection.get_execution_options().get(_WRITES, True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _memory() -> Engine:
    engine = schema.memory_engine()
    _set_up(engine)
    with engine.begin() as connection:
        state_tables.metadata.create_all(connection)
    return engine


def _postgresql(address: str) -> Engine:
    engine = _server(address)
    where = shown(engine, address)
    try:
        with engine.begin() as connection:
            if _server_revision(connection, where) != HEAD:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                # Read again: another process may have migrated while this one waited.
                if _server_revision(connection, where) != HEAD:
                    schema.upgrade(connection, SCHEMA, HEAD)
    except SQLAlchemyError as error:
        engine.dispose()
        raise schema.refused(where, f"cannot be used: {_reason(error)}", _SERVERS_HINT) from None
    except CannotCreate:
        engine.dispose()
        raise
    return engine


def _server(address: str) -> Engine:
    try:
        url = make_url(address)
    except ArgumentError:
        raise schema.refused("the address of the state", "is no database address", _ADDRESS) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise schema.refused("the address of the state", f"names {url.get_backend_name()}", _ADDRESS)
    # The last is for a server whose host is gone without a word; the statement's time runs on the server.
    bounds = {"connect_timeout": CONNECT_TIMEOUT_S, "tcp_user_timeout": 2 * STATEMENT_TIMEOUT_MS}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={**bounds, "application_name": "guardian"},
        pool_size=1,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    event.listen(engine, "begin", _bound)
    return engine


def _bound(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")


def _server_revision(connection: Connection, where: Path | str) -> str | None:
    """Return the schema it has; `None` where there is none. Raises `CannotCreate` for another's, or a newer one."""
    names = set(inspect(connection).get_table_names())
    if state_tables.VERSION_TABLE not in names:
        if taken := names & set(state_tables.metadata.tables):
            raise schema.refused(
                where, f"holds another program's table {min(taken)}", "Name another database."
            )
        return None
    query = select(text("version_num")).select_from(text(state_tables.VERSION_TABLE))
    found = connection.scalar(query) or ""
    if found not in REVISIONS:
        message = f"has schema {printable(found)}; this version knows none after {HEAD}"
        raise schema.refused(where, message, "Run the version that wrote it, or name another database.")
    return found
