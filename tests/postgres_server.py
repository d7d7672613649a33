"""A PostgreSQL of its own for tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.harness.postgres import binaries, running_postgres


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server and yield its address; without PostgreSQL skip, or fail where nothing may be skipped (CI)."""
    programs = binaries()
    if programs is None:
        reason = (
            "PostgreSQL is not installed in /usr/lib/postgresql; on Debian: sudo apt-get install postgresql"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_postgres(programs) as address:
        yield address
