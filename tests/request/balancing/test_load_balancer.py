"""Which endpoint is asked next."""

import asyncio
import math
import random
import time

import pytest
from balanced import DOWN, URL, Balanced, smart
from harness import specialist
from held_moves import overlay
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.action import Drain
from guardian_cluster.domain.clock import ManualClock, SystemClock
from guardian_cluster.domain.errors import AttemptFailed, LimitExceeded
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.request.balancing.tries import Try


async def test_endpoints_that_nobody_knows_share_the_load():
    balanced = Balanced(smart(3))

    assert {await balanced.chosen() for _ in range(40)} == {"smart/1", "smart/2", "smart/3"}


async def test_the_one_with_the_fewest_requests_is_preferred_among_those_that_nobody_knows():
    balanced = Balanced(smart(3))
    for endpoint in ("smart/1", "smart/1", "smart/2"):
        await balanced.begin(endpoint)

    assert {await balanced.chosen() for _ in range(20)} == {"smart/3"}


async def test_the_fast_one_is_preferred_until_it_is_full():
    balanced = Balanced()
    for _ in range(10):
        await balanced.answer("smart/1", 0.5)
        await balanced.answer("smart/2", 1.0)
    assert {await balanced.chosen() for _ in range(20)} == {"smart/1"}

    for _ in range(20):
        await balanced.begin("smart/1")
    assert {await balanced.chosen() for _ in range(20)} == {"smart/2"}


async def test_an_endpoint_that_hangs_gets_nothing_soon_after():
    balanced = Balanced()
    for _ in range(30):
        await balanced.answer("smart/1", 0.5)
        await balanced.answer("smart/2", 0.6)

    await balanced.begin("smart/1")
    balanced.clock.advance(3.0)

    assert {await balanced.chosen() for _ in range(20)} == {"smart/2"}


async def test_a_whole_answer_that_takes_its_time_does_not_make_streams_avoid_its_endpoint():
    balanced = Balanced()
    for _ in range(20):
        for endpoint, first_s in (("smart/1", 0.3), ("smart/2", 0.5)):
            await balanced.answer(endpoint, first_s, streamed=True)
            await balanced.answer(endpoint, 10.0)
    await balanced.begin("smart/1")
    balanced.clock.advance(8.0)

    plan = await balanced.plan(streamed=True)
    found = balanced.balancer.choose(plan, {})

    assert found is not None
    assert found.endpoint.id == "smart/1"


async def test_an_endpoint_that_fails_after_content_loses_its_traffic_after_three_failures():
    balanced = Balanced()
    for _ in range(20):
        await balanced.answer("smart/1", 0.5)
        await balanced.answer("smart/2", 1.0)
    for _ in range(3):
        attempt = await balanced.begin("smart/1", streamed=True)
        attempt.heard(content=True)
        attempt.failed(DOWN)

    later: list[str | None] = []
    for _ in range(200):
        balanced.clock.advance(0.1)
        found = await balanced.chosen()
        later.append(found)
        assert found is not None
        if found == "smart/1":
            attempt = await balanced.begin(found, streamed=True)
            attempt.heard(content=True)
            attempt.failed(DOWN)

    assert later.count("smart/1") <= 0.05 * len(later)


async def test_an_endpoint_that_failed_is_asked_again_in_time():
    balanced = Balanced()
    for _ in range(20):
        await balanced.answer("smart/1", 0.5)
        await balanced.answer("smart/2", 1.0)
    for _ in range(5):
        await balanced.fail("smart/1")
    assert await balanced.chosen() == "smart/2"

    balanced.clock.advance(120.0)

    assert await balanced.chosen() == "smart/1"


async def test_an_endpoint_rests_as_long_as_it_asks_to():
    balanced = Balanced()
    await balanced.fail(
        "smart/1", AttemptFailed("busy", code="busy", retry_after_s=20.0, upstream_status=429)
    )

    balanced.clock.advance(19)
    assert {await balanced.chosen() for _ in range(20)} == {"smart/2"}
    balanced.clock.advance(2)
    assert "smart/1" in {await balanced.chosen({"smart/2": 1})}


@pytest.mark.parametrize("asked_s", [math.nan, -5.0, 0.0])
async def test_a_pause_that_makes_no_sense_is_none(asked_s: float):
    balanced = Balanced(smart(1))
    await balanced.fail("smart/1", AttemptFailed("busy", code="busy", retry_after_s=asked_s))

    assert await balanced.chosen() == "smart/1"


