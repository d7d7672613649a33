"""Recovery under the knife: the real workflow 4 over the records of a model that breaks, in either of its endings.

Each run has a data folder of its own. A gateway in small answers requests as the moves in `moves.json` have it, each
time when recovery waits; its requests are the clock, so that the next process goes on at the time of the last. Effects
are the rows of `state.db` and what stands in `moves.json`, in the end and whenever it is written.
"""

import asyncio
import json
import random
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from benchmarks.harness.recorded import put_recorded
from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import AttemptRecord, RequestRecord
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import (
    AlertPolicy,
    Base,
    Endpoint,
    RecordPolicy,
    RecoveryPolicy,
    Sink,
    Snapshot,
    Specialist,
    Variant,
)
from guardian_cluster.contract.snapshot_file import write_snapshot
from guardian_cluster.domain.action import Drain, HeldMove, Move, RenewPool, Reroute
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.incident import FailureEvent, Incident
from guardian_cluster.domain.recovery import FailurePattern, Retried
from guardian_cluster.engine.engine import Run, Workflow
from guardian_cluster.engine.memory import MemoryEngine
from guardian_cluster.moves_file import MovesFile
from guardian_cluster.processes.guarding import Guarding, guarding
from guardian_cluster.recovering import Recovering
from guardian_cluster.recovery.alerts.system import AlertSystem
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.records import write_batch

Ending = Literal["repaired", "escalated"]
"""What is tried first does not help, and then a drain does; or nothing does, and people are called."""

NAMES: dict[Ending, str] = {"repaired": "recovery-repaired", "escalated": "recovery-escalated"}

SPECIALIST, BACKUP = "writer", "editor"
NOON = 1_764_244_800.0
SOUND, BROKEN = 500, 120
"""Requests before and after one of two endpoints begins to fail."""
PACE_S = 0.1
"""Between two requests."""

EVENT = FailureEvent(
    id="broken",
    at=NOON,
    onset=NOON - BROKEN * PACE_S,
    specialist=SPECIALIST,
    signal="error",
    where=(("endpoint", f"{SPECIALIST}/1"),),
    source="alarm",
    expected=0.01,
    observed=1.0,
    requests=BROKEN // 2,
)
INCIDENT = f"incident-{EVENT.id}"
"""What a recovery returns: the id of the incident."""

AWRY = "awry"
"""A file in which is kept what should never be: a move in `moves.json` that no action in force undoes."""

_COUNTED = {
    "incidents": "SELECT count(*) FROM incident",
    "events": "SELECT count(*) FROM failure_event",
    "actions": "SELECT count(*) FROM recovery_action",
    "in_force": "SELECT count(*) FROM recovery_action WHERE ended IS NULL",
    "results": "SELECT count(*) FROM recovery_result",
    "deliveries": "SELECT count(*) FROM delivery",
    "patterns": "SELECT count(*) FROM failure_pattern",
    "helped": "SELECT coalesce(sum(helped), 0) FROM play_count",
    "failed": "SELECT coalesce(sum(failed), 0) FROM play_count",
}


class Undisturbed(NamedTuple):
    """What a recovery does when nobody kills its process."""

    steps: int
    effects: dict[str, int]


def prepare(folder: Path, ending: Ending) -> Undisturbed:
    """Make a data folder that runs are given copies of, and return what a recovery does in one."""
    if not folder.exists():
        folder.mkdir(parents=True)
        gateway = _Gateway(folder, ending)
        put_recorded(folder, (), Batch(id=BatchId("boot", 0), requests=tuple(gateway.past())), now=NOON)
        write_snapshot(folder, Snapshot(rev=1, base=_base()))
    return asyncio.run(_undisturbed(folder, ending))


@asynccontextmanager
async def opened(folder: Path, id: str, ending: Ending) -> AsyncGenerator[Workflow[str, str]]:
    """Give the recovery of one run, over the data folder of that run."""
    own = _own(folder, id)
    if not own.exists():  # a run's processes are there one after the other
        await asyncio.to_thread(shutil.copytree, folder, own)
    gateway = _Gateway(own, ending)
    async with guarding(own, gateway.clock) as parts:
        recovering = _recovering(parts, gateway)
        await recovering.begin()

        async def body(run: Run, _: str) -> str:
            return await recovering.recovery.body(run, EVENT)

        yield Workflow(name=NAMES[ending], body=body, argument=str, result=str)


def counted(folder: Path, id: str) -> dict[str, int]:
    """Return how many effects of each sort a run has had."""
    own = _own(folder, id)
    with closing(sqlite3.connect(own / "state.db")) as connection:
        found = {name: int(connection.execute(query).fetchone()[0]) for name, query in _COUNTED.items()}
        active = {row[0] for row in connection.execute("SELECT id FROM recovery_action WHERE ended IS NULL")}
        (incident,) = connection.execute("SELECT value FROM incident").fetchone()
        (pattern,) = connection.execute("SELECT value FROM failure_pattern").fetchone()
    kept = msgspec.msgpack.decode(incident, type=Incident)
    found |= {"lines": len(kept.history), "flaps": kept.flaps, "escalation": kept.escalation}
    found["seen"] = msgspec.msgpack.decode(pattern, type=FailurePattern).seen
    stands = {held.id for held in MovesFile(own).load()}
    awry = (own / AWRY).read_text().splitlines() if (own / AWRY).exists() else []
    return found | {"moves": len(stands), "awry": len(awry) + len(stands ^ active)}


def _own(folder: Path, id: str) -> Path:
    return folder.with_name(f"{folder.name}-{id}")


