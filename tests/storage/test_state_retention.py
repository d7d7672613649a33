from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from sample_records import NOON
from state_samples import DAY_S, alarm, change, cycle, improvement, investigation, lesson, queued

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.storage.retention import CHUNK_ROWS
from guardian_cluster.storage.state import LoopState, StateStore


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest_asyncio.fixture
async def store(location: Path | str, clock: ManualClock) -> AsyncIterator[StateStore]:
    store = StateStore.open(location, clock)
    yield store
    await store.close()


async def sweep(store: StateStore) -> int:
    total = 0
    while some := await store.forget():
        total += some
    return total


async def fill(store: StateStore) -> None:
    loops = {"alarms": LoopState(b"", NOON, "")}
    await store.put_alarms([alarm("open"), alarm("closed", closed=NOON + 1)], states=loops)
    await store.put_changes([change()])
    await store.put_cycle("quiet", cycle())
    await store.put_cycle("eventful", cycle(found=(improvement(),)))
    held = [queued(state, state) for state in ("queued", "rejected", "applied", "investigated")]
    await store.put(held, [investigation("s1", "rejected"), investigation("s2", "queued")], key="k")
    upheld = msgspec.structs.replace(investigation("s1", "rejected"), outcome="upheld", closed=NOON)
    decision = {"expected": "rejected", "state": "rejected", "who": "ada", "note": "", "at": NOON}
    await store.decide("rejected", **decision, lesson=lesson(), investigation=upheld)  # type: ignore[arg-type]


async def left(store: StateStore) -> set[str]:
    found = {each.id for each in await store.alarms(open_only=False)}
    found |= {each.id for each in await store.changes(0, NOON + 1e9)}
    found |= {id for id in ("quiet", "eventful") if await store.cycle(id)}
    found |= {each.improvement.id for each in await store.improvements()}
    found |= {each.id for each in (*await store.investigations(), *await store.lessons("writer"))}
    found |= {"loop"} if await store.loop_state("alarms") else set()
    return found | ({"effect"} if not await store.put([queued("rejected")], key="k") else set())


@pytest.mark.parametrize(
    ("age_days", "gone"),
    [
        (1.9, set[str]()),
        (2.1, {"quiet"}),
        (91, {"quiet", "eventful", "closed", "c1", "loop"}),
        (401, {"quiet", "eventful", "closed", "c1", "loop", "open", "rejected", "s1"}),
    ],
)
async def test_each_thing_is_kept_as_long_as_it_is_asked_for(
    store: StateStore, clock: ManualClock, age_days: float, gone: set[str]
) -> None:
    await fill(store)
    before = await left(store)

    clock.advance(age_days * DAY_S)
    await sweep(store)

    assert (before - await left(store)) - {"effect"} == gone


async def test_a_key_is_known_for_a_month(store: StateStore, clock: ManualClock) -> None:
    await store.put([queued("i1")], key="k")
    clock.advance(29 * DAY_S)
    assert await sweep(store) == 0

    clock.advance(2 * DAY_S)
    assert await sweep(store) == 1

    assert await store.put([queued("i2")], key="k") == ["i2"]


async def test_a_clock_that_was_set_back_deletes_nothing(store: StateStore, clock: ManualClock) -> None:
    await fill(store)

    clock.advance(-1_000 * DAY_S)

    assert await sweep(store) == 0


async def test_a_step_deletes_no_more_than_a_chunk(store: StateStore, clock: ManualClock) -> None:
    await store.put_changes([change(f"c{number}") for number in range(CHUNK_ROWS + 5)])

    clock.advance(100 * DAY_S)

    assert [await store.forget() for _ in range(3)] == [CHUNK_ROWS, 5, 0]
