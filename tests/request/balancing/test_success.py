"""How likely an endpoint answers."""

import random

import pytest

from guardian_cluster.request.balancing.success import LEAST, Success


def after(success: Success, outcomes: str, now: float = 0.0) -> Success:
    """Return it after failures (`x`), failures after content (`c`) and answers (`o`), all at one time."""
    for outcome in outcomes:
        if outcome == "o":
            success.note_success(now)
        else:
            success.note_failure(now, after_content=outcome == "c")
    return success


def test_an_endpoint_that_never_failed_is_trusted():
    assert after(Success(), "oooo").estimate(1.0, 0) == 1.0


def test_a_row_of_failures_is_believed_at_once_and_one_answer_ends_it():
    success = after(Success(), "ooooxxx")
    assert success.estimate(0.1, 0) < 0.1

    success.note_success(0.2)
    assert success.estimate(0.3, 0) > 0.8


def test_rows_of_an_endpoint_that_fails_often_are_chance():
    success, rng = Success(), random.Random(1)
    for _ in range(200):
        after(success, "x" if rng.random() < 0.3 else "o")
    after(success, "oxxx")

    assert success.estimate(0.1, 0) > 0.4


def test_two_failures_after_content_weigh_as_much_as_four():
    assert after(Success(), "cc").estimate(0.1, 0) < after(Success(), "xxx").estimate(0.1, 0)


def test_after_a_rest_one_attempt_may_show_that_it_is_over():
    success = after(Success(), "oooooxxx")

    assert success.estimate(60.0, in_flight=0) > 0.8
    assert success.estimate(60.0, in_flight=1) < 0.1


def test_a_probe_that_was_answered_ends_the_rest():
    success = after(Success(), "oooooxxxxx")
    assert success.estimate(1.0, 0) < 0.1

    success.allow_trial(1.0)
    assert success.estimate(1.0, 0) > 0.5


def test_the_estimate_is_never_zero_however_often_it_failed():
    success = after(Success(), "x" * 5_000)

    assert success.estimate(0.0, 0) == LEAST
    assert success.rests_until == pytest.approx(30.0)


def test_an_endpoint_that_is_only_late_is_trusted_as_before_and_counted():
    success = after(Success(), "oooo")
    for _ in range(5):
        success.note_late()

    assert (success.estimate(0.1, 3), success.failures) == (1.0, 5)
