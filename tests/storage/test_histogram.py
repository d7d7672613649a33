import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.storage.histogram import (
    LARGEST_MS,
    LAST_BUCKET,
    RELATIVE_ERROR,
    SMALLEST_MS,
    bucket_of,
    counts_in,
    histogram_of,
    packed,
    quantiles,
    unpacked,
    value_of,
)

TIMES = st.floats(SMALLEST_MS, LARGEST_MS * 0.999)
SLACK = 1 + 1e-9
"""For a value on the edge of two buckets, which rounding may put on either side."""


@given(TIMES)
def test_a_bucket_stands_for_its_values_within_the_stated_error(value: float) -> None:
    assert (
        1 / (1 + RELATIVE_ERROR) / SLACK <= value_of(bucket_of(value)) / value <= (1 + RELATIVE_ERROR) * SLACK
    )


@given(st.lists(TIMES, min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_within_the_stated_error_of_the_exact_one(values: list[float], wanted: float) -> None:
    exact = sorted(values)[max(1, math.ceil(wanted * len(values))) - 1]

    (found,) = quantiles(histogram_of(values), [wanted])

    assert found is not None
    assert abs(math.log(found / exact)) <= math.log1p(RELATIVE_ERROR) + 1e-9


@given(st.lists(TIMES, min_size=1, max_size=50), st.lists(TIMES, min_size=1, max_size=50))
def test_histograms_added_are_the_histogram_of_everything(some: list[float], others: list[float]) -> None:
    added = histogram_of(some) + histogram_of(others)

    assert dict(counts_in(added)) == Counter(map(bucket_of, some + others))


@given(st.lists(TIMES, max_size=50))
def test_a_histogram_is_the_same_after_it_was_packed(values: list[float]) -> None:
    histogram = histogram_of(values)

    assert unpacked(packed(histogram)) == histogram
    assert bool(packed(histogram)) is bool(values)


def test_a_busy_bucket_does_not_run_over_into_the_next_one() -> None:
    year = (1 << 40) - 1
    busy = histogram_of([1.0, LARGEST_MS]) * year

    assert dict(counts_in(unpacked(packed(busy)))) == {bucket_of(1.0): year, LAST_BUCKET: year}


@given(st.lists(TIMES, min_size=1, max_size=50), st.lists(st.floats(0, 1), max_size=5))
def test_several_quantiles_are_those_asked_for_one_by_one(values: list[float], wanted: list[float]) -> None:
    histogram = histogram_of(values)

    assert quantiles(histogram, wanted) == [quantiles(histogram, [one])[0] for one in wanted]


@pytest.mark.parametrize("value", [0.0, -5.0, math.nan, -math.inf, SMALLEST_MS / 2])
def test_what_is_no_time_counts_as_the_smallest(value: float) -> None:
    assert bucket_of(value) == 0


@pytest.mark.parametrize("value", [math.inf, LARGEST_MS, 1e300])
def test_what_is_longer_than_all_buckets_counts_as_the_longest(value: float) -> None:
    assert bucket_of(value) == LAST_BUCKET


def test_an_empty_histogram_has_no_quantiles() -> None:
    assert quantiles(histogram_of([]), [0.5, 0.99]) == [None, None]
