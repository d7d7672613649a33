"""When a second endpoint is asked as well, and which."""

import math
import random

import pytest
from balanced import DOWN, Balanced, smart

from guardian_cluster.request.balancing.hedging import Lateness
from guardian_cluster.request.balancing.quantile import Quantile


async def answered(times: int = 40, **facts: object) -> Balanced:
    balanced = Balanced(smart(2, **facts))
    for _ in range(times):
        balanced.balancer.note_request()
        await balanced.answer("smart/1", 0.5)
        await balanced.answer("smart/2", 0.6)
    return balanced


@pytest.mark.parametrize("probability", [0.3, 0.5, 0.95])
def test_a_quantile_settles_where_the_odds_are(probability: float):
    rng, quantile = random.Random(1), Quantile(probability, 0.01)
    for _ in range(20_000):
        quantile.add(rng.expovariate(1.0))

    true = -math.log(1.0 - probability)
    assert quantile.value == pytest.approx(true, rel=0.15)


def test_nothing_is_late_before_enough_is_known():
    lateness = Lateness()
    for _ in range(19):
        lateness.add(1.0)
    assert lateness.late_s() is None

    lateness.add(1.0)
    assert lateness.late_s() == pytest.approx(1.0, rel=0.6)


async def test_the_other_endpoint_is_asked_while_it_has_capacity_to_spare():
    balanced = await answered()
    plan = await balanced.plan()
    asked = balanced.candidate(plan, "smart/1")

    assert balanced.balancer.hedge_after_s(plan, asked) == pytest.approx(0.6, rel=0.3)
    found = balanced.balancer.may_hedge(plan, asked, {"smart/1": 1})
    assert found is not None
    assert found.endpoint.id == "smart/2"


async def test_nobody_is_asked_twice_at_once():
    balanced = await answered()
    plan = await balanced.plan()

    assert (
        balanced.balancer.may_hedge(plan, balanced.candidate(plan, "smart/1"), {"smart/1": 1, "smart/2": 1})
        is None
    )


async def test_hedges_end_with_their_budget():
    balanced = await answered(100)
    plan = await balanced.plan()
    asked = balanced.candidate(plan, "smart/1")

    found = [balanced.balancer.may_hedge(plan, asked, {"smart/1": 1}) for _ in range(50)]

    assert sum(each is not None for each in found) in (9, 10)


async def test_an_endpoint_that_is_slower_than_usual_has_no_capacity_to_spare():
    balanced = await answered()
    for _ in range(30):
        await balanced.answer("smart/2", 3.0)
    plan = await balanced.plan()

    assert balanced.balancer.may_hedge(plan, balanced.candidate(plan, "smart/1"), {"smart/1": 1}) is None


async def test_an_endpoint_that_fails_is_no_help():
    balanced = await answered()
    for _ in range(5):
        await balanced.fail("smart/2", DOWN)
    plan = await balanced.plan()

    assert balanced.balancer.may_hedge(plan, balanced.candidate(plan, "smart/1"), {"smart/1": 1}) is None


async def test_a_specialist_that_must_not_be_hedged_is_not():
    balanced = await answered(hedge=False)
    plan = await balanced.plan()
    asked = balanced.candidate(plan, "smart/1")

    assert balanced.balancer.hedge_after_s(plan, asked) is None
    assert balanced.balancer.may_hedge(plan, asked, {}) is None


async def test_a_silence_is_a_stall_by_what_is_usual_for_its_endpoint():
    balanced = Balanced(smart(1))
    candidate = balanced.candidate(await balanced.plan(), "smart/1")
    assert balanced.balancer.stall_after_s(candidate) == 5.0

    attempt = await balanced.begin("smart/1", streamed=True)
    for _ in range(300):
        balanced.clock.advance(0.02)
        attempt.heard(content=True)
    assert balanced.balancer.stall_after_s(candidate) == 1.5
    for _ in range(300):
        balanced.clock.advance(2.0)
        attempt.heard(content=True)
    assert 5.0 < balanced.balancer.stall_after_s(candidate) <= 30.0
