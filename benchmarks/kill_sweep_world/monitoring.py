"""The monitoring cycle under the knife: the real guardians, over what is recorded of a model that breaks.

Each run has a data folder of its own, because what one cycle queued another one would leave alone. Its effects are
rows of `state.db`: the cycle, what was queued, and what is investigated.
"""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness.recorded import put_recorded
from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import AttemptRecord, RequestRecord
from guardian_cluster.contract.snapshot import Endpoint, Specialist, Variant
from guardian_cluster.domain.clock import Clock, SystemClock
from guardian_cluster.engine.engine import Workflow
from guardian_cluster.engine.memory import MemoryEngine
from guardian_cluster.processes.guarding import CYCLE, guarding

SPECIALIST = "writer"
SOUND, BROKEN = 500, 120
"""Requests before and after the model begins to fail each second time."""

_ROWS = ("monitoring_cycle", "improvement", "investigation", "lesson")


class Undisturbed(NamedTuple):
    """What a cycle does when nobody kills its process."""

    steps: int
    rows: dict[str, int]


def prepare(folder: Path) -> Undisturbed:
    """Make a data folder that runs are given copies of, and return what a cycle does in one."""
    clock = SystemClock()
    folder.mkdir(parents=True)
    records = list(_records(clock.now()))
    batch = Batch(id=BatchId("boot", 1), requests=tuple(records))
    put_recorded(folder, _specialists(), batch, now=clock.now())
    asyncio.run(_raise_alarms(folder, records, clock))
    return asyncio.run(_undisturbed(folder))


@asynccontextmanager
async def opened(folder: Path, id: str) -> AsyncGenerator[Workflow[str, str]]:
    """Give the cycle of one run, over the data folder of that run."""
    own = _own(folder, id)
    if not own.exists():  # a run's processes are there one after the other
        await asyncio.to_thread(shutil.copytree, folder, own)
    async with guarding(own, SystemClock()) as parts:
        yield parts.cycle


def rows(folder: Path, id: str) -> dict[str, int]:
    """Return how many rows of each kind a run has made."""
    with closing(sqlite3.connect(_own(folder, id) / "state.db")) as connection:
        found = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in _ROWS}
    return {name: int(count) for name, count in found.items()}


def _own(folder: Path, id: str) -> Path:
    return folder.with_name(f"{folder.name}-{id}")


async def _raise_alarms(folder: Path, records: list[RequestRecord], clock: Clock) -> None:
    async with guarding(folder, clock) as parts:
        await parts.keep([alarm for each in records for alarm in parts.learned.take(each)])


async def _undisturbed(folder: Path) -> Undisturbed:
    async with opened(folder, "undisturbed") as cycle:
        engine = MemoryEngine()
        engine.register(cycle)
        await engine.start()
        id = await engine.run(CYCLE, SPECIALIST)
        run = await engine.run_of(id)
        await engine.close(drain_s=1.0)
    found = rows(folder, "undisturbed")
    if run is None or not found["improvement"]:
        raise RuntimeError(f"an undisturbed cycle queues nothing: {json.dumps(found)}")
    return Undisturbed(len(run.steps), found)


def _specialists() -> Iterator[Specialist]:
    for name in (SPECIALIST, "backup"):
        endpoints = (Endpoint(id=f"{name}/1", url="http://127.0.0.1:1/v1", model="m"),)
        variants = (Variant(id="v1"),)
        yield Specialist(name=name, endpoints=endpoints, variants=variants)


def _records(now: float) -> Iterator[RequestRecord]:
    for number in range(SOUND + BROKEN):
        fails = number >= SOUND and number % 2 == 1
        error = "upstream_error" if fails else None
        endpoint = f"{SPECIALIST}/1"
        tried: dict[str, Any] = {"outcome": "failed" if fails else "ok", "error": error, "duration_ms": 80.0}
        yield RequestRecord(
            id=f"r{number:06d}",
            started=now - 0.01 * (SOUND + BROKEN - number),
            tenant="acme",
            key="k1",
            requested_model=SPECIALIST,
            streamed=False,
            specialist=SPECIALIST,
            endpoint=endpoint,
            variant="v1",
            model="m",
            attempts=(AttemptRecord(specialist=SPECIALIST, endpoint=endpoint, **tried),),
            quality=None if fails else 1.0,
            outcome="error" if fails else "ok",
            status=502 if fails else 200,
            error=error,
            duration_ms=100.0,
            overhead_ms=1.0,
            rev=1,
        )
