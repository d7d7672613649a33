"""Which groups of digits are telephone numbers."""

import pytest

from guardian_cluster.watcher.pii.detector import PiiDetector

PHONES = PiiDetector(frozenset({"phone"}))


def found(text: str) -> list[tuple[str, str]]:
    return [(text[item.start : item.end], item.detail) for item in PHONES.find(text, last=True)]


@pytest.mark.parametrize(
    ("number", "detail"),
    [
        ("+44 20 7946 0958", "GB"),
        ("+41 (0)71 526 99 04", "CH"),
        ("(+49) 30 901820", "DE"),
        ("+1-903-140-4508x769", "international"),
        ("0033 1 42 68 53 00", "FR"),
        ("(415) 555-2671", "NANP"),
        ("1-415-555-2671 ext. 12", "NANP"),
        ("415.555.2671", "NANP"),
        ("415\u2011555\u20112671", "NANP"),
        ("01 42 68 53 00", "FR"),
        ("020 7946 0958", "GB"),
    ],
)
def test_a_number_that_can_exist_is_found_without_a_word(number: str, detail: str):
    assert found(f"so {number}, yes") == [(number, detail)]


@pytest.mark.parametrize(
    "text",
    [
        "Tel.: 467 3395",
        "mobile 99 577450",
        "WhatsApp: 5551234",
        "电话：6555 1234",
        "they never answer at 78 651 450",
    ],
)
def test_a_word_before_it_makes_a_local_number_one(text: str):
    ((_, detail),) = found(text)

    assert detail == "announced"


@pytest.mark.parametrize("text", ["12 345 678-Office", "12 345 678 (Mobile)", "12 345 678 (fax)"])
def test_a_word_after_it_does_so_too(text: str):
    assert found(text) == [("12 345 678", "announced")]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2024-05-17",
            "17.05.2024 12:30",
            "call before 2024-05-17",
            "text from 1999-2005",
            "phone: $12 345 678",
        ),
        *("0.610865 - 0.436332", "1.234.567", "123 456 789", "415-555-2671-8", "call order no. 123-4567"),
        *(
            "phone 4111 1111 1111 1111",
            "phone 10.0.0.17",
            "a+14155552671",
            "+1234",
            "1-800-555-CALL",
            "x 415 555 2671",
        ),
    ],
)
def test_dates_amounts_and_references_are_none(text: str):
    assert found(text) == []


def test_an_open_bracket_or_sign_is_held():
    assert PHONES.open_from("reach us: (") == 10
    assert PHONES.open_from("reach us: (+") == 10
    assert PHONES.open_from("reach us: f(x)") == 14
