"""Who is left out, and how an endpoint comes back."""

from itertools import pairwise

from balanced import DOWN, Balanced, smart

from guardian_cluster.request.balancing.breaker import Breaker, is_silent, may_eject


async def dead(endpoints: int = 3, **policy: object) -> Balanced:
    """Return a balancer of which the first endpoint failed fifty times while the others answered."""
    balanced = Balanced(smart(endpoints), **policy)
    for number in range(2, endpoints + 1):
        for _ in range(5):
            await balanced.answer(f"smart/{number}", 0.5)
    for _ in range(50):
        balanced.clock.advance(0.2)
        await balanced.fail("smart/1")
    balanced.clock.advance(2.0)
    await balanced.chosen()
    return balanced


async def test_a_dead_endpoint_is_ejected_and_reported():
    balanced = await dead()

    assert ("endpoint_ejected", "smart/1") in balanced.events
    assert balanced.balancer.health("smart/1").breaker.is_ejected


async def test_nobody_is_ejected_where_the_others_cannot_carry_the_load():
    balanced = await dead(endpoints=1)

    assert not balanced.balancer.health("smart/1").breaker.is_ejected
    assert await balanced.chosen() == "smart/1"


async def test_nobody_is_ejected_without_the_policy():
    assert ("endpoint_ejected", "smart/1") not in (await dead(breaker=False)).events


async def test_an_ejected_endpoint_is_the_last_resort():
    balanced = await dead()

    assert await balanced.chosen({"smart/2": 1, "smart/3": 1}) == "smart/1"


async def test_half_open_it_is_given_one_request_and_readmitted_by_its_answer():
    balanced = await dead()
    balanced.clock.advance(6.0)
    breaker = balanced.balancer.health("smart/1").breaker
    attempt = await balanced.begin("smart/1")
    assert breaker.is_shut(balanced.clock.monotonic(), in_flight=1)

    attempt.succeeded(1)

    assert not breaker.is_ejected
    assert balanced.events[-2:] == [("endpoint_recovered", "smart/1"), ("endpoint_readmitted", "smart/1")]


async def test_a_trial_that_fails_leaves_it_out_for_longer():
    balanced = await dead()
    balanced.clock.advance(6.0)
    await balanced.fail("smart/1", DOWN)

    breaker = balanced.balancer.health("smart/1").breaker
    assert breaker.opens_at - balanced.clock.monotonic() > 9.0


async def test_an_answered_probe_makes_it_half_open_not_closed():
    balanced = await dead()
    now = balanced.clock.monotonic()
    assert balanced.balancer.probes_due(now) == []
    assert balanced.balancer.probes_due(now + 2.5) == ["smart/1"]
    assert balanced.balancer.probes_due(now + 2.6) == []

    balanced.balancer.probed("smart/1", True)

    breaker = balanced.balancer.health("smart/1").breaker
    assert breaker.is_ejected
    assert not breaker.is_shut(now, in_flight=0)
    assert breaker.is_shut(now, in_flight=1)


async def test_an_unanswered_probe_changes_nothing():
    balanced = await dead()
    before = balanced.balancer.health("smart/1").breaker.opens_at
    balanced.balancer.probed("smart/1", False)

    assert balanced.balancer.health("smart/1").breaker.opens_at == before


async def test_an_endpoint_that_hangs_for_long_is_ejected():
    balanced = Balanced(smart(2))
    for _ in range(30):
        await balanced.answer("smart/1", 0.3)
        await balanced.answer("smart/2", 0.3)
    await balanced.begin("smart/1")
    balanced.clock.advance(20.0)
    await balanced.answer("smart/2", 0.3)
    await balanced.chosen()

    assert ("endpoint_ejected", "smart/1") in balanced.events


def test_half_that_fail_are_not_dead_and_a_few_failures_are_no_proof():
    half, few = Breaker(), Breaker()
    for number in range(200):
        half.note(failed=number % 2 == 0)
    for _ in range(10):
        few.note(failed=True)

    assert (half.is_failing(), few.is_failing()) == (False, False)


def test_slow_is_not_dead_and_the_others_need_headroom():
    assert [is_silent(silent_s, 1.0) for silent_s in (4.0, 9.0, 11.0)] == [False, False, True]
    assert [may_eject(remaining, 10.0) for remaining in (11.9, 12.0)] == [False, True]


async def test_one_that_answers_no_probe_is_asked_again_every_two_seconds():
    balanced = await dead()
    now = balanced.clock.monotonic()
    breaker = balanced.balancer.health("smart/1").breaker
    breaker.opens_at = now + 60.0
    asked = []
    for half_seconds in range(40):
        if balanced.balancer.probes_due(now + 0.5 * half_seconds):
            asked.append(half_seconds)
            balanced.balancer.probed("smart/1", False)

    assert asked[0] == 2
    assert max(later - sooner for sooner, later in pairwise(asked)) == 4


async def test_one_that_comes_back_is_tried_beside_the_request_that_it_lost():
    balanced = await dead()
    balanced.clock.advance(6.0)
    await balanced.begin("smart/1")
    breaker = balanced.balancer.health("smart/1").breaker
    assert breaker.is_shut(balanced.clock.monotonic(), in_flight=1)

    for ok in (False, True):
        balanced.balancer.probed("smart/1", ok)

    assert not breaker.is_shut(balanced.clock.monotonic(), in_flight=1)
    assert breaker.is_shut(balanced.clock.monotonic(), in_flight=2)
    await balanced.answer("smart/1")
    assert not breaker.is_ejected


async def test_a_server_that_hangs_and_answers_probes_gets_no_second_request():
    balanced = await dead()
    balanced.clock.advance(6.0)
    await balanced.begin("smart/1")

    for _ in range(3):
        balanced.balancer.probed("smart/1", True)

    breaker = balanced.balancer.health("smart/1").breaker
    assert breaker.is_shut(balanced.clock.monotonic(), in_flight=1)
