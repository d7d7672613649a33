"""How improvements enter the queue, and who is to look into those that something is held against."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from improvement_samples import FLAGGED, NOON, House, improvement, review

from guardian_cluster.contract.snapshot import ApiKey, GuardianPolicy
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.improvement.investigation import owner_of
from guardian_cluster.improvement.memory_store import MemoryImprovements
from guardian_cluster.improvement.refused import refused_ids
from guardian_cluster.monitoring import ports
from guardian_cluster.storage.state import StateStore

BOTH = pytest.mark.parametrize("house", ["memory", "database"], indirect=True)


@pytest_asyncio.fixture
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    if getattr(request, "param", "memory") == "memory":
        yield House(MemoryImprovements())
        return
    store = StateStore.in_memory(ManualClock(NOON))
    yield House(store)
    await store.close()


@BOTH
async def test_safe_ones_wait_and_the_others_are_investigated(house: House) -> None:
    queue: ports.ImprovementQueue = house.queue

    pairs = [(improvement("i1"), review("i1")), (improvement("i2"), review("i2", FLAGGED))]
    new = await queue.queue_improvements(pairs, key="run:1:queue")

    (found,) = await house.store.investigations(open_only=True)
    assert list(new) == ["i1", "i2"]
    assert [await house.state(id) for id in ("i1", "i2")] == ["queued", "investigated"]
    assert (found.improvement_id, found.owner, found.concerns) == ("i2", "ada", FLAGGED)
    assert (found.opened, found.outcome) == (NOON, "open")


@BOTH
async def test_a_call_made_twice_has_its_effect_once_and_says_the_same(house: House) -> None:
    pair = (improvement("i1"), review("i1"))

    first = await house.queue.queue_improvements([pair], key="run:1:queue")
    again = await house.queue.queue_improvements([pair], key="run:1:queue")
    other = await house.queue.queue_improvements([pair], key="run:2:queue")

    assert (list(first), list(again), list(other)) == (["i1"], ["i1"], [])
    assert len(await house.store.improvements()) == 1


async def test_what_was_turned_down_is_not_proposed_again(house: House) -> None:
    await house.propose("i1")
    await house.propose("i2", flagged=True)
    await house.decisions.reject("i1", who="bob", note="we want to wait")
    await house.decisions.uphold("i2", who="bob", note="it would harm")

    pairs = [(improvement(id), review(id)) for id in ("i1", "i2")]
    new = await house.queue.queue_improvements(pairs, key="run:9:queue")

    assert list(new) == []
    assert [await house.state(id) for id in ("i1", "i2")] == ["rejected", "blocked"]


async def test_nothing_to_queue_is_nothing(house: House) -> None:
    assert list(await house.queue.queue_improvements([], key="run:1:queue")) == []


async def test_a_review_of_another_improvement_queues_nothing(house: House) -> None:
    pairs = [(improvement("i1"), review("i1")), (improvement("i2"), review("i9"))]

    with pytest.raises(ValueError, match="i9 says nothing of improvement i2"):
        await house.queue.queue_improvements(pairs, key="run:1:queue")

    assert await house.state("i1") == "gone"


@BOTH
async def test_lists_are_of_a_specialist_a_state_and_a_length(house: House) -> None:
    for number in range(3):
        house.clock.advance(1.0)
        await house.propose(f"i{number}", flagged=number == 2)

    items = await house.store.improvements(limit=2)
    queued = await house.store.improvements(state="queued")

    assert [each.improvement.id for each in items] == ["i2", "i1"]
    assert [each.improvement.id for each in queued] == ["i1", "i0"]
    assert list(await house.store.improvements(specialist="coder")) == []
    assert list(await house.store.investigations(specialist="coder")) == []


def key(id: str, created: float, role: str = "admin", revoked: float | None = None) -> ApiKey:
    return ApiKey(id=id, sha256="", tenant="t", role=role, created=created, revoked=revoked)  # type: ignore[arg-type]


def test_the_owner_is_who_was_named_else_the_oldest_admin_key_else_the_operator() -> None:
    keys = [key("new", 3.0), key("old", 2.0), key("client", 1.0, "client"), key("gone", 0.0, revoked=1.0)]

    assert owner_of(GuardianPolicy(owner="ada"), keys) == "ada"
    assert owner_of(GuardianPolicy(), keys) == "old"
    assert owner_of(GuardianPolicy(), []) == "operator"


@BOTH
async def test_what_people_turned_down_is_known_by_its_ids(house: House) -> None:
    for id in ("no", "unsafe", "waits", "yes"):
        await house.propose(id, flagged=id == "unsafe")
    await house.decisions.reject("no", who="ada")
    await house.decisions.uphold("unsafe", who="ada", note="it is")
    await house.decisions.approve("yes", who="ada")

    assert await refused_ids(house.store, "writer") == {"no", "unsafe"}
    assert await refused_ids(house.store, "coder") == set()
