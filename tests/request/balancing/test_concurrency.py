"""How many requests an endpoint takes at once."""

import random
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.balancing.concurrency import FORGOTTEN_AFTER_S, REFUSALS, ConcurrencyLimit


def full(limit: ConcurrencyLimit, room: int, *, times: int) -> None:
    """Have requests come one above the room of a server, so often."""
    for _ in range(times):
        limit.began(room + 1)
        limit.refused(room + 1, 0.0)


def test_a_server_that_refuses_all_above_a_number_is_given_that_number():
    limit = ConcurrencyLimit()
    full(limit, 8, times=REFUSALS)

    assert limit.most == 8.0


def test_a_server_that_refuses_at_random_is_not_limited():
    limit, rng = ConcurrencyLimit(), random.Random(1)
    for number in range(5_000):
        in_flight = rng.randint(1, 20)
        limit.began(in_flight)
        if rng.random() < 0.3:
            limit.refused(in_flight, number / 20)
        else:
            limit.took(in_flight, number / 20)

    assert limit.most > 15.0  # at most what it was never given more of


def test_a_limit_grows_with_what_is_taken_at_it():
    limit = ConcurrencyLimit()
    full(limit, 4, times=REFUSALS)
    for _ in range(40):
        limit.took(4, 1.0)

    assert 5.0 <= limit.most < 6.0


def test_a_limit_is_forgotten_with_time():
    limit = ConcurrencyLimit()
    full(limit, 4, times=REFUSALS)
    limit.took(1, FORGOTTEN_AFTER_S + 1.0)

    assert limit.most == inf


@given(st.lists(st.tuples(st.sampled_from("brt"), st.integers(1, 30), st.floats(0, 100)), max_size=200))
def test_one_request_always_fits(events: list[tuple[str, int, float]]):
    limit = ConcurrencyLimit()
    for event, in_flight, now in events:
        if event == "b":
            limit.began(in_flight)
        elif event == "r":
            limit.refused(in_flight, now)
        else:
            limit.took(in_flight, now)
        assert limit.most >= 1.0
