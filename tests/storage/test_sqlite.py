"""What a file keeps while this process looks at it, and what the first opening waits for."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from guardian_cluster.storage.sqlite import make_private_file, set_up_connections

TAKE_THE_LOCK = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    make_private_file(tmp_path / "data" / "a.db")

    assert (tmp_path / "data" / "a.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_looking_for_the_file_keeps_the_locks_that_this_process_has_on_it(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    make_private_file(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as ours:
        ours.execute("BEGIN IMMEDIATE")

        make_private_file(path)
        other = subprocess.run([sys.executable, "-c", TAKE_THE_LOCK, path], capture_output=True, text=True)

    assert "database is locked" in other.stderr


def test_the_first_to_open_a_file_waits_for_who_is_at_it(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    engine = create_engine(f"sqlite:///{path}")
    set_up_connections(engine, busy_timeout_ms=50)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            engine.raw_connection()
        other.execute("COMMIT")

    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    engine.dispose()