@pytest.mark.parametrize("asked_s", [math.inf, 1e300, 86_400.0])
async def test_an_absurd_pause_ends_after_two_minutes(asked_s: float):
    balanced = Balanced(smart(1))
    await balanced.fail("smart/1", AttemptFailed("busy", code="busy", retry_after_s=asked_s))

    assert await balanced.chosen() is None
    balanced.clock.advance(121)
    assert await balanced.chosen() == "smart/1"


async def test_one_that_was_tried_is_asked_again_only_where_no_other_is_left():
    balanced = Balanced(smart(2, fallback=("backup",)), specialist("backup", URL))

    assert await balanced.chosen({"smart/1": 1}) == "smart/2"
    assert await balanced.chosen({"smart/1": 1, "smart/2": 1}) == "backup/1"
    assert await balanced.chosen({"smart/1": 2, "smart/2": 1, "backup/1": 2}) == "smart/2"


async def test_a_stand_in_is_asked_before_an_endpoint_that_fails():
    balanced = Balanced(smart(1, fallback=("backup",)), specialist("backup", URL))
    assert await balanced.chosen() == "smart/1"

    for _ in range(8):
        await balanced.fail("smart/1")

    assert await balanced.chosen() == "backup/1"


async def test_equals_are_balanced_as_if_they_were_one():
    balanced = Balanced(smart(1, equals=("other",)), specialist("other", URL))
    await balanced.begin("smart/1")

    assert await balanced.chosen() == "other/1"


async def test_an_equal_that_also_stands_in_is_in_one_tier_only():
    balanced = Balanced(smart(1, equals=("other",), fallback=("other",)), specialist("other", URL))

    tiers = (await balanced.plan()).tiers

    assert [[each.endpoint.id for each in tier] for tier in tiers] == [["smart/1", "other/1"]]


@pytest.mark.parametrize("endpoint", ["smart/1", ""])
async def test_who_is_drained_is_not_asked_until_its_time_is_over(endpoint: str):
    until = ManualClock().now() + 60
    drain = Drain(specialist="smart", endpoint=endpoint)
    moves = overlay(drain, until=until, loop="person")
    balanced = Balanced(smart(1), specialist("other", URL), overlay=moves)

    with pytest.raises(LimitExceeded) as caught:
        await balanced.plan()
    assert (caught.value.code, caught.value.http_status) == ("specialist_busy", 429)

    balanced.clock.advance(61)
    assert await balanced.chosen() == "smart/1"


async def test_an_equal_of_a_drained_specialist_is_asked():
    moves = overlay(Drain(specialist="smart"))
    balanced = Balanced(smart(1, equals=("other",)), specialist("other", URL), overlay=moves)

    assert await balanced.chosen() == "other/1"


async def test_an_endpoint_at_its_specialists_limit_is_passed_over():
    balanced = Balanced(smart(2, max_concurrency=1))
    first = await balanced.begin("smart/1")
    assert await balanced.chosen() == "smart/2"

    await balanced.begin("smart/2")
    assert await balanced.chosen() is None
    first.cancelled()
    assert await balanced.chosen() == "smart/1"


async def test_what_is_known_of_endpoints_outlives_a_snapshot_and_of_others_does_not():
    balanced = Balanced(smart(2))
    await balanced.answer("smart/1")
    await balanced.answer("smart/2")
    balanced.configure(smart(1))
    balanced.configure(smart(2))

    samples = [balanced.balancer.health(name).whole.samples for name in ("smart/1", "smart/2")]
    assert samples == [1, 0]


async def test_who_left_and_came_back_with_requests_under_way_is_counted_right():
    balanced = Balanced(smart(2))
    attempt = await balanced.begin("smart/2")
    balanced.configure(smart(1))
    assert balanced.balancer.health("smart/2").in_flight == 1
    attempt.succeeded(1)
    balanced.configure(smart(2))

    assert balanced.balancer.health("smart/2").in_flight == 0


async def test_a_failing_endpoint_is_reported_once_and_its_recovery_too():
    balanced = Balanced()
    for _ in range(6):
        await balanced.fail("smart/1")
    for _ in range(2):
        await balanced.answer("smart/1")

    assert balanced.events == [("endpoint_failing", "smart/1"), ("endpoint_recovered", "smart/1")]


