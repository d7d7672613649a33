"""Numbers as bytes, checked when they are read, and rows of numbers that are added as one."""

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.packed import LARGEST, Rows, finite_floats, floats_as_bytes, part_of

LENGTH = 6
numbers = st.floats(-LARGEST, LARGEST, width=32, exclude_min=True, exclude_max=True)
columns = st.lists(st.lists(numbers, min_size=LENGTH, max_size=LENGTH), min_size=1, max_size=12)
places = st.lists(st.integers(0, LENGTH - 1), min_size=2, max_size=200)


def arrays(of: list[list[float]]) -> "list[array[float]]":
    return [array("f", column) for column in of]


@given(columns, places, st.booleans())
def test_rows_add_up_to_what_each_column_does(
    given: list[list[float]], at: list[int], complete: bool
) -> None:
    rows = Rows(arrays(given))
    if complete:
        rows.complete()

    sums = rows.sums(tuple(at))

    assert sums == pytest.approx(
        [math.fsum(column[place] for place in at) for column in given], abs=1e-12 * len(at), rel=0
    )


def test_the_largest_numbers_do_not_run_over_into_their_neighbours() -> None:
    most = math.nextafter(LARGEST, 0.0) - 1e-3
    rows = Rows(arrays([[most, most], [-most, -most], [0.25, 0.25]]))

    sums = rows.sums((0, 1) * 2_000)

    assert sums[2] == 1_000.0
    assert sums[0] == -sums[1] == pytest.approx(4_000 * most, rel=1e-6)


def test_a_number_that_changed_counts_once_its_row_is_dropped() -> None:
    first, second = changing = arrays([[1.0, 2.0], [3.0, 4.0]])
    rows = Rows(changing)
    rows.sums((0, 1))

    first[0], second[1] = 10.0, 40.0
    rows.drop((0, 1, 0))

    assert rows.sums((0, 1)) == [12.0, 43.0]


@given(
    st.lists(
        st.floats(width=32, allow_nan=False, allow_infinity=False, max_value=2.0**100, min_value=-(2.0**100))
    )
)
def test_numbers_survive_being_stored(given: list[float]) -> None:
    assert finite_floats(floats_as_bytes(array("f", given))) == array("f", given)


@pytest.mark.parametrize("none", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_not_read(none: float) -> None:
    with pytest.raises(ValueError, match="that are none"):
        finite_floats(floats_as_bytes(array("f", [1.0, none])))


def test_a_part_that_is_not_all_there_is_not_read() -> None:
    assert part_of(b"abcd", 1, 3) == b"bcd"
    with pytest.raises(ValueError, match="ends early"):
        part_of(b"abcd", 2, 3)