async def _undisturbed(folder: Path, ending: Ending) -> Undisturbed:
    id = f"undisturbed-{ending}"
    async with opened(folder, id, ending) as recovery:
        engine = MemoryEngine()
        engine.register(recovery)
        await engine.start()
        await engine.run(NAMES[ending], SPECIALIST, id=id)
        run = await engine.run_of(id)
        await engine.close(drain_s=1.0)
    found = counted(folder, id)
    is_right = found["in_force"] == (ending == "repaired") and found["actions"] >= 2 and not found["awry"]
    if run is None or not is_right:
        raise RuntimeError(f"an undisturbed recovery is not {ending}: {json.dumps(found)}")
    return Undisturbed(len(run.steps), found)


def _recovering(parts: Guarding, gateway: "_Gateway") -> Recovering:
    moves = MovesFile(gateway.folder)

    async def publish(held: Sequence[HeldMove]) -> None:
        kept = {each.id: each for each in await parts.store.actions(active_only=True)}
        known = [each.id in kept and kept[each.id].until >= each.until for each in held]
        if not all(known):
            with (gateway.folder / AWRY).open("a") as file:
                print(json.dumps([each.id for each in held]), file=file)
        await asyncio.to_thread(moves.put, held)

    alert_system = AlertSystem(lambda: _base().alerts, parts.store, gateway.clock)
    return Recovering(
        parts, publish, parts.since, alert_system, gateway, gateway.clock, random.Random(1), gateway.wait
    )


def _base() -> Base:
    pager = Sink(
        kind="webhook", url=Secret("http://127.0.0.1:1/", "http://127.0.0.1:1/"), key=Secret("k", "k")
    )
    return Base(
        specialists=tuple(_specialist(name) for name in (SPECIALIST, BACKUP)),
        # New connections first, which do not help here: so that there is something to undo.
        recovery=RecoveryPolicy(
            backup={SPECIALIST: (BACKUP,)}, playbook={"upstream_errors": ("pool", "drain", "backup")}
        ),
        alerts=AlertPolicy(sinks={"oncall": pager}, page_from="warning"),
    )


def _specialist(name: str) -> Specialist:
    endpoints = tuple(
        Endpoint(id=f"{name}/{number}", url="http://127.0.0.1:1/v1", model="m") for number in (1, 2)
    )
    return Specialist(name=name, endpoints=endpoints, variants=(Variant(id="v1"),))


class _Gateway:
    """Answers the requests of one data folder as the moves in force have it, and tells the time by them."""

    def __init__(self, folder: Path, ending: Ending) -> None:
        self.folder = folder
        self._ending = ending
        self._count = _recorded(folder)
        self.clock = ManualClock(self._at(max(self._count, SOUND + BROKEN)))

    def past(self) -> list[RequestRecord]:
        """Return what came before the failure was noticed."""
        return [self._record(number, (), fails=number >= SOUND) for number in range(SOUND + BROKEN)]

    async def wait(self, seconds: float) -> None:
        """Have requests come for so long."""
        await asyncio.to_thread(self._answer, round(seconds / PACE_S))
        self.clock.advance(seconds)

    async def retry(self, event: FailureEvent, moves: Sequence[Move]) -> Retried:
        """Say that what is simple fares as all does."""
        return Retried(tried=3, well=3 if self._helps(moves) else 0)

    def _answer(self, count: int) -> None:
        held = MovesFile(self.folder).load()
        numbers = range(self._count, self._count + count)
        records = tuple(self._record(number, held, fails=True) for number in numbers)
        database = open_database(self.folder / FILE_NAME, now=self.clock.now())
        with database.begin() as connection:
            batch = Batch(id=BatchId("boot", numbers.start), requests=records)
            write_batch(connection, batch, now=self.clock.now(), policy=RecordPolicy())
        database.dispose()
        self._count = numbers.stop

    def _helps(self, moves: Sequence[Move]) -> bool:
        return self._ending == "repaired" and any(isinstance(move, Drain) for move in moves)

    def _at(self, number: int) -> float:
        return NOON + PACE_S * (number - SOUND - BROKEN)

    def _record(self, number: int, held: Sequence[HeldMove], *, fails: bool) -> RequestRecord:
        """Return one request: of two endpoints the first fails, or whoever is asked once one acts on it."""
        moves = [each.move for each in held]
        is_elsewhere = any(isinstance(move, Drain | Reroute) for move in moves)
        name = BACKUP if any(isinstance(move, Reroute) for move in moves) else SPECIALIST
        endpoint = f"{name}/2" if is_elsewhere or number % 2 else f"{name}/1"
        is_bad = fails and (not self._helps(moves) if is_elsewhere else endpoint == f"{SPECIALIST}/1")
        error = "upstream_error" if is_bad else None
        ids = [
            each.id for each in held if not isinstance(each.move, RenewPool) or each.move.endpoint == endpoint
        ]
        tried = AttemptRecord(
            specialist=name,
            endpoint=endpoint,
            outcome="failed" if is_bad else "ok",
            error=error,
            duration_ms=80.0,
        )
        return RequestRecord(
            id=f"r{number:06d}",
            started=self._at(number),
            tenant="acme",
            key="k1",
            requested_model=SPECIALIST,
            streamed=False,
            specialist=name,
            endpoint=endpoint,
            variant="v1",
            model="m",
            attempts=(tried,),
            moves=tuple(ids),
            quality=None if is_bad else 1.0,
            outcome="error" if is_bad else "ok",
            status=502 if is_bad else 200,
            error=error,
            duration_ms=100.0,
            overhead_ms=1.0,
            rev=1,
        )


def _recorded(folder: Path) -> int:
    """Return how many requests are recorded in a folder."""
    if not (folder / FILE_NAME).exists():
        return 0
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        return int(connection.execute("SELECT count(*) FROM request").fetchone()[0])
