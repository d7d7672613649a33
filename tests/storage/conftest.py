"""What the tests of memory share: the same database functions over SQLite and a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_server import postgres_server
from sqlalchemy import Engine

from guardian_cluster.storage.memory_database import open_memory


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Return the address of a PostgreSQL that runs while the tests do."""
    with postgres_server() as address:
        yield address


@pytest.fixture
def empty_postgres(postgres: str) -> str:
    """Return the address of the same PostgreSQL with nothing in it."""
    with psycopg.connect(postgres) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Return where memory is: a file, and in another run a PostgreSQL."""
    if request.param == "sqlite":
        return tmp_path / "memory.db"
    return request.getfixturevalue("empty_postgres")


@pytest.fixture
def memory(location: Path | str) -> Iterator[Engine]:
    """Return memory, opened and empty."""
    engine = open_memory(location)
    yield engine
    engine.dispose()
