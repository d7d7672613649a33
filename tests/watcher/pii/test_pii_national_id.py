"""Which numbers identify persons, by country."""

import pytest

from guardian_cluster.watcher.pii.detector import PiiDetector
from guardian_cluster.watcher.pii.national_id import FORMS

NUMBERS = PiiDetector(frozenset({"national_id"}))

ALONE = [
    ("BR", "529.982.247-25"),
    ("BR", "11.222.333/0001-81"),
    ("CN", "360426199101010071"),
    ("ES", "54362315K"),
    ("ES", "X2482300W"),
    ("FR", "2 95 10 99 126 111 93"),
    ("GB", "AB 12 34 56 C"),
    ("IN", "ACUPA7085R"),
    ("IT", "RCCMNL83S18D969H"),
    ("KR", "971013-9019902"),
    ("MX", "BOXW310820HNERXN09"),
]
ANNOUNCED = [
    ("AU", "TFN", "123 456 782"),
    ("BR", "CPF", "52998224725"),
    ("CA", "SIN", "123 456 782"),
    ("DE", "Steuer-ID", "36 574 261 809"),
    ("GB", "NHS", "943 476 5919"),
    ("GB", "NINO", "AB123456C"),
    ("IN", "Aadhaar", "2341 2341 2346"),
    ("NL", "BSN", "111222333"),
    ("PL", "PESEL", "44051401359"),
    ("SE", "personnummer", "880320-0016"),
    ("ZA", "South African ID", "7503305044089"),
]


def found(text: str) -> list[tuple[str, str]]:
    return [(item.detail, text[item.start : item.end]) for item in NUMBERS.find(text, last=True)]


@pytest.mark.parametrize(("country", "number"), ALONE)
def test_a_strong_form_is_found_without_a_word(country: str, number: str):
    assert found(f"It says {number}, I think.") == [(country, number)]


@pytest.mark.parametrize(("country", "word", "number"), ANNOUNCED)
def test_a_weak_form_needs_its_word(country: str, word: str, number: str):
    assert found(f"It says {number}.") == []
    assert found(f"{word}: {number}.") == [(country, number)]


@pytest.mark.parametrize(
    ("word", "number"),
    [("", "529.982.247-26"), ("", "54362315A"), ("PESEL", "44051401358"), ("NHS", "943 476 5918")],
)
def test_a_wrong_check_digit_is_noticed(word: str, number: str):
    assert found(f"{word} {number}") == []


def test_every_country_has_a_test():
    tested = {country for country, *_ in (*ALONE, *ANNOUNCED)}

    assert tested == {form.country for form in FORMS}


def test_a_county_that_the_library_does_not_know_is_none_and_raises_nothing():
    numbers = (
        f"35{place:02}0019900101{serial:03}{digit}"
        for place in range(90, 100)
        for serial in (1, 2)
        for digit in "01X"
    )

    assert [found(number) for number in numbers] == [[]] * 60


def test_capitals_at_the_end_are_held_and_words_are_not():
    assert NUMBERS.open_from("the code RCCMN") == 9
    assert NUMBERS.open_from("the code RCCMNLA") == 16
    assert NUMBERS.open_from("the code of it") == 14
