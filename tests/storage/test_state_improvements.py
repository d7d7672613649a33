import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import NOON
from state_samples import investigation, lesson, queued

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.improvement import QueuedImprovement, QueueState
from guardian_cluster.improvement.ports import Conflict
from guardian_cluster.storage.state import StateStore


@pytest_asyncio.fixture
async def store(location: Path | str) -> AsyncIterator[StateStore]:
    store = StateStore.open(location, ManualClock(NOON))
    yield store
    await store.close()


async def decide(
    store: StateStore, state: QueueState, expected: QueueState = "queued", **more: object
) -> QueuedImprovement:
    values = {"who": "ada", "note": "why", "at": NOON + 9} | more
    return await store.decide("i1", expected=expected, state=state, **values)  # type: ignore[arg-type]


async def test_improvements_are_put_once_under_a_key_and_the_second_time_told_the_same(
    store: StateStore,
) -> None:
    first = await store.put(
        [queued("i1"), queued("i2", "investigated")], [investigation("s2", "i2")], key="k1"
    )
    again = await store.put([queued("i3")], key="k1")

    assert (first, again) == (["i1", "i2"], ["i1", "i2"])
    assert {each.improvement.id for each in await store.improvements()} == {"i1", "i2"}
    assert await store.investigations(open_only=True) == [investigation("s2", "i2")]


async def test_an_improvement_that_is_known_changes_nothing_whatever_became_of_it(store: StateStore) -> None:
    await store.put([queued()], key="k1")
    rejected = await decide(store, "rejected")

    new = await store.put([queued(since=NOON + 60), queued("i2")], [investigation()], key="k2")

    assert new == ["i2"]
    assert await store.improvement("i1") == rejected
    assert await store.investigations() == []


async def test_improvements_are_listed_by_specialist_and_state_newest_first(store: StateStore) -> None:
    others = [queued("i2", since=NOON + 1), queued("i3", "blocked"), queued("i4", specialist="coder")]
    await store.put([queued("i1"), *others], key="k")

    async def ids(**asked: object) -> list[str]:
        return [each.improvement.id for each in await store.improvements(**asked)]  # type: ignore[arg-type]

    assert await ids(specialist="writer") == ["i2", "i3", "i1"]
    assert await ids(specialist="writer", state="queued") == ["i2", "i1"]
    assert await ids(limit=1) == ["i2"]
    assert await store.improvement("unknown") is None


async def test_a_decision_says_who_why_and_when_and_takes_along_what_follows(store: StateStore) -> None:
    await store.put([queued("i1", "investigated")], [investigation()], key="k")
    upheld = investigation(outcome="upheld", closed=NOON + 9, who="ada")

    decided = await decide(store, "blocked", "investigated", lesson=lesson(), investigation=upheld)

    assert decided == msgspec.structs.replace(
        queued(), state="blocked", who="ada", note="why", since=NOON + 9
    )
    assert await store.improvement("i1") == decided
    assert await store.investigation("s1") == upheld
    assert await store.investigations(open_only=True) == []
    assert await store.lessons("writer") == [lesson()]
    assert await store.lessons("coder") == []


async def test_a_decision_on_what_is_not_there_or_otherwise_is_refused_and_leaves_nothing(
    store: StateStore,
) -> None:
    await store.put([queued()], key="k")

    with pytest.raises(Conflict, match="i1 is queued, and not approved"):
        await decide(store, "taken", "approved", lesson=lesson())
    with pytest.raises(KeyError, match="s1"):
        await decide(store, "approved", lesson=lesson(), investigation=investigation())
    with pytest.raises(KeyError, match="i9"):
        await store.decide("i9", expected="queued", state="approved", who="", note="", at=NOON)

    assert await store.improvement("i1") == queued()
    assert await store.lessons("writer") == []


async def test_of_two_processes_that_decide_at_once_one_is_told_so(location: Path | str) -> None:
    stores = [StateStore.open(location, ManualClock(NOON)) for _ in range(2)]
    await stores[0].put([queued()], key="k")

    tried = (decide(each, state) for each, state in zip(stores, ("approved", "rejected"), strict=True))
    found = await asyncio.gather(*tried, return_exceptions=True)

    assert {type(each) for each in found} == {Conflict, QueuedImprovement}
    await asyncio.gather(*(each.close() for each in stores))


async def test_of_two_processes_that_put_under_one_key_at_once_both_are_told_the_same(
    location: Path | str,
) -> None:
    stores = [StateStore.open(location, ManualClock(NOON)) for _ in range(2)]
    items = [queued(f"i{number}") for number in range(20)]

    told = await asyncio.gather(*(each.put(items, key="k") for each in stores))

    assert told[0] == told[1] == [each.improvement.id for each in items]
    assert len(await stores[1].improvements()) == 20
    await asyncio.gather(*(each.close() for each in stores))


PUTS = st.lists(st.tuples(st.sampled_from("klm"), st.lists(st.sampled_from("abcd"))), max_size=8)


@settings(max_examples=15, deadline=None)  # Each makes a database.
@given(PUTS)
def test_however_often_keys_and_ids_repeat_each_improvement_is_new_once(
    puts: list[tuple[str, list[str]]],
) -> None:
    async def put_all() -> None:
        store = StateStore.in_memory(ManualClock(NOON))
        told = {key: await store.put([queued(id) for id in ids], key=key) for key, ids in puts}
        new = [id for ids in told.values() for id in ids]

        first = dict(reversed(puts))
        assert sorted(new) == sorted({id for ids in first.values() for id in ids})
        assert sorted(new) == sorted(each.improvement.id for each in await store.improvements())
        await store.close()

    asyncio.run(put_all())
