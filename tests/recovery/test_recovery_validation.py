"""Validation: a fault that is still there is hardly ever taken for over, and a decision does not take for ever."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.recovery import Retried
from guardian_cluster.recovery.validation import (
    ENOUGH,
    still_bad_from,
    validate,
)

MEANS = [(0.02, 0.9), (0.05, 0.3), (0.15, 0.4), (0.0, 0.1), (0.3, 0.9)]
RUNS = 250


def coins(mean: float, count: int, seed: int) -> list[float]:
    rng = random.Random(seed)
    return [float(rng.random() < mean) for _ in range(count)]


@pytest.mark.parametrize(("expected", "observed"), MEANS)
def test_what_is_still_bad_is_confirmed_once_in_twenty_at_most(expected: float, observed: float) -> None:
    bad = still_bad_from(expected, observed)

    wrong = sum(validate(coins(bad, 200, seed), bad).state == "confirmed" for seed in range(RUNS))

    assert wrong <= 0.05 * RUNS


def test_losses_between_the_extremes_confirm_no_more_often() -> None:
    def some(seed: int) -> list[float]:
        rng = random.Random(seed)
        return [rng.betavariate(1.0, 1.0) for _ in range(200)]

    wrong = sum(validate(some(seed), 0.5).state == "confirmed" for seed in range(RUNS))

    assert wrong <= 0.05 * RUNS


@pytest.mark.parametrize(("expected", "observed"), MEANS)
def test_what_is_well_or_unchanged_is_decided_rightly(expected: float, observed: float) -> None:
    bad = still_bad_from(expected, observed)
    gap = observed - bad
    enough = int(60 * max(bad * (1 - bad), 0.04) / gap**2) + 30

    well = [validate(coins(expected, enough, seed), bad) for seed in range(100)]
    unchanged = [validate(coins(observed, enough, seed), bad) for seed in range(100)]

    assert sum(each.state == "confirmed" for each in well) >= 90
    assert sum(each.state == "failed" for each in unchanged) >= 90
    assert sum(each.state == "failed" for each in well) <= 5
    assert sum(each.state == "confirmed" for each in unchanged) <= 5


def test_an_outage_is_confirmed_to_be_over_by_ten_requests() -> None:
    found = validate([0.0] * 50, still_bad_from(0.02, 1.0))

    assert found.state == "confirmed"
    assert found.requests <= 10


@given(st.lists(st.floats(0.0, 1.0), max_size=60), st.floats(0.01, 0.99))
def test_what_comes_after_a_decision_does_not_change_it(losses: list[float], bad: float) -> None:
    found = validate(losses, bad)

    if found.state != "undecided":
        assert validate([*losses, 0.0, 1.0, 1.0, 0.0], bad) == found
    assert found.requests <= len(losses)
    assert (found.state == "confirmed") == (found.e_value >= ENOUGH)


@given(st.lists(st.floats(0.0, 1.0), max_size=60), st.floats(0.01, 0.99))
def test_worse_requests_confirm_nothing_sooner_and_refute_nothing_later(
    losses: list[float], bad: float
) -> None:
    worse = [min(each + 0.1, 1.0) for each in losses]

    better_found, worse_found = validate(losses, bad), validate(worse, bad)

    if worse_found.state == "confirmed":
        assert better_found.state == "confirmed"
        assert better_found.requests <= worse_found.requests
    if better_found.state == "failed":
        assert worse_found.state == "failed"
        assert worse_found.requests <= better_found.requests


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_still_bad_begins_above_what_is_expected(expected: float, observed: float) -> None:
    bad = still_bad_from(expected, observed)

    assert 0.0 < bad < 1.0
    assert bad > expected or expected >= 0.98
    assert bad <= max(observed, expected + 0.02, 0.01)


def test_nothing_decides_nothing() -> None:
    found = validate([], 0.5, Retried(said="nothing was kept that could be asked again"))

    assert (found.state, found.e_value, found.requests) == ("undecided", 1.0, 0)


def test_what_is_asked_again_and_fails_tells_against_it_whatever_it_is() -> None:
    found = validate([], 0.5, Retried(tried=3, well=0), is_telling=False)

    assert found.e_value == validate([1.0] * 3, 0.5).e_value < 1.0


def test_simple_questions_that_go_well_confirm_nothing_of_hard_ones() -> None:
    found = validate([], 0.5, Retried(tried=50, well=50), is_telling=False)

    assert (found.state, found.e_value) == ("undecided", 1.0)
