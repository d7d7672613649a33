"""How long the questions of a dashboard take, and that for a window of one specialist's requests."""

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine

from benchmarks.harness.report import note
from benchmarks.records_world.feeding import BATCH, SPECIALIST, record
from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.storage import observed, queries
from guardian_cluster.storage.database import FILE_NAME, HEAD, open_database, open_to_read, upgrade
from guardian_cluster.storage.records import write_batch

HOUR_S = 3_600.0
TIMES = 5
WANTED = (0.5, 0.95, 0.99)
SPECIALISTS = 7
"""With two endpoints each, for five tenants: 70 series, and as many again for what failed."""


def window_s(folder: Path, limit: int) -> tuple[float, int]:
    """Return the seconds to read a window of so many requests while records are written, and how many it held."""
    engine = open_to_read(folder / FILE_NAME)
    read = partial(observed.window_of, specialist=SPECIALIST, limit=limit)
    with engine.connect() as connection:
        held = len(read(connection))
        took = _median_s(partial(read, connection))
    engine.dispose()
    return took, held


def hour_ms(count: int, seed: int, *, postgres: str = "") -> float:
    """Return the milliseconds for a table of all endpoints over an hour with so many records: sums and percentiles.

    In a new SQLite file, or in an empty PostgreSQL at an address.
    """
    with tempfile.TemporaryDirectory(prefix="guardian-benchmark-") as name:
        now = SystemClock().now()
        engine = _on_server(postgres) if postgres else open_database(Path(name) / FILE_NAME, now=now)
        note(f"writing {count:,} records of an hour")
        _fill(engine, count, now - HOUR_S, seed)
        window = queries.Window(now - HOUR_S, now)
        with engine.begin() as connection:
            took = _median_s(partial(_ask, connection, window))
        engine.dispose()
    return 1_000 * took


def _ask(connection: Connection, window: queries.Window) -> None:
    queries.totals(connection, window, by=("specialist", "endpoint"))
    queries.percentiles(connection, window, "duration", WANTED, by=("specialist", "endpoint"))


def _on_server(address: str) -> Engine:
    engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        upgrade(connection, HEAD)
    return engine


def _fill(engine: Engine, count: int, since: float, seed: int) -> None:
    rng, policy = random.Random(seed), RecordPolicy()
    for sequence in range(1, count // BATCH + 1):
        first = (sequence - 1) * BATCH
        made = [_record(first + n, since + HOUR_S * (first + n) / count, rng) for n in range(BATCH)]
        given = Batch(id=BatchId("filled", sequence), requests=tuple(made))
        with engine.begin() as connection:
            write_batch(connection, given, now=since, policy=policy)


def _record(number: int, started: float, rng: random.Random) -> RequestRecord:
    return record(number, started, rng, specialist=f"specialist-{rng.randrange(SPECIALISTS)}")


def _median_s(work: Callable[[], object]) -> float:
    took: list[float] = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return statistics.median(took)
