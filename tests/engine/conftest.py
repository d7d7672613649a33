"""The engines that are tried: in memory, over SQLite, and over a real PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from engine_world import MakeEngine, World
from postgres_server import postgres_server

from guardian_cluster.engine import ledger
from guardian_cluster.engine.database import SCHEMA
from guardian_cluster.engine.durable import DurableEngine
from guardian_cluster.engine.engine import Engine
from guardian_cluster.engine.memory import MemoryEngine

KINDS = ("memory", "sqlite", "postgresql")


@pytest.fixture(scope="session", autouse=True)
def quick_polls() -> Iterator[None]:
    """Look for waiting runs more often: each test waits for some."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "QUEUE_POLL_S", 0.1)
        yield


@pytest.fixture(scope="session")
def engine_postgres() -> Iterator[str]:
    """Return the address of a PostgreSQL that runs while the tests do."""
    with postgres_server() as address:
        yield address


@pytest.fixture(scope="session")
def empty_engine_postgres(engine_postgres: str) -> Callable[[], str]:
    """Return what gives the address of that PostgreSQL with no run in it."""

    def empty() -> str:
        with psycopg.connect(engine_postgres) as connection:
            if connection.execute("SELECT to_regclass(%s)", [f"{SCHEMA}.workflow_status"]).fetchone() != (
                None,
            ):
                names = (
                    "workflow_status",
                    "operation_outputs",
                    "workflow_input",
                    "workflow_output",
                    "queues",
                )
                tables = ", ".join(f"{SCHEMA}.{name}" for name in (*names, "lease"))
                connection.execute(f"TRUNCATE {tables} CASCADE".encode())
        return engine_postgres

    return empty


@pytest.fixture(params=KINDS, scope="module")
def make_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MakeEngine:
    """Return what makes engines of one kind: in memory the same, otherwise new ones over the same database."""
    if request.param == "memory":
        made: list[Engine] = []
        return lambda clock: made[0] if made else made.append(MemoryEngine(clock)) or made[0]
    path: Path | str = tmp_path_factory.mktemp("engine") / "engine.db"
    if request.param == "postgresql":
        path = request.getfixturevalue("empty_engine_postgres")()
    return lambda clock: DurableEngine(path, clock=clock)


@pytest.fixture(scope="module")
def world(make_engine: MakeEngine) -> World:
    """Return what the workflows of a module's tests do with one kind of engine."""
    return World()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(make_engine: MakeEngine, world: World) -> AsyncIterator[Engine]:
    """Return an engine that runs for all tests of a module."""
    engine = world.add_to(make_engine(None))
    await engine.start()
    yield engine
    await engine.close(drain_s=0.0)
