import asyncio

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import NOON
from state_samples import delivery

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.storage.state import StateStore


async def test_deliveries_are_due_in_order_and_settled_ones_no_more(state: StateStore) -> None:
    some = [delivery("d1", due=NOON + 2), delivery("d2", due=NOON), delivery("d3", due=NOON + 9)]
    await state.put_deliveries(some, key="k1")

    assert [each.id for each in await state.due(NOON + 2)] == ["d2", "d1"]
    assert [each.id for each in await state.due(NOON + 2, limit=1)] == ["d2"]
    await state.settle(msgspec.structs.replace(some[1], state="delivered", settled=NOON + 3, tries=1))
    await state.settle(msgspec.structs.replace(some[0], due=NOON + 60, tries=1, said="refused"))
    assert await state.due(NOON + 10) == [some[2]]
    (_, again) = await state.due(NOON + 60)
    assert (again.id, again.tries, again.said) == ("d1", 1, "refused")


async def test_a_delivery_that_is_known_changes_nothing(state: StateStore) -> None:
    done = delivery(state="delivered", settled=NOON)
    await state.put_deliveries([delivery()], key="k1")
    await state.settle(done)

    await state.put_deliveries([delivery(), delivery("d2")], key="k2")
    await state.put_deliveries([delivery("d3")], key="k2")

    assert [each.id for each in await state.due(NOON)] == ["d2"]
    assert {each.id for each in await state.deliveries()} == {"d1", "d2"}


async def test_what_was_delivered_stays_so_whatever_is_said_later(state: StateStore) -> None:
    await state.put_deliveries([delivery()], key="k1")
    done = delivery(state="delivered", settled=NOON + 1)
    await state.settle(delivery(state="given_up", settled=NOON))
    await state.settle(done)
    await state.settle(delivery(due=NOON + 5, tries=1))
    await state.settle(delivery("unknown"))

    assert await state.deliveries() == [done]


async def test_only_what_waits_and_was_never_tried_can_be_withdrawn(state: StateStore) -> None:
    some = [delivery("d1"), delivery("d2", tries=1), delivery("d3", state="given_up"), delivery("d4")]
    await state.put_deliveries(some, key="k1")

    await state.withdraw(["d1", "d2", "d3", "unknown"])
    await state.withdraw([])

    assert {each.id for each in await state.deliveries()} == {"d2", "d3", "d4"}
    await state.settle(some[0])
    assert {each.id for each in await state.due(NOON)} == {"d2", "d4"}


async def test_deliveries_are_listed_newest_first(state: StateStore) -> None:
    some = [delivery("d1"), delivery("d2", NOON + 1, incident_id="n2"), delivery("d3", NOON + 2)]
    await state.put_deliveries(some, key="k1")
    await state.settle(msgspec.structs.replace(some[2], state="delivered", settled=NOON + 3))

    assert [each.id for each in await state.deliveries()] == ["d3", "d2", "d1"]
    assert [each.id for each in await state.deliveries(incident_id="n1")] == ["d3", "d1"]
    assert [each.id for each in await state.deliveries(undelivered_only=True, limit=1)] == ["d2"]


@settings(max_examples=15, deadline=None)  # Each makes a database.
@given(st.lists(st.integers(0, 20), max_size=12), st.integers(0, 20), st.integers(0, 12))
def test_whatever_is_due_comes_in_order_and_nothing_else(times: list[int], now: int, limit: int) -> None:
    async def ask() -> None:
        store = StateStore.in_memory(ManualClock(NOON))
        some = [delivery(f"d{number}", due=NOON + at) for number, at in enumerate(times)]
        await store.put_deliveries(some, key="k")
        found = [each.due - NOON for each in await store.due(NOON + now, limit=limit)]
        assert found == sorted(at for at in times if at <= now)[:limit]
        await store.close()

    asyncio.run(ask())