async def test_who_waits_for_room_gets_it_when_an_attempt_ends():
    balanced = Balanced(smart(1, max_concurrency=1))
    attempt, plan = await balanced.begin("smart/1"), await balanced.plan()
    waiting = asyncio.ensure_future(balanced.balancer.room(plan, {}, balanced.clock.monotonic() + 5))
    await asyncio.sleep(0)

    attempt.succeeded(1)

    assert (await waiting).endpoint.id == "smart/1"


async def test_who_comes_while_others_wait_does_not_take_their_room():
    balanced = Balanced(smart(1, max_concurrency=1))
    attempt, plan = await balanced.begin("smart/1"), await balanced.plan()
    waiting = asyncio.ensure_future(balanced.balancer.room(plan, {}, balanced.clock.monotonic() + 5))
    await asyncio.sleep(0)
    attempt.succeeded(1)

    assert balanced.balancer.choose(plan, {}) is None
    assert (await waiting).endpoint.id == "smart/1"


async def test_waiting_ends_with_the_deadline_and_says_when_to_come_again():
    balanced = Balanced(smart(1, max_concurrency=1))
    await balanced.begin("smart/1")

    with pytest.raises(LimitExceeded) as caught:
        await balanced.balancer.room(await balanced.plan(), {}, balanced.clock.monotonic() + 0.01)

    assert caught.value.http_status == 429
    assert (caught.value.retry_after_s or 0) >= 1.0


async def test_requests_that_begin_alike_go_to_one_endpoint_while_load_is_balanced():
    balanced = Balanced(smart(4))
    for number in (1, 2, 3, 4):
        for _ in range(20):
            await balanced.answer(f"smart/{number}")

    async def homes(question: str) -> set[str]:
        plan = await balanced.plan(question)
        found = [balanced.balancer.choose(plan, {}) for _ in range(10)]
        return {each.endpoint.id for each in found if each is not None}

    alike = [await homes(f"{letter} " * 400) for letter in "abcdefgh"]
    assert all(len(each) == 1 for each in alike)
    assert len(set.union(*alike)) >= 3
    (home,) = alike[0]
    for _ in range(30):
        await balanced.begin(home)
    assert await homes("a " * 400) != {home}


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["begin", "hear", "succeed", "fail", "cut", "cancel", "wait", "back", "shrink", "grow"]
        ),
        st.integers(1, 3),
    ),
    max_size=80,
)


def end(attempt: Try, step: str) -> None:
    """End an attempt as the step says, if it does."""
    if step == "succeed":
        attempt.succeeded(9)
    elif step == "cancel":
        attempt.cancelled()
    elif step != "hear":
        attempt.failed(DOWN)


@given(steps)
async def test_whatever_happens_counts_stay_right_and_somebody_is_asked(taken: list[tuple[str, int]]):
    balanced = Balanced(smart(3))
    under_way = []
    for step, number in taken:
        if step == "begin" and number <= len(balanced.specialists[0].endpoints):
            under_way.append(
                (f"smart/{number}", await balanced.begin(f"smart/{number}", streamed=number > 1))
            )
        elif step in ("succeed", "fail", "cut", "cancel", "hear") and under_way:
            _, attempt = under_way[0] if step == "hear" else under_way.pop(0)
            if step in ("cut", "hear"):
                attempt.heard(content=True)
            end(attempt, step)
        elif step == "wait":
            balanced.clock.advance(7.0 * number)
        elif step == "back":
            balanced.clock.advance(-0.5 * number)
        elif step in ("shrink", "grow"):
            balanced.configure(smart(1 if step == "shrink" else 3))
        for known in ("smart/1", "smart/2", "smart/3"):
            mine = [name for name, _ in under_way if name == known]
            assert balanced.balancer.health(known).in_flight == len(mine)
        assert await balanced.chosen() in {each.id for each in balanced.specialists[0].endpoints}


async def test_a_decision_and_what_is_learned_from_it_take_a_few_microseconds():
    balanced = Balanced()
    balancer = LoadBalancer(SystemClock(), random.Random(1), balanced.collected)
    plan = await balanced.plan(streamed=True)

    def once() -> float:
        began = time.perf_counter()
        for _ in range(200):
            candidate = balancer.choose(plan, {})
            assert candidate is not None
            attempt = balancer.begin(candidate, plan.demand)
            attempt.heard(content=True)
            attempt.succeeded(9)
        return (time.perf_counter() - began) / 200 * 1e6

    assert min(once() for _ in range(40)) < 400.0  # 8 on a quiet machine
