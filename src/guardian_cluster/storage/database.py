"""Opens `telemetry.db`: how SQLite is set, which schema it has, and what is refused.

A database of an older schema is copied before it is changed; one that is damaged, or newer than this program,
is left as it is and refused (docs/design/storage.md).
"""

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from guardian_cluster.errors import CannotCreate, Problem
from guardian_cluster.storage.sqlite import make_private_file, set_up_connections

FILE_NAME = "telemetry.db"

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""All migrations, in order. Named here so that Alembic (0.3 s, 7 MB) loads only when there is one to run."""

HEAD = REVISIONS[-1]

BUSY_TIMEOUT_MS = 1_000
"""How long SQLite itself waits for another process's lock; the writer then tries again, so that it can be
stopped."""


def open_database(path: Path, *, now: float) -> Engine:
    """Return an engine for the database at `path`, made or migrated to the newest schema.

    The folder is made with mode 0700, the file with 0600. Raises `CannotCreate`, naming the file and its
    newest backup, where it cannot be opened, is damaged, is no such database, or is of a newer schema.
    """
    try:
        make_private_file(path)
    except OSError as error:
        hint = "Check the folder's owner, mode and free space."
        raise _refused(path, f"cannot be opened: {error}", hint) from error
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(
        url, connect_args={"check_same_thread": False}, hide_parameters=True, paramstyle="named"
    )
    _prepare(engine)
    try:
        _migrate(engine, path, now)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        engine.dispose()
        raise _explained(path, error) from error
    except CannotCreate:
        engine.dispose()
        raise
    return engine


def open_to_read(path: Path) -> Engine:
    """Return an engine that reads the database at `path` and changes nothing, while another process may write it.

    Raises `CannotCreate` where it is damaged, or of another schema: a gateway of this version makes it the newest.
    """
    try:
        found = _revision(path)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        raise _explained(path, error) from error
    if found != HEAD:
        raise _refused(
            path, f"has schema {found}, and not {HEAD}", "Start guardian serve once to have it made."
        )
    url = URL.create(
        "sqlite", database=f"file:{quote(str(path.resolve()))}", query={"mode": "ro", "uri": "true"}
    )
    return create_engine(url, hide_parameters=True, paramstyle="named")


def memory_database() -> Engine:
    """Return an engine for a database that lives as long as it does: the in-memory twin."""
    one_thread = {"check_same_thread": False}
    engine = create_engine(
        "sqlite://", connect_args=one_thread, poolclass=StaticPool, hide_parameters=True, paramstyle="named"
    )
    _prepare(engine)
    with engine.begin() as connection:
        upgrade(connection, HEAD)
    return engine


def upgrade(connection: Connection, revision: str) -> None:
    """Run the migrations up to `revision` in the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def is_damage(error: Exception) -> bool:
    """Tell whether SQLite says that the file is damaged or no database, rather than busy or full."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def damaged(path: Path, error: Exception) -> CannotCreate:
    """Return the refusal of a damaged database."""
    hint = f"Move it away with its -wal and -shm files (records start afresh), or {_restore(path)}"
    return _refused(path, f"is damaged or no database: {getattr(error, 'orig', error)}", hint)


def _explained(path: Path, error: Exception) -> CannotCreate:
    if is_damage(error):
        return damaged(path, error)
    hint = "Close other programs that have it open, and check its mode and the free space."
    return _refused(path, f"cannot be used: {getattr(error, 'orig', error)}", hint)


def _prepare(engine: Engine) -> None:
    set_up_connections(engine, BUSY_TIMEOUT_MS)
    event.listen(engine, "begin", _begin)


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails, whatever the timeout, if another wrote between.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine, path: Path, now: float) -> None:
    found = _revision(path)
    if found == HEAD:
        return
    if found is not None:
        _back_up(path, now)
    with engine.begin() as connection:
        upgrade(connection, HEAD)


def _revision(path: Path) -> str | None:
    """Return the schema the database has; `None` where it is empty. Reads without waiting for a writer."""
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not tables:
            return None
        if "alembic_version" not in tables:
            raise _refused(path, "holds tables of some other program", "Name another data folder.")
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    if found not in REVISIONS:
        hint = f"Run the version that wrote it, or {_restore(path)}"
        raise _refused(path, f"has schema {found}; this version knows none after {HEAD}", hint)
    return found


def _back_up(path: Path, now: float) -> None:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    backup = path.with_name(f"{path.name}.before-{HEAD}-{stamp}")
    try:
        os.close(os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            backup.unlink(missing_ok=True)
        hint = f"It needs {path.stat().st_size:,} bytes in {path.parent} for a copy first."
        raise _refused(path, f"was not migrated, because it could not be copied: {error}", hint) from error


def _restore(path: Path) -> str:
    backups = sorted(path.parent.glob(f"{path.name}.before-*"), key=lambda backup: backup.stat().st_mtime)
    return f"restore its newest backup, {backups[-1]}." if backups else "restore it from your own backup."


def _refused(path: Path, message: str, hint: str) -> CannotCreate:
    page = "docs/design/storage.md"
    return CannotCreate(Problem("database-refused", f"{path} {message}", hint=hint, see=page))
