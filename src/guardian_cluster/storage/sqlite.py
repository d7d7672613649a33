"""How SQLite is used here: private files, a write-ahead log, and transactions that begin when they are said to."""

import errno
import os
import sqlite3
import time
from pathlib import Path

from sqlalchemy import Engine, event

_RETRY_S = 0.01
"""Between two attempts to set the write-ahead log: SQLite refuses at once while another connection is at it."""

_SETTINGS = (
    "PRAGMA foreign_keys = ON",
    # After a burst the write-ahead log shrinks to 64 MB instead of keeping its largest size for good.
    "PRAGMA journal_size_limit = 67108864",
)


def make_private_file(path: Path) -> None:
    """Make an empty file that only its owner reads, in a folder like that, unless there is one.

    One that is there is not opened: closing it would drop the locks that this process's own connections hold on
    it (https://www.sqlite.org/howtocorrupt.html, section 2.2). Raises OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None


def set_up_connections(engine: Engine, busy_timeout_ms: int, *, is_synced: bool = False) -> None:
    """Have every connection wait for others' locks, use a write-ahead log, and leave BEGIN to who listens for it.

    Unless each transaction `is_synced`, a power failure may undo the last ones, never damage the file: syncing each
    batch of records would cost more than they are worth.
    """

    def set_up(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions late
        connection.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")
        _use_write_ahead_log(connection, busy_timeout_ms / 1_000)
        connection.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
        for setting in _SETTINGS:
            connection.execute(setting)

    event.listen(engine, "connect", set_up)


def _use_write_ahead_log(connection: sqlite3.Connection, wait_s: float) -> None:
    """Set the log that lets readers wait for nobody; the first to do so on a file needs it to itself.

    SQLite does not wait there, whatever its timeout: two that both read the file would wait for each other.
    """
    late = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= late:
                raise
        time.sleep(_RETRY_S)
