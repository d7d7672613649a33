"""Monitoring in the control process: from records to an alarm and a durable cycle, whatever is damaged or gone."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from harness import specialist
from sample_records import request_record

from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import AttemptRecord, Feedback, GatewayEvent, RequestRecord
from guardian_cluster.contract.snapshot import Base, RecordPolicy, Snapshot, WatchPolicy
from guardian_cluster.contract.snapshot_file import write_snapshot
from guardian_cluster.domain.alarm import Acceptance, Alarm
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.processes import monitor as monitoring
from guardian_cluster.processes import rounds
from guardian_cluster.processes.monitor import Monitor
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.writer import RecordWriter

SOUND, BROKEN = 500, 120
WRITER = specialist("writer", "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1")


def deploy(folder: Path, *specialists: object, rev: int = 1, watch: WatchPolicy | None = None) -> None:
    base = Base(specialists=specialists, watch=watch or WatchPolicy())  # type: ignore[arg-type]
    write_snapshot(folder, Snapshot(rev=rev, base=base))


def answered(number: int, started: float, *, broken: bool = False) -> RequestRecord:
    """Return a request; of those that broke each second one was asked of the endpoint that fails."""
    endpoint = f"writer/{1 + number % 2}"
    fails = broken and endpoint == "writer/2"
    tried = AttemptRecord(
        specialist="writer",
        endpoint=endpoint,
        outcome="failed" if fails else "ok",
        error="upstream_error" if fails else None,
        said="no healthy upstream" if fails else "",
        duration_ms=80.0,
    )
    changes: dict[str, object] = (
        {"outcome": "error", "status": 502, "error": "upstream_error"} if fails else {}
    )
    return request_record(
        f"r{number:06d}",
        started=started,
        specialist="writer",
        endpoint=endpoint,
        model="m",
        attempts=(tried,),
        quality=None if fails else 1.0,
        **changes,
    )


class House:
    """A data folder with a writer and a monitor, as the control process has them."""

    def __init__(self, folder: Path, count: int = 0) -> None:
        self.folder = folder
        self.clock = SystemClock()
        self.stop = asyncio.Event()
        engine = open_database(folder / FILE_NAME, now=self.clock.now())
        policy = RecordPolicy()
        self.writer = RecordWriter(
            engine, folder / FILE_NAME, policy=policy, clock=self.clock, stop=asyncio.Event()
        )
        self.monitor = Monitor(folder, self.writer, self.clock, self.stop)
        self._sequence = 0
        self.count = count

    async def record(
        self,
        count: int,
        *feedback: Feedback,
        broken: bool = False,
        events: Sequence[GatewayEvent] = (),
        began_s: float = 0.0,
    ) -> None:
        """Record so many requests, the last of which began just now."""
        first, self.count, now = self.count, self.count + count, self.clock.now() - began_s
        numbers = range(first, self.count)
        requests = tuple(answered(n, now - 0.0001 * (self.count - n), broken=broken) for n in numbers)
        self._sequence += 1
        id = BatchId(f"boot-{first}", self._sequence)
        written = await self.writer.write(
            Batch(id=id, requests=requests, feedback=feedback, events=tuple(events))
        )
        assert len(written.requests) == count
        self.monitor.wake()

    @asynccontextmanager
    async def monitored(self) -> AsyncIterator[StateStore]:
        """Have it monitored, and give what is kept of it."""
        running = asyncio.create_task(self.monitor.run())
        store = await asyncio.to_thread(StateStore.open, self.folder / "state.db", self.clock)
        try:
            yield store
        finally:
            self.stop.set()
            await running
            await store.close()


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(monitoring, "QUIET_S", 0.0)
    monkeypatch.setattr(rounds, "KEEP_S", 0.0)
    deploy(tmp_path, WRITER)
    house = House(tmp_path)
    yield house
    await house.writer.close()


async def until(found: Callable[[], object], within_s: float = 40.0) -> None:
    async with asyncio.timeout(within_s):
        while not await found():  # type: ignore[misc]
            await asyncio.sleep(0.05)


async def test_a_fault_is_noticed_located_and_explained_by_a_durable_cycle(house: House) -> None:
    async with house.monitored() as store:
        await house.record(SOUND)
        await house.record(BROKEN, broken=True)
        await until(store.cycles)

    (alarm, *_) = await reopened(house, lambda kept: kept.alarms(open_only=False))
    (cycle, *_) = await reopened(house, lambda kept: kept.cycles())
    (diagnosis, *_) = cycle.guardian_reports.diagnostician.diagnoses
    assert (alarm.specialist, alarm.signal) == ("writer", "error")
    assert diagnosis.cause == "upstream_errors"
    assert dict(diagnosis.where) == {"endpoint": "writer/2"}
    assert set(diagnosis.record_ids) <= {f"r{n:06d}" for n in range(SOUND, SOUND + BROKEN)}


async def reopened(house: House, ask: Callable[[StateStore], object]) -> Sequence[object]:
    store = await asyncio.to_thread(StateStore.open, house.folder / "state.db", house.clock)
    try:
        return await ask(store)  # type: ignore[misc]
    finally:
        await store.close()


async def test_what_was_usual_is_known_after_a_restart_and_what_came_meanwhile_is_looked_at(
    house: House,
) -> None:
    async with house.monitored() as store:
        await house.record(SOUND)
        await until(lambda: looked_at_all(house, store))
    later = House(house.folder, house.count)
    await later.record(BROKEN, broken=True)  # while nobody watches

    async with later.monitored() as store:
        await until(store.alarms)
    await later.writer.close()


async def looked_at_all(house: House, store: StateStore) -> bool:
    """Tell whether what is known was kept after all that is recorded was looked at."""
    state = await store.loop_state("alarms")
    return state is not None and msgspec.msgpack.decode(state.value)["places"][0] == house.count


async def test_an_alarm_that_a_person_accepts_is_learned_by_the_process_that_watches(house: House) -> None:
    acceptance = Acceptance(who="ada", at=house.clock.now(), note="a new contract")
    async with house.monitored() as store:
        await house.record(SOUND)
        await house.record(BROKEN, broken=True)
        await until(store.alarms)
        (alarm,) = await store.alarms()
        await store.accept_alarm(alarm.id, acceptance)
        await until(lambda: closed_in(store))

    (closed,) = await reopened(house, closed_in)
    assert isinstance(closed, Alarm)
    assert (closed.id, closed.ending, closed.acceptance) == (alarm.id, "accepted", acceptance)


async def closed_in(store: StateStore) -> list[Alarm]:
    return [each for each in await store.alarms(open_only=False) if each.closed is not None]


async def test_an_alarm_that_was_accepted_while_nobody_watched_is_closed_by_the_next_process(
    house: House,
) -> None:
    async with house.monitored() as store:
        await house.record(SOUND)
        await house.record(BROKEN, broken=True)
        await until(store.alarms)
        (alarm,) = await store.alarms()
        await until(lambda: looked_at_all(house, store))
    await reopened(house, lambda kept: kept.accept_alarm(alarm.id, Acceptance(who="ada", at=1.0)))
    later = House(house.folder, house.count)

    async with later.monitored() as store:
        await until(lambda: closed_in(store))
    await later.writer.close()

    (closed,) = await reopened(house, closed_in)
    assert isinstance(closed, Alarm)
    assert closed.ending == "accepted"


async def test_an_engine_that_is_damaged_is_told_of_and_records_are_still_taken(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    (house.folder / "engine.db").write_bytes(b"no database at all" * 500)
    caplog.set_level(logging.ERROR, "guardian.monitoring")

    async with house.monitored():
        await house.record(10)
        await until(lambda: said(caplog, "engine.db"))
        await house.record(10)

    assert "the gateway serves on" in caplog.text
    assert (house.folder / "engine.db").read_bytes() == b"no database at all" * 500


async def said(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return words in caplog.text


async def test_a_change_of_the_configuration_and_what_a_gateway_noticed_are_kept(house: House) -> None:
    ejected = GatewayEvent(kind="endpoint_ejected", at=house.clock.now() - 1.0, subject="writer/2")
    async with house.monitored() as store:
        await house.record(1, events=[ejected])
        await until(lambda: store.changes(0.0, house.clock.now() + 1.0))
        changed = msgspec.structs.replace(WRITER, max_concurrency=3)
        deploy(house.folder, changed, rev=2)
        await until(lambda: kinds_of(store, house, 2))

        assert await kinds_of(store, house, 2) == ["endpoint_ejected", "setting"]


async def kinds_of(store: StateStore, house: House, count: int) -> list[str]:
    found = await store.changes(0.0, house.clock.now() + 1.0)
    return [change.kind for change in found] if len(found) >= count else []


async def test_a_cycle_of_a_specialist_that_is_gone_ends_without_harm(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with house.monitored() as store:
        await house.record(SOUND)
        await until(lambda: looked_at_all(house, store))
        deploy(house.folder, rev=2)
        await until(lambda: kinds_of(store, house, 1))
        await house.record(BROKEN, broken=True)
        await until(lambda: looked_at_all(house, store))
        await house.record(1)

        assert not await store.cycles()
    assert "monitoring broke off" not in caplog.text


async def test_a_request_that_began_long_ago_and_comes_late_is_looked_at_all_the_same(house: House) -> None:
    async with house.monitored() as store:
        await house.record(SOUND)
        await until(lambda: looked_at_all(house, store))
    later = House(house.folder, house.count)
    await later.record(BROKEN, broken=True, began_s=3_600.0)

    async with later.monitored() as store:
        await until(store.alarms)
    await later.writer.close()


async def test_what_was_deployed_between_two_processes_is_a_change(house: House) -> None:
    async with house.monitored() as store:
        await house.record(1)
        await until(lambda: looked_at_all(house, store))
    deploy(house.folder, msgspec.structs.replace(WRITER, max_concurrency=3), rev=2)
    later = House(house.folder, house.count)

    async with later.monitored() as store:
        await until(lambda: kinds_of(store, later, 1))
        (change,) = await store.changes(0.0, later.clock.now() + 1.0)

    assert (change.subject, change.after) == ("specialists.writer.max_concurrency", "3")
    await later.writer.close()


async def test_alarms_of_a_specialist_that_is_gone_are_closed(house: House) -> None:
    async with house.monitored() as store:
        await house.record(SOUND)
        await house.record(BROKEN, broken=True)
        await until(store.alarms)
        deploy(house.folder, rev=2)
        await until(lambda: none_open(store))

        assert all(alarm.closed for alarm in await store.alarms(open_only=False))


async def none_open(store: StateStore) -> bool:
    return not await store.alarms()
