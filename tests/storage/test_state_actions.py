import asyncio
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import NOON
from state_samples import pattern, recovered, taken

from guardian_cluster.domain.action import ENDED, Action
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.recovery import PlayCount
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.state_actions import MAX_PATTERNS

HELPED = PlayCount(cause="hang", kind="pool", specialist="writer", helped=1)


async def test_actions_come_back_newest_first_and_take_the_place_of_the_one_with_their_id(
    state: StateStore,
) -> None:
    others = [taken("t2", taken=NOON + 5, incident_id="n2"), taken("t3", taken=NOON + 9, state="refused")]
    await state.put_actions([taken("t1"), *others], key="k1")
    await state.put_actions([taken("t1", until=NOON + 60)], key="k2")
    await state.put_actions([taken("t1", note="again")], key="k2")

    async def ids(**asked: object) -> list[str]:
        return [each.id for each in await state.actions(**asked)]  # type: ignore[arg-type]

    assert await ids() == ["t3", "t2", "t1"]
    assert await ids(active_only=True) == ["t2", "t1"]
    assert await ids(incident_id="n2") == ["t2"]
    assert await ids(since=NOON + 5) == ["t3", "t2"]
    assert await ids(limit=1) == ["t3"]
    assert (await state.actions(incident_id="n1"))[-1] == taken("t1", until=NOON + 60)


async def test_what_has_ended_stays_as_it_is(state: StateStore) -> None:
    undone = taken(state="undone", ended=NOON + 5)
    await state.put_actions([taken()], key="k1")
    await state.put_actions([undone], key="k2")
    await state.put_actions([taken(until=NOON + 9_000), taken("t2")], key="k3")

    assert set(await state.actions()) == {undone, taken("t2")}
    await state.put_actions([msgspec.structs.replace(undone, note="It did not help.")], key="k4")
    assert await state.actions(active_only=True) == [taken("t2")]
    assert undone in await state.actions()


states = st.sampled_from(["active", "undone", "lapsed", "displaced", "refused"])


@settings(max_examples=20, deadline=None)  # Each makes a database.
@given(st.lists(st.tuples(st.sampled_from("ab"), states), max_size=10))
def test_an_action_that_ended_never_comes_back(puts: list[tuple[str, str]]) -> None:
    async def put_all() -> None:
        store = StateStore.in_memory(ManualClock(NOON))
        over: set[str] = set()
        for number, (id, state) in enumerate(puts):
            await store.put_actions([taken(id, state=state)], key=f"k{number}")
            over |= {id} if state in ENDED else set()
            kept: dict[str, Action] = {each.id: each for each in await store.actions()}
            assert {id for id, each in kept.items() if each.state in ENDED} == over
        await store.close()

    asyncio.run(put_all())


async def test_processes_that_put_the_same_actions_at_once_do_not_hold_each_other_up(
    location: Path | str,
) -> None:
    stores = [StateStore.open(location, ManualClock(NOON)) for _ in range(2)]
    some = [taken(f"t{number}") for number in range(40)]

    await asyncio.gather(
        *(
            each.put_actions(some[::step], key=f"k{number}{step}")
            for number, each in enumerate(stores)
            for step in (1, -1, 1, -1)
        )
    )

    assert len(await stores[0].actions()) == 40
    await asyncio.gather(*(each.close() for each in stores))


async def test_what_came_of_an_event_is_kept(state: StateStore) -> None:
    await state.put_result(recovered(), key="k1")
    await state.put_result(recovered(duration=9.0), key="k1")
    assert await state.result("e1") == recovered()

    await state.put_result(recovered(duration=9.0), key="k2")
    assert await state.result("e1") == recovered(duration=9.0)
    assert await state.result("e2") is None


async def test_patterns_add_up_and_tell_what_was_seen_last(state: StateStore) -> None:
    await state.learn(pattern(helped="pool", fingerprint=(1, 2), signature="no <n>"), (), key="k1")
    await state.learn(pattern("p2", last=NOON + 1), (), key="k2")
    await state.learn(pattern(last=NOON + 2, seen=3), (), key="k3")
    await state.learn(pattern(last=NOON - 9, helped="drain"), (), key="k4")
    await state.learn(pattern(seen=100), (), key="k4")

    first, second = await state.patterns("writer")

    assert first == pattern(last=NOON + 2, seen=5, helped="pool", fingerprint=(1, 2), signature="no <n>")
    assert second == pattern("p2", last=NOON + 1)
    assert await state.patterns("coder") == []


async def test_of_many_patterns_the_last_ones_are_compared(state: StateStore) -> None:
    for number in range(MAX_PATTERNS + 3):
        await state.learn(pattern(f"p{number}", last=NOON + number), (), key=f"k{number}")

    found = await state.patterns("writer")

    assert len(found) == MAX_PATTERNS
    assert found[0].id == f"p{MAX_PATTERNS + 2}"


async def test_counts_add_up_by_cause_kind_and_specialist(state: StateStore) -> None:
    anybody = PlayCount(cause="hang", kind="pool", failed=2)
    unknown = PlayCount(cause=None, kind="backup", helped=1)
    await state.learn(None, [HELPED, HELPED, anybody, unknown], key="k1")
    await state.learn(pattern(), [HELPED, anybody], key="k2")
    await state.learn(pattern(), [HELPED], key="k2")

    assert await state.counts("hang") == [
        PlayCount(cause="hang", kind="pool", failed=4),
        PlayCount(cause="hang", kind="pool", specialist="writer", helped=3),
    ]
    assert await state.counts(None) == [unknown]
    assert await state.counts("slow") == []


async def test_processes_that_learn_at_once_lose_nothing(location: Path | str) -> None:
    stores = [StateStore.open(location, ManualClock(NOON)) for _ in range(2)]

    await asyncio.gather(
        *(
            each.learn(pattern(), [HELPED], key=f"k{number}-{of}")
            for of, each in enumerate(stores)
            for number in range(8)
        )
    )

    (known,) = await stores[0].patterns("writer")
    (count,) = await stores[0].counts("hang")
    assert known.seen == count.helped == 16
    await asyncio.gather(*(each.close() for each in stores))


learned = st.builds(
    PlayCount,
    cause=st.sampled_from([None, "hang", "slow"]),
    kind=st.sampled_from(["pool", "drain"]),
    specialist=st.sampled_from(["", "writer"]),
    helped=st.integers(0, 9),
    failed=st.integers(0, 9),
)


@settings(max_examples=15, deadline=None)  # Each makes a database.
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.lists(learned, max_size=4)), max_size=6))
def test_counts_are_the_sum_of_what_was_learned_once_under_each_key(
    steps: list[tuple[str, list[PlayCount]]],
) -> None:
    async def learn_all() -> None:
        store = StateStore.in_memory(ManualClock(NOON))
        before = 0
        for key, counts in steps:
            await store.learn(None, counts, key=key)
            found = [each for cause in (None, "hang", "slow") for each in await store.counts(cause)]
            total = sum(each.helped + each.failed for each in found)
            assert total >= before
            before = total
        first = dict(reversed(steps)).values()
        assert before == sum(each.helped + each.failed for counts in first for each in counts)
        await store.close()

    asyncio.run(learn_all())
