"""What an endpoint's server allows in a minute."""

import pytest
from balanced import Balanced
from harness import specialist
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from guardian_cluster.request.balancing.plan import Demand
from guardian_cluster.request.balancing.rates import LEAST_BOUND_TOKENS, Rates


def test_requests_have_room_again_a_minute_later():
    rates = Rates()
    rates.reserve(0, 0.0)
    rates.reserve(0, 30.0)

    assert [rates.has_room(2, None, 0, now) for now in (31.0, 59.9, 60.0)] == [False, False, True]


def test_tokens_are_reserved_and_settled():
    rates = Rates()
    reservation = rates.reserve(800, 0.0)
    assert not rates.has_room(None, 1_000, 300, 1.0)

    rates.settle(reservation, 100, 2.0)
    assert rates.has_room(None, 1_000, 900, 3.0)
    assert not rates.has_room(None, 1_000, 901, 3.0)


@pytest.mark.parametrize(("claimed", "counted"), [(10**15, LEAST_BOUND_TOKENS), (-5, 0), (7, 7)])
def test_an_endpoint_that_lies_about_usage_is_bounded(claimed: int, counted: int):
    rates = Rates()
    rates.settle(rates.reserve(100, 0.0), claimed, 1.0)

    assert rates.has_room(None, counted + 10, 10, 2.0)
    assert counted == 0 or not rates.has_room(None, counted + 10, 11, 2.0)


def test_what_is_settled_late_does_not_count_in_the_wrong_minute():
    rates = Rates()
    rates.settle(rates.reserve(100, 0.0), 5_000, 90.0)

    assert rates.has_room(None, 1_000, 1_000, 91.0)


def test_a_request_larger_than_the_limit_goes_alone():
    rates = Rates()
    assert rates.has_room(None, 100, 5_000, 0.0)

    rates.reserve(5_000, 0.0)
    assert not rates.has_room(None, 100, 1, 1.0)


def test_a_limit_of_zero_lets_nothing_through():
    assert not Rates().has_room(0, None, 0, 0.0)
    assert not Rates().has_room(None, 0, 1, 0.0)


@given(st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(0, 500), st.integers(-10, 2_000)), max_size=60))
def test_no_minute_holds_more_requests_than_allowed(steps: list[tuple[float, int, int]]):
    rates, now, taken = Rates(), 0.0, list[float]()
    for passed_s, tokens, used in steps:
        now += passed_s
        if rates.has_room(5, 1_000, tokens, now):
            rates.settle(rates.reserve(tokens, now), used, now)
            taken.append(now)
        assert sum(at > now - 60.0 for at in taken) <= 5


async def test_an_endpoint_whose_rate_is_used_up_is_passed_over():
    chosen = specialist("smart", "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1")
    first, second = chosen.endpoints
    chosen = replace(chosen, endpoints=(replace(first, tokens_per_minute=1_000), second))
    balanced = Balanced(chosen)
    plan = await balanced.plan()
    assert plan.demand.tokens >= 500  # the answer's are reserved too

    balanced.balancer.begin(plan.tiers[0][0], Demand(tokens=900))

    assert {await balanced.chosen() for _ in range(20)} == {"smart/2"}
    balanced.clock.advance(61)
    assert {await balanced.chosen({"smart/2": 1})} == {"smart/1"}
