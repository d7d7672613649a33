"""Which groups of digits are social security numbers."""

import pytest

from guardian_cluster.watcher.pii.detector import PiiDetector

NUMBERS = PiiDetector(frozenset({"us_ssn"}))


def found(text: str) -> list[str]:
    return [text[item.start : item.end] for item in NUMBERS.find(text, last=True)]


@pytest.mark.parametrize("text", ["125-17-4954", "is 125 17 4954.", "SSN-125-17-4954", "ssn: 125174954"])
def test_a_number_is_found(text: str):
    assert "".join(filter(str.isdigit, *found(text))) == "125174954"


@pytest.mark.parametrize("text", ["000-12-3456", "666-12-3456", "900-12-3456", "125-00-4954", "125-17-0000"])
def test_numbers_that_are_never_issued_are_none(text: str):
    assert found(text) == []


@pytest.mark.parametrize(
    "text", ["125174954", "125-17-4954-1", "9-125-17-4954", "125-17 4954", "1 125 17 4954", "a125-17-4954"]
)
def test_parts_of_other_numbers_are_none(text: str):
    assert found(text) == []
