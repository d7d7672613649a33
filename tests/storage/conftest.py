"""What the tests of storage share: the same database functions over SQLite and a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from postgres_server import postgres_server
from sample_records import NOON
from sqlalchemy import Engine

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.storage.memory_database import open_memory
from guardian_cluster.storage.state import StateStore


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


@pytest_asyncio.fixture(params=["memory", "sqlite", "postgresql"])
async def state(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StateStore]:
    """Return the state, opened and empty: in memory, in a file, and in a PostgreSQL."""
    if request.param == "memory":
        store = StateStore.in_memory(ManualClock(NOON))
    else:
        is_file = request.param == "sqlite"
        place = tmp_path / "state.db" if is_file else request.getfixturevalue("empty_postgres")
        store = StateStore.open(place, ManualClock(NOON))
    yield store
    await store.close()
