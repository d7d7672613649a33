import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.storage.histogram import (
    LARGEST_MS,
    LAST_BUCKET,
    RELATIVE_ERROR,
    SMALLEST_MS,
    bucket_of,
    quantiles,
    value_of,
)

TIMES = st.floats(SMALLEST_MS, LARGEST_MS * 0.999)
SLACK = 1 + 1e-9
"""For a value on the edge of two buckets, which rounding may put on either side."""


def histogram(values: list[float]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
    return counts


@given(TIMES)
def test_a_bucket_stands_for_its_values_within_the_stated_error(value: float) -> None:
    assert (
        1 / (1 + RELATIVE_ERROR) / SLACK <= value_of(bucket_of(value)) / value <= (1 + RELATIVE_ERROR) * SLACK
    )


@given(st.lists(TIMES, min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_within_the_stated_error_of_the_exact_one(values: list[float], wanted: float) -> None:
    exact = sorted(values)[max(1, math.ceil(wanted * len(values))) - 1]

    (found,) = quantiles(histogram(values), [wanted])

    assert found is not None
    assert abs(math.log(found / exact)) <= math.log1p(RELATIVE_ERROR) + 1e-9


@given(st.lists(TIMES, min_size=1, max_size=50), st.lists(TIMES, min_size=1, max_size=50))
def test_histograms_added_are_the_histogram_of_everything(some: list[float], others: list[float]) -> None:
    added = histogram(some)
    for bucket, n in histogram(others).items():
        added[bucket] = added.get(bucket, 0) + n

    assert added == histogram(some + others)


@given(st.lists(TIMES, min_size=1, max_size=50), st.lists(st.floats(0, 1), max_size=5))
def test_several_quantiles_are_those_asked_for_one_by_one(values: list[float], wanted: list[float]) -> None:
    counts = histogram(values)

    assert quantiles(counts, wanted) == [quantiles(counts, [one])[0] for one in wanted]


@pytest.mark.parametrize("value", [0.0, -5.0, math.nan, -math.inf, SMALLEST_MS / 2])
def test_what_is_no_time_counts_as_the_smallest(value: float) -> None:
    assert bucket_of(value) == 0


@pytest.mark.parametrize("value", [math.inf, LARGEST_MS, 1e300])
def test_what_is_longer_than_all_buckets_counts_as_the_longest(value: float) -> None:
    assert bucket_of(value) == LAST_BUCKET


def test_an_empty_histogram_has_no_quantiles() -> None:
    assert quantiles({}, [0.5, 0.99]) == [None, None]
