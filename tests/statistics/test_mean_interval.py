"""The interval of a mean: it covers the truth, and is exact where values are 0 and 1."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.statistics.intervals import share_interval
from guardian_cluster.statistics.mean_interval import mean_interval


def test_marks_of_0_and_1_have_the_exact_interval() -> None:
    assert mean_interval([1.0] * 3 + [0.0] * 17) == share_interval(3, 20)
    assert mean_interval([]) == (0.0, 1.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=200))
def test_the_mean_is_in_its_interval_between_0_and_1(values: list[float]) -> None:
    low, high = mean_interval(values)

    assert 0.0 <= low <= sum(values) / len(values) + 1e-9
    assert sum(values) / len(values) - 1e-9 <= high <= 1.0


@pytest.mark.parametrize("count", [5, 50, 500])
def test_the_true_mean_is_covered_at_least_as_often_as_claimed(count: int) -> None:
    rng = random.Random(7)
    true = 0.1  # of a Beta(.5, 4.5), which is most often near 0
    covered = 0
    for _ in range(200):
        low, high = mean_interval([rng.betavariate(0.5, 4.5) for _ in range(count)])
        covered += low <= true <= high

    assert covered >= 190


def test_many_values_make_it_narrow() -> None:
    rng = random.Random(3)

    low, high = mean_interval([rng.random() for _ in range(10_000)])

    assert high - low < 0.03
