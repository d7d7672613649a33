from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from sample_records import NOON
from state_samples import (
    DAY_S,
    alarm,
    change,
    cycle,
    delivery,
    failure,
    improvement,
    incident,
    investigation,
    lesson,
    pattern,
    queued,
    recovered,
    taken,
)

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


async def recover(store: StateStore) -> None:
    """Keep one of each thing of workflow 4 that is over, and one that is not."""
    for id in ("over", "open"):
        await store.open_incident(failure(f"e-{id}"), incident(id, key=id), key=id)
    over = incident("over", key="over", state="resolved", resolved=NOON)
    await store.put_incident(over, key="put")
    ended = [taken("undone", state="undone", ended=NOON), taken("refused", state="refused")]
    await store.put_actions([taken("active"), *ended], key="actions")
    await store.put_result(recovered("e-over"), key="result")
    await store.learn(pattern(), (), key="learn")
    await store.put_deliveries([delivery(id) for id in ("waiting", "delivered", "given up")], key="alert")
    await store.settle(delivery("delivered", state="delivered", settled=NOON))
    await store.settle(delivery("given up", state="given_up", settled=NOON))


async def left_of_recovery(store: StateStore) -> set[str]:
    found = {
        each.id for each in (*await store.incidents(), *await store.actions(), *await store.deliveries())
    }
    found |= {each.id for each in await store.patterns("writer")}
    return found | ({"result"} if await store.result("e-over") else set())


@pytest.mark.parametrize(
    ("age_days", "left"),
    [
        (29, {"over", "undone", "refused", "p1", "result", "delivered", "given up"}),
        (31, {"over", "undone", "refused", "p1", "result"}),
        (399, {"over", "undone", "refused", "p1", "result"}),
        (401, set[str]()),
    ],
)
async def test_what_is_open_active_or_waiting_is_kept_for_ever(
    store: StateStore, clock: ManualClock, age_days: float, left: set[str]
) -> None:
    await recover(store)

    clock.advance(age_days * DAY_S)
    await sweep(store)

    assert await left_of_recovery(store) == {"open", "active", "waiting"} | left


async def test_an_event_of_an_incident_that_is_open_is_never_counted_again(
    store: StateStore, clock: ManualClock
) -> None:
    await recover(store)
    clock.advance(500 * DAY_S)
    await sweep(store)

    again = await store.open_incident(failure("e-open"), incident("n9", key="open"), key="k9")

    assert (again.id, again.flaps) == ("open", 0)
