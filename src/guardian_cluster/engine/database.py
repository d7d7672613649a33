"""Opens the engine's database: `engine.db` in a data folder, or a PostgreSQL that several processes share.

A file that is damaged or of another program is left as it is and refused.
"""

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from guardian_cluster.errors import CannotCreate, Problem
from guardian_cluster.storage.sqlite import make_private_file

FILE_NAME = "engine.db"

SEE = "docs/design/engine.md"

SCHEMA = "guardian_engine"
"""Where all tables are in PostgreSQL."""

BUSY_TIMEOUT_MS = 2_500
"""How long a connection waits for another's transaction; theirs take milliseconds, and a slow disk a second.

A run that meets a longer lock is left off, and taken up again when that is over.
"""

CHECKED_BYTES = 64_000_000
"""A file of at most this size is read through before it is used (0.2 s); a larger one shows damage when it is met."""

CONNECTIONS = 12
"""At most so many of one process, besides those of its lease; a PostgreSQL has 100 as it comes."""

_CONNECT_S = 5
_IDLE_TRANSACTION_MS = 3_000
"""A process that is frozen in the middle of a transaction holds its locks for so long: hardly longer than its lease,
and longer than a thread has to wait for its turn on a busy machine."""

_STATEMENT_MS = 30_000

_POOL_WAIT_S = 5.0
"""How long a free connection is waited for."""

_SILENCE: dict[str, int] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A server that is not heard of any more, cable and all, is given up after some 10 s."""


class FileLock:
    """Keeps a second engine out of a file: each would take the other for dead, and its runs over."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._descriptor = -1

    def acquire(self) -> None:
        """Take it, or raise CannotCreate."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            hint = "One control process serves a data folder; name another folder or stop the other."
            raise refused(self._path, "is locked: another process runs workflows here", hint) from None
        except OSError as error:
            self.release()
            raise refused(self._path, f"cannot be locked: {error.strerror}", _FOLDER) from error

    def release(self) -> None:
        """Give it back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def open_file(path: Path) -> sa.Engine:
    """Return an engine for the database at `path`: private, with a write-ahead log, each commit on the disk.

    Raises CannotCreate where it cannot be opened, is damaged, or is another program's.
    """
    try:
        make_private_file(path)
        _check(path)
    except OSError as error:
        raise refused(path, f"cannot be opened: {error.strerror}", _FOLDER) from error
    except sqlite3.Error as error:
        raise explained(path, error) from error
    url = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(
        url, hide_parameters=True, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=_POOL_WAIT_S
    )
    event.listen(engine, "connect", _set_up_file)
    event.listen(engine, "handle_error", _give_up)
    return engine


def open_server(address: str, *, connections: int = CONNECTIONS) -> sa.Engine:
    """Return an engine for the PostgreSQL at an address. Raises CannotCreate where it does not answer."""
    try:
        url = sa.make_url(address).set(drivername="postgresql+psycopg")
    except SQLAlchemyError as error:
        raise refused("the database", f"has no address that can be read: {error}", _ADDRESS) from None
    limits = (
        f"-c idle_in_transaction_session_timeout={_IDLE_TRANSACTION_MS} -c statement_timeout={_STATEMENT_MS}"
    )
    arguments: dict[str, Any] = {"connect_timeout": _CONNECT_S, "options": limits, **_SILENCE}
    engine = sa.create_engine(
        url,
        connect_args=arguments,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_S,
        pool_pre_ping=True,
    )
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except DBAPIError as error:
        engine.dispose()
        where = url.render_as_string(hide_password=True)
        raise refused(where, f"cannot be used: {first_line(error)}", _ADDRESS) from error
    return engine


def explained(path: Path, error: Exception) -> CannotCreate:
    """Return what a person is told of a file that could not be used."""
    origin = getattr(error, "orig", None) or error
    if is_damage(error):
        return refused(path, f"is damaged or no database: {origin}", _DAMAGED)
    return refused(path, f"cannot be used: {origin}", "Check its mode and the free space of its folder.")


def is_damage(error: BaseException | None) -> bool:
    """Tell whether SQLite says that the file is damaged or no database, rather than busy or full."""
    code = getattr(getattr(error, "orig", None) or error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def refused(what: object, message: str, hint: str) -> CannotCreate:
    """Return the refusal of a database."""
    return CannotCreate(Problem("engine-refused", f"{what} {message}", hint=hint, see=SEE))


def first_line(error: BaseException) -> str:
    """Return what a driver said, without the statement."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0][:300] if said else type(error).__name__


_FOLDER = "Check the folder's owner, mode and free space."
_ADDRESS = "Check the address, the user and that the server runs."
_DAMAGED = (
    "Move it away with its -wal and -shm files: what is due is run again on schedule, runs that were half-way are "
    "lost. Or restore it from your own backup."
)


def _check(path: Path) -> None:
    """Raise sqlite3.DatabaseError for a damaged file, and CannotCreate for another program's."""
    with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=rw", uri=True, timeout=10)) as file:
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and "dbos_migrations" not in tables:
            raise refused(path, "holds tables of some other program", "Name another data folder.")
        if path.stat().st_size <= CHECKED_BYTES:
            (found,) = file.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise refused(path, f"is damaged: {found.splitlines()[0][:200]}", _DAMAGED)


def _set_up_file(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = "IMMEDIATE"  # who begins to write does not lose to another that did
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    with suppress(sqlite3.OperationalError):  # another connection is at it: it is set once for the file
        connection.execute("PRAGMA journal_mode = WAL")
    # A step that was done is not forgotten by a power failure.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_size_limit = 67108864")


def _give_up(context: sa.engine.ExceptionContext) -> None:
    """Say of a locked file in words of ours that it is: where it reads SQLite's, DBOS tries again without end."""
    error = context.original_exception
    if isinstance(error, sqlite3.OperationalError) and _is_busy(error):
        said = sqlite3.OperationalError(f"another program had it locked for {BUSY_TIMEOUT_MS / 1_000:g} s")
        raise OperationalError(context.statement, None, said, hide_parameters=True) from error


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
