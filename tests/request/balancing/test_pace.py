"""How fast an endpoint answers, known before it has answered."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.balancing.pace import Pace


def served(pace: Pace, took_s: float, *, times: int, now: float, in_flight: int = 1) -> float:
    """Have so many requests answered one after the other, and return the time then."""
    for number in range(times):
        pace.begin(number, now)
        now += took_s
        del pace.since[number]
        pace.leave(now)
        pace.answered(took_s, in_flight, now)
    return now


def test_nothing_is_expected_of_an_endpoint_that_nobody_asked():
    pace = Pace()

    assert (pace.expected_s(5.0), pace.added_s(), pace.silence_s(5.0)) == (0.0, 0.0, 0.0)


def test_what_always_takes_as_long_is_expected_to():
    pace = Pace()
    now = served(pace, 0.8, times=50, now=100.0)

    assert pace.expected_s(now) == pytest.approx(0.8, rel=0.02)
    assert pace.long_run_s == pytest.approx(0.8)


def test_a_slower_endpoint_is_known_before_it_has_answered():
    pace = Pace()
    now = served(pace, 1.0, times=50, now=0.0)
    for number in range(20):
        pace.begin(f"slow {number}", now)

    assert pace.expected_s(now + 2.0) > 3.0


def test_what_was_feared_is_forgotten_while_nobody_asks_but_only_one_attempt_finds_out():
    pace = Pace()
    now = served(pace, 1.0, times=50, now=0.0)
    for number in range(20):
        pace.begin(number, now)
    now += 15.0
    for number in range(20):
        del pace.since[number]
        pace.leave(now)
    assert pace.expected_s(now) > 10.0

    now += 60.0
    assert pace.expected_s(now) < 1.3
    pace.begin("trial", now)
    assert pace.expected_s(now) > 10.0


def test_an_answered_trial_brings_an_endpoint_back():
    pace = Pace()
    now = served(pace, 1.0, times=50, now=0.0)
    pace.begin("hangs", now)
    now += 200.0
    del pace.since["hangs"]
    pace.leave(now)

    now = served(pace, 1.0, times=1, now=now + 60.0)

    assert pace.expected_s(now) < 1.5


def test_what_a_request_adds_is_the_time_over_those_that_are_worked_on_at_once():
    pace = Pace()
    served(pace, 2.0, times=200, now=0.0, in_flight=20)

    assert pace.added_s() == pytest.approx(0.1)


def test_only_a_long_silence_counts():
    pace = Pace()
    now = served(pace, 1.0, times=30, now=0.0)
    pace.begin("one", now)

    assert [pace.silence_s(now + silent_s) for silent_s in (1.0, 2.4, 4.0)] == [0.0, 0.0, 4.0]
    pace.heard("one", now + 4.0)
    assert pace.silence_s(now + 5.0) == 0.0


def test_requests_queue_where_recent_times_are_above_the_usual():
    pace, rng = Pace(), random.Random(1)
    now = 0.0
    for _ in range(300):
        now = served(pace, rng.lognormvariate(0.0, 0.5), times=1, now=now)
    assert not pace.is_queueing()

    served(pace, 4.0, times=40, now=now)
    assert pace.is_queueing()


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 50.0)), max_size=60))
def test_no_course_of_events_makes_an_expectation_negative(events: list[tuple[bool, float]]):
    pace, now, waiting = Pace(), 0.0, list[float]()
    for begins, passed_s in events:
        now += passed_s
        if begins:
            pace.begin(len(waiting), now)
            waiting.append(now)
        elif waiting:
            began_at = waiting.pop()
            del pace.since[len(waiting)]
            pace.leave(now)
            pace.answered(now - began_at, len(waiting) + 1, now)
        assert pace.expected_s(now) >= 0.0
        assert pace.added_s() >= 0.0


def test_one_that_is_known_to_be_back_is_expected_to_be_as_usual():
    pace = Pace()
    now = served(pace, 1.0, times=10, now=0.0)
    pace.begin("lost", now)
    assert pace.silence_s(now + 60.0) == 60.0

    pace.come_back(now + 60.0)

    assert pace.silence_s(now + 60.0) == 0.0
    assert pace.expected_s(now + 60.0) <= 1.0
    pace.heard("lost", now + 61.0)
    assert list(pace.since) == ["lost"]
