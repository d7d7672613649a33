"""Brings a database file to its newest schema, or refuses it; which file that is says a `Schema`.

A database of an older schema is copied before it is changed; one that is damaged, or newer than this program,
is left as it is and refused (docs/design/storage.md).
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from guardian_cluster.errors import CannotCreate, Problem
from guardian_cluster.storage.sqlite import make_private_file

PAGE = "docs/design/storage.md"


@dataclass(frozen=True, slots=True)
class Schema:
    """The migrations of one database, and how they are told apart from another's."""

    folder: str
    """Beside this file."""
    revisions: tuple[str, ...]
    """All migrations, in order. Named here so that Alembic (0.3 s, 7 MB) loads only when there is one to run."""
    version_table: str
    """Where the database says which it has."""
    afresh: str
    """What is lost by moving a damaged one away."""

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1]


def open_file(path: Path, schema: Schema, *, now: float, set_up: Callable[[Engine], None]) -> Engine:
    """Return an engine for the database at `path`, made or migrated to the newest schema.

    The folder is made with mode 0700, the file with 0600. Raises `CannotCreate`, naming the file and its
    newest backup, where it cannot be opened, is damaged, is no such database, or is of a newer schema.
    """
    try:
        make_private_file(path)
    except OSError as error:
        hint = "Check the folder's owner, mode and free space."
        raise refused(path, f"cannot be opened: {error}", hint) from error
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(
        url, connect_args={"check_same_thread": False}, hide_parameters=True, paramstyle="named"
    )
    set_up(engine)
    try:
        _migrate(engine, path, schema, now)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        engine.dispose()
        raise explained(path, schema, error) from error
    except CannotCreate:
        engine.dispose()
        raise
    return engine


def memory_engine() -> Engine:
    """Return an engine for an empty database that lives as long as it does."""
    one_thread = {"check_same_thread": False}
    return create_engine(
        "sqlite://", connect_args=one_thread, poolclass=StaticPool, hide_parameters=True, paramstyle="named"
    )


def upgrade(connection: Connection, schema: Schema, revision: str) -> None:
    """Run the migrations up to `revision` in the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / schema.folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def revision_of(path: Path, schema: Schema) -> str | None:
    """Return the schema the database has; `None` where it is empty. Reads without waiting for a writer.

    Raises `CannotCreate` where it is another program's or newer, and what SQLite raises where it is damaged.
    """
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not tables:
            return None
        if schema.version_table not in tables:
            raise refused(path, "holds tables of some other program", "Name another data folder.")
        query = f"SELECT version_num FROM {schema.version_table}"  # a name of our own
        (found,) = connection.execute(query).fetchone() or ("",)
    if found not in schema.revisions:
        hint = f"Run the version that wrote it, or {_restore(path)}"
        raise refused(path, f"has schema {found}; this version knows none after {schema.head}", hint)
    return found


def is_damage(error: Exception) -> bool:
    """Tell whether SQLite says that the file is damaged or no database, rather than busy or full."""
    return sqlite_code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def sqlite_code(error: Exception) -> int | None:
    """Return what SQLite calls the error, without its finer points; `None` where it was not SQLite's."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def damaged(path: Path, schema: Schema, error: Exception) -> CannotCreate:
    """Return the refusal of a damaged database."""
    hint = f"Move it away with its -wal and -shm files ({schema.afresh}), or {_restore(path)}"
    return refused(path, f"is damaged or no database: {getattr(error, 'orig', error)}", hint)


def explained(path: Path, schema: Schema, error: Exception) -> CannotCreate:
    """Return the refusal of a database that cannot be opened."""
    if is_damage(error):
        return damaged(path, schema, error)
    hint = "Close other programs that have it open, and check its mode and the free space."
    return refused(path, f"cannot be used: {getattr(error, 'orig', error)}", hint)


def refused(place: Path | str, message: str, hint: str) -> CannotCreate:
    """Return the refusal of a database."""
    return CannotCreate(Problem("database-refused", f"{place} {message}", hint=hint, see=PAGE))


def _migrate(engine: Engine, path: Path, schema: Schema, now: float) -> None:
    if revision_of(path, schema) == schema.head:
        return
    with engine.begin() as connection:  # of several processes that start now, one migrates
        found = revision_of(path, schema)
        if found == schema.head:
            return
        if found is not None:
            _back_up(path, schema, now)
        upgrade(connection, schema, schema.head)


def _back_up(path: Path, schema: Schema, now: float) -> None:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    backup = path.with_name(f"{path.name}.before-{schema.head}-{stamp}")
    try:
        os.close(os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            backup.unlink(missing_ok=True)
        hint = f"It needs {path.stat().st_size:,} bytes in {path.parent} for a copy first."
        raise refused(path, f"was not migrated, because it could not be copied: {error}", hint) from error


def _restore(path: Path) -> str:
    backups = sorted(path.parent.glob(f"{path.name}.before-*"), key=lambda backup: backup.stat().st_mtime)
    return f"restore its newest backup, {backups[-1]}." if backups else "restore it from your own backup."
