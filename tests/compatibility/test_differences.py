"""The comparison of the differential suite itself: what it must find, and that its tables are sound."""

import pytest
from cases import CASES
from differences import DIFFERENCES, changes


def test_names_of_cases_and_differences_are_unique():
    assert len({case.name for case in CASES}) == len(CASES)
    assert len({one.name for one in DIFFERENCES}) == len(DIFFERENCES)


@pytest.mark.parametrize(
    ("direct", "through", "expected"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, []),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}, 4]}, ["a[1].b", "a[2]"]),
        ({"a": None}, {}, ["a"]),
        ({"a": 1}, {"a": 1.0}, ["a"]),
        ({"a": 1}, {"a": True}, ["a"]),
    ],
)
def test_every_change_is_found(direct: object, through: object, expected: list[str]):
    assert [change.where for change in changes(direct, through)] == expected
