import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import NOON
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from state_samples import failure, incident

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.incident import REOPEN_S, Conflict, Entry, Incident
from guardian_cluster.recovery.ports import IncidentStore, OutboxStore
from guardian_cluster.storage import state_tables
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.state_database import open_state

RESOLVED = incident(state="resolved", resolved=NOON + 60, updated=NOON + 60)
LATER = NOON + 60 + REOPEN_S


async def test_it_is_what_workflow_4_asks_for(state: StateStore) -> None:
    incidents: IncidentStore = state
    outbox: OutboxStore = state

    assert await incidents.incidents() == []
    assert await outbox.due(NOON) == []


async def test_an_event_opens_an_incident_and_under_its_key_only_once(state: StateStore) -> None:
    first = await state.open_incident(failure("e1"), incident(), key="k1")
    await state.open_incident(failure("e2"), incident("n2"), key="k2")
    again = await state.open_incident(failure("e3"), incident("n3"), key="k1")

    assert first == again == incident(event_ids=("e1",))
    (kept,) = await state.incidents()
    assert (kept.id, kept.event_ids, kept.flaps) == ("n1", ("e1", "e2"), 1)
    assert await state.incident("n2") is None


async def test_an_event_is_counted_once_whatever_its_key(state: StateStore) -> None:
    first = await state.open_incident(failure("e1"), incident(), key="k1")

    assert await state.open_incident(failure("e1"), incident("n2"), key="k2") == first
    assert await state.incidents() == [first]


async def test_what_is_told_of_again_while_it_is_open_is_the_same_incident(state: StateStore) -> None:
    await state.open_incident(failure(), incident(), key="k1")
    worse = incident("n2", NOON + 9, onset=NOON - 5, severity="critical")

    kept = await state.open_incident(failure("e2"), worse, key="k2")

    assert kept == incident(
        event_ids=("e1", "e2"), flaps=1, severity="critical", onset=NOON - 5, updated=NOON + 9
    )
    assert await state.incident("n1") == kept


async def test_what_comes_back_soon_is_open_again_and_nobody_has_heard_of_that(state: StateStore) -> None:
    await state.open_incident(failure(), incident(), key="k1")
    called = {"paged": NOON + 1, "escalation": 2, "acknowledged": NOON + 2, "acknowledged_by": "ada"}
    await state.put_incident(msgspec.structs.replace(RESOLVED, mitigated=NOON + 3, **called), key="k2")

    kept = await state.open_incident(failure("e2"), incident("n2", LATER, state="diagnosed"), key="k3")

    assert (kept.id, kept.state, kept.flaps, kept.opened) == ("n1", "diagnosed", 1, NOON)
    assert (kept.mitigated, kept.resolved) == (None, None)
    assert (kept.reopened, kept.paged, kept.acknowledged, kept.acknowledged_by) == (LATER, None, None, "")
    assert kept.escalation == 0
    assert kept.history == (Entry(at=LATER, said="it came back"),)
    assert await state.incidents(open_only=True) == [kept]


async def test_what_was_known_before_it_came_back_says_nothing_of_now(state: StateStore) -> None:
    await state.open_incident(failure(), incident(), key="k1")
    old = await state.put_incident(
        msgspec.structs.replace(RESOLVED, paged=NOON + 1, escalation=2, acknowledged=NOON + 2), key="k2"
    )
    await state.open_incident(failure("e2"), incident("n2", LATER, state="diagnosed"), key="k3")

    late = msgspec.structs.replace(old, state="diagnosed", updated=LATER + 1)
    kept = await state.put_incident(late, key="k4")
    mine = await state.put_incident(msgspec.structs.replace(kept, acknowledged=LATER + 2), key="k5")

    assert (kept.reopened, kept.paged, kept.escalation, kept.acknowledged) == (LATER, None, 0, None)
    assert (mine.reopened, mine.acknowledged) == (LATER, LATER + 2)


@pytest.mark.parametrize(("after", "asked"), [(LATER + 1, {}), (NOON + 70, {"reopen_s": 5.0})])
async def test_what_comes_back_late_is_another_incident(
    state: StateStore, after: float, asked: dict[str, float]
) -> None:
    await state.open_incident(failure(), incident(), key="k1")
    await state.put_incident(RESOLVED, key="k2")

    kept = await state.open_incident(failure("e2"), incident("n2", after), key="k3", **asked)

    assert (kept.id, kept.flaps) == ("n2", 0)
    assert [each.id for each in await state.incidents()] == ["n2", "n1"]


async def test_of_several_that_ended_the_last_one_comes_back(state: StateStore) -> None:
    for number in (1, 2):
        id, at = f"n{number}", NOON + number
        await state.open_incident(failure(f"e{number}"), incident(id, at), key=f"o{number}", reopen_s=0.0)
        over = msgspec.structs.replace(incident(id, at), state="learned", resolved=at + 0.5)
        await state.put_incident(over, key=f"p{number}")

    assert (await state.open_incident(failure("e3"), incident("n3", NOON + 9), key="k")).id == "n2"


async def test_incidents_are_listed_those_updated_last_first(state: StateStore) -> None:
    for number, key in enumerate("abc"):
        each = incident(f"n{number}", NOON + number, key=key, specialist="coder" if number else "writer")
        await state.open_incident(failure(f"e{number}"), each, key=key)
    over = incident("n2", NOON + 2, key="c", specialist="coder", state="resolved", resolved=NOON + 2)
    await state.put_incident(over, key="d")

    async def ids(**asked: object) -> list[str]:
        return [each.id for each in await state.incidents(**asked)]  # type: ignore[arg-type]

    assert await ids() == ["n2", "n1", "n0"]
    assert await ids(open_only=True) == ["n1", "n0"]
    assert await ids(specialist="coder", open_only=True) == ["n1"]
    assert await ids(limit=1) == ["n2"]


