import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sample_records import NOON
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from state_samples import alarm, change, cycle

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.improvement.ports import ImprovementStore
from guardian_cluster.monitoring.ports import MonitoringStore
from guardian_cluster.storage.state import LoopState, StateStore
from guardian_cluster.storage.state_database import open_state, transaction


@pytest_asyncio.fixture
async def store(location: Path | str) -> AsyncIterator[StateStore]:
    store = StateStore.open(location, ManualClock(NOON))
    yield store
    await store.close()


async def test_it_is_what_workflow_2_and_the_queue_ask_for() -> None:
    store = StateStore.in_memory(ManualClock(NOON))
    monitoring: MonitoringStore = store
    improvements: ImprovementStore = store

    assert await monitoring.alarms() == []
    assert await improvements.improvements() == []
    await store.close()


async def test_alarms_come_back_newest_first_and_take_the_place_of_the_one_with_their_id(
    store: StateStore,
) -> None:
    await store.put_alarms([alarm("a1"), alarm("a2", raised=NOON + 5), alarm("b1", specialist="coder")])
    await store.put_alarms([alarm("a1", closed=NOON + 9)])

    assert [each.id for each in await store.alarms("writer")] == ["a2"]
    assert await store.alarms("writer", open_only=False) == [
        alarm("a2", raised=NOON + 5),
        alarm("a1", closed=NOON + 9),
    ]
    assert {each.id for each in await store.alarms()} == {"a2", "b1"}


async def test_numbers_that_are_infinite_or_none_at_all_come_back_as_they_were(store: StateStore) -> None:
    await store.put_alarms([alarm(evidence=math.inf, observed=math.nan)])

    (found,) = await store.alarms()
    assert found.evidence == math.inf
    assert math.isnan(found.observed)


async def test_hostile_text_is_kept_and_harms_nothing(store: StateStore) -> None:
    hostile = 'x\0"; DROP TABLE alarm; -- 𝕏'
    await store.put_alarms([alarm("a1", record_ids=(hostile,)), alarm(hostile, specialist=hostile)])

    assert {each.record_ids for each in await store.alarms()} == {(hostile,), ()}


async def test_changes_of_a_stretch_come_back_oldest_first_and_each_once(store: StateStore) -> None:
    await store.put_changes([change("c2", NOON + 1), change("c1"), change("late", NOON + 60)])
    await store.put_changes([change("c1", NOON + 2)])
    await store.put_changes([])

    assert [each.id for each in await store.changes(NOON, NOON + 60)] == ["c1", "c2"]


async def test_a_cycle_is_kept_once_and_comes_back_whole(store: StateStore) -> None:
    first, second = cycle(at=NOON), cycle(at=NOON + 300)
    for id, each in (("run-1", first), ("run-2", second), ("run-1", second), ("run-3", cycle("coder"))):
        await store.put_cycle(id, each)

    assert await store.cycles("writer") == [second, first]
    assert await store.cycles("writer", limit=1) == [second]
    assert await store.cycle("run-1") == first
    assert len(await store.cycles()) == 3


async def test_what_a_loop_knows_is_kept_with_the_alarms_it_raised_or_not_at_all(store: StateStore) -> None:
    kept = LoopState(b"\0known", NOON, "r1")
    await store.put_alarms([alarm("a1")], states={"alarms": kept})
    broken = LoopState(b"", None, "r2")  # type: ignore[arg-type]

    with pytest.raises(IntegrityError):
        await store.put_alarms([alarm("a2")], states={"alarms": LoopState(b"new", NOON, "r2"), "b": broken})

    assert await store.loop_state("alarms") == kept
    assert [each.id for each in await store.alarms()] == ["a1"]
    assert await store.loop_state("b") is None


async def test_a_loop_replaces_what_it_knew(store: StateStore) -> None:
    newest = LoopState(b"new", NOON + 1, "r2")
    for state in (LoopState(b"old", NOON, "r1"), newest):
        await store.put_alarms((), states={"alarms": state})

    assert await store.loop_state("alarms") == newest


async def test_all_is_there_after_the_store_was_opened_again(location: Path | str) -> None:
    for _ in range(2):
        store = StateStore.open(location, ManualClock(NOON))
        await store.put_alarms([alarm()])
        assert await store.alarms() == [alarm()]
        await store.close()


async def test_a_row_that_cannot_be_read_is_passed_over_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.db"
    store = StateStore.open(path, ManualClock(NOON))
    await store.put_alarms([alarm("a1"), alarm("a2")])
    engine = open_state(path, now=NOON)
    with transaction(engine, path, writes=True) as connection:
        connection.execute(text("UPDATE alarm SET value = x'c1' WHERE id = 'a1'"))
    engine.dispose()

    assert [each.id for each in await store.alarms()] == ["a2"]
    assert "cannot be read" in caplog.text
    await store.close()
