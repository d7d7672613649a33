"""What is kept in memory of incidents is what the state keeps of them, value for value."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from recovery_samples import NOON, World, action, event, incident
from test_recovery_resumes import left
from test_recovery_workflow import workflow

from guardian_cluster.domain.incident import MOST_OPEN, Conflict, Incident
from guardian_cluster.domain.recovery import FailurePattern, PlayCount
from guardian_cluster.recovery.memory_store import MemoryIncidentStore
from guardian_cluster.recovery.ports import IncidentStore
from guardian_cluster.storage.state import StateStore


@pytest.fixture(params=["memory", "state"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[IncidentStore]:
    if request.param == "memory":
        yield MemoryIncidentStore()
        return
    state = StateStore.in_memory(World().clock)
    yield state
    await state.close()


def opened(**changes: object) -> Incident:
    return incident(state="detected", mitigated=None, **changes)


async def test_a_recovery_leaves_the_same_behind(store: IncidentStore) -> None:
    world, other = World(helped_by=frozenset({"drain"})), World(helped_by=frozenset({"drain"}))
    other.store = store  # type: ignore[assignment]

    result = await workflow(world).handle_failure_event(event(), Named())
    again = await workflow(other).handle_failure_event(event(), Named())

    assert again == result
    assert await left(other) == await left(world)


class Named:
    """Steps of one run that are kept nowhere."""

    id = "run-1"

    def __init__(self) -> None:
        self._number = 0

    async def step(self, name: str, work: object, returns: object) -> object:
        self._number += 1
        return await work(f"{self.id}:{self._number}:{name}")  # type: ignore[operator]


async def test_of_one_fault_one_incident_is_open(store: IncidentStore) -> None:
    first = await store.open_incident(event(), opened(), key="k1")
    second = await store.open_incident(event("e2"), opened(id="i2"), key="k2")
    again = await store.open_incident(event("e2"), opened(id="i3"), key="k3")

    assert (first.id, second.id, second.flaps) == ("i1", "i1", 1)
    assert again == second
    assert await store.open_incident(event(), opened(), key="k1") == first
    assert len(await store.incidents()) == 1


async def test_what_ended_lately_is_open_again_and_what_ended_long_ago_is_another(
    store: IncidentStore,
) -> None:
    await store.open_incident(event(), opened(), key="k1")
    await store.put_incident(opened(), key="k2")
    await store.put_incident(incident(state="resolved", resolved=NOON + 10.0), key="k3")

    soon = await store.open_incident(event("e2"), opened(id="i2", opened=NOON + 100.0), key="k4")
    assert (soon.id, soon.state, soon.flaps) == ("i1", "detected", 1)
    await store.put_incident(replace(soon, state="resolved", resolved=NOON + 200.0), key="k5")
    late = await store.open_incident(event("e3"), opened(id="i3", opened=NOON + 9_000.0), key="k6")
    assert (late.id, late.flaps) == ("i3", 0)


async def test_who_expects_another_state_is_refused(store: IncidentStore) -> None:
    await store.open_incident(event(), opened(), key="k1")
    taken = await store.put_incident(
        replace(opened(), state="diagnosed", updated=NOON + 1), key="k2", expected="detected"
    )

    with pytest.raises(Conflict):
        await store.put_incident(replace(opened(), state="diagnosed"), key="k3", expected="detected")
    with pytest.raises(KeyError):
        await store.put_incident(opened(id="i9"), key="k4")
    again = replace(opened(), state="diagnosed", updated=NOON + 1)
    assert await store.put_incident(again, key="k2", expected="detected") == taken


async def test_an_action_that_ended_is_not_active_again(store: IncidentStore) -> None:
    taken = action()
    ended = replace(taken, state="undone", ended=NOON + 5.0)
    await store.put_actions([taken], key="k1")
    await store.put_actions([ended], key="k2")

    await store.put_actions([taken], key="k3")

    assert await store.actions() == [ended]
    assert await store.actions(active_only=True) == []
    assert await store.actions(incident_id="other") == []
    assert await store.actions(since=NOON + 1) == []


async def test_an_action_stays_as_it_ended_first(store: IncidentStore) -> None:
    by_ada = replace(action(), state="undone", ended=NOON + 5.0, note="taken back by ada")
    await store.put_actions([action()], key="k1")
    await store.put_actions([by_ada], key="k2")

    await store.put_actions([replace(by_ada, ended=NOON + 6.0, note="it did not help")], key="k3")

    assert await store.actions() == [by_ada]


async def test_all_actions_in_force_are_returned_and_all_that_were_taken_lately(store: IncidentStore) -> None:
    some = [replace(action(), id=f"a{number:04}", taken=NOON + number) for number in range(1_001)]
    refused = replace(action(), id="r", state="refused", taken=NOON + 600.0, ended=NOON + 600.0)
    await store.put_actions([*some, refused], key="k1")

    assert await store.actions(active_only=True) == some[::-1]
    assert await store.taken_since(NOON + 500.0) == some[:499:-1]


async def test_all_open_incidents_are_returned_to_whoever_asks_for_so_many(store: IncidentStore) -> None:
    ids = [f"i{number:04}" for number in range(1_001)]
    for id in ids:
        await store.open_incident(event(f"e-{id}"), opened(id=id, key=id), key=id)

    found = await store.incidents(open_only=True, limit=MOST_OPEN)
    assert sorted(each.id for each in found) == ids
    assert len(await store.incidents(open_only=True)) == 100


async def test_what_is_learned_is_added_once_under_a_key(store: IncidentStore) -> None:
    seen = FailurePattern(
        id="p", specialist="writer", cause="hang", signal="error", last=NOON, helped="drain"
    )
    counts = [PlayCount(cause="hang", kind="drain", specialist="writer", helped=1)]
    for key in ("k1", "k1", "k2"):
        await store.learn(seen, counts, key=key)

    (pattern,) = await store.patterns("writer")
    (count,) = await store.counts("hang")
    assert (pattern.seen, count.helped, count.failed) == (2, 2, 0)
    assert list(await store.counts(None)) == []