async def test_one_that_is_put_is_united_with_what_is_kept(state: StateStore) -> None:
    await state.open_incident(failure(), incident(), key="k1")
    mine = incident(state="acting", action_ids=("t1",), history=(Entry(at=NOON + 1, said="drained"),))
    theirs = incident(acknowledged=NOON, acknowledged_by="ada", history=(Entry(at=NOON, said="seen"),))
    await state.put_incident(theirs, key="k2")

    kept = await state.put_incident(mine, key="k3", expected="detected")
    again = await state.put_incident(theirs, key="k3", expected="detected")

    assert kept == again == await state.incident("n1")
    assert (kept.state, kept.event_ids, kept.action_ids) == ("acting", ("e1",), ("t1",))
    assert (kept.acknowledged, kept.acknowledged_by) == (NOON, "ada")
    assert [entry.said for entry in kept.history] == ["seen", "drained"]


async def test_one_that_is_over_is_not_opened_by_whoever_did_not_know(state: StateStore) -> None:
    await state.open_incident(failure(), incident(), key="k1")
    await state.put_incident(RESOLVED, key="k2", expected="detected")

    with pytest.raises(Conflict, match="n1 is resolved, and not acting any more"):
        await state.put_incident(incident(state="validating"), key="k3", expected="acting")
    kept = await state.put_incident(incident(state="validating", action_ids=("t1",)), key="k3")

    assert (kept.state, kept.resolved, kept.action_ids) == ("resolved", NOON + 60, ("t1",))
    with pytest.raises(KeyError, match="n9"):
        await state.put_incident(incident("n9"), key="k4")


async def test_the_database_itself_keeps_two_of_one_fault_from_being_open(location: Path | str) -> None:
    engine = open_state(location, now=NOON)
    rows = [
        {"id": id, "key": "k", "specialist": "writer", "updated": NOON, "value": b""} for id in ("n1", "n2")
    ]

    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(state_tables.incident), rows)
    engine.dispose()


async def test_of_processes_that_open_at_once_one_does_and_the_others_are_counted(
    location: Path | str,
) -> None:
    stores = [StateStore.open(location, ManualClock(NOON)) for _ in range(3)]

    async def opens(number: int) -> Incident:
        of = incident(f"n{number}", NOON + number)
        return await stores[number % 3].open_incident(failure(f"e{number}"), of, key=f"k{number}")

    told = await asyncio.gather(*map(opens, range(12)))

    assert len({each.id for each in told}) == 1
    (kept,) = await stores[0].incidents()
    assert set(kept.event_ids) == {f"e{number}" for number in range(12)}
    assert kept.flaps == 11
    await asyncio.gather(*(each.close() for each in stores))


async def test_of_processes_that_reopen_at_once_none_loses_an_event(location: Path | str) -> None:
    stores = [StateStore.open(location, ManualClock(NOON)) for _ in range(2)]
    await stores[0].open_incident(failure(), incident(), key="k")
    await stores[0].put_incident(RESOLVED, key="p")

    opening = (
        each.open_incident(failure(f"f{number}"), incident(f"m{number}", NOON + 90), key=f"k{number}")
        for number, each in enumerate(stores)
    )
    await asyncio.gather(*opening)

    (kept,) = await stores[1].incidents()
    assert (set(kept.event_ids), kept.flaps) == ({"e1", "f0", "f1"}, 2)
    await asyncio.gather(*(each.close() for each in stores))


OPENINGS = st.tuples(st.just("open"), st.sampled_from("ab"), st.integers(0, 30))
ENDINGS = st.tuples(st.just("end"), st.sampled_from("ab"), st.integers(0, 30))


async def _play(store: StateStore, done: list[tuple[str, str, int]]) -> None:
    for place, (what, key, after) in enumerate(done):
        at = NOON + 10 * place + after
        if what == "open":
            event, of = failure(f"e{place}", at), incident(f"n{place}", at, key=key)
            await store.open_incident(event, of, key=f"k{place}", reopen_s=20.0)
        else:
            for each in await store.incidents(open_only=True):
                if each.key == key:
                    over = msgspec.structs.replace(each, state="resolved", resolved=at, updated=at)
                    await store.put_incident(over, key=f"k{place}", expected=each.state)


@settings(max_examples=20, deadline=None)  # Each makes a database.
@given(st.lists(OPENINGS | ENDINGS, max_size=14))
def test_of_each_fault_one_is_open_at_most_and_every_event_is_counted(
    done: list[tuple[str, str, int]],
) -> None:
    async def play() -> None:
        store = StateStore.in_memory(ManualClock(NOON))
        await _play(store, done)
        await _play(store, done[:3])  # As a process does that ended half-way.
        kept = await store.incidents()
        opened = [each.key for each in kept if each.is_open]
        assert len(opened) == len(set(opened))
        events = [id for each in kept for id in each.event_ids]
        assert sorted(events) == sorted(f"e{n}" for n, (what, _, _) in enumerate(done) if what == "open")
        assert all(each.flaps == len(each.event_ids) - 1 for each in kept)
        await store.close()

    asyncio.run(play())
