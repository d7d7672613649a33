"""Measurements of a text's form: what they count, and that texts of one form share their tiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.form import CELLS, DENSE_NAMES, TILES, measure, tiles_of, words_of

QUESTION = "Which of these is a metal?\nA. iron\nB. wood\nC. clay\nD. wool\nAnswer:"
ALIKE = "Which of those is a fruit?\nA. corn\nB. kiwi\nC. clay\nD. wool\nAnswer:"
CODE = "def add(a, b):\n    return a + b\n\nprint(add(1, 2))  # what is printed, and why is it not 4?"


def measured(text: str) -> dict[str, float]:
    return dict(zip(DENSE_NAMES, measure(text, len(text), words_of(text)), strict=True))


def shared(one: str, other: str) -> float:
    tiles = [tiles_of(tuple(measured(text).values())) for text in (one, other)]
    return sum(a == b for a, b in zip(*tiles, strict=True)) / TILES


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("length", "short", "a much longer text than that"),
        ("digits", "no number here", "numbers 12 and 345"),
        ("words", "one", "one two three four"),
        ("lines", "one line", "two\nlines"),
        ("questions", "no question", "really? yes?"),
        ("negations", "this is so", "this is not so"),
        ("quantities", "a bag of rice", "how many bags in total"),
        ("capitals", "nasa", "NASA"),
        ("formula", "x is y", "x = y + z"),
        ("blanks", "a word", "a ____"),
        ("repeated_lines", "a\nb", "a\na"),
        ("code", "plain words", "```python```"),
        ("foreign", "hello", "grüße"),
        ("commas", "a b", "a, b, c"),
        ("long_words", "a small one", "internationalisation"),
    ],
)
def test_a_measurement_grows_with_what_it_is_named_after(name: str, less: str, more: str) -> None:
    assert measured(less)[name] < measured(more)[name]


def test_words_are_lower_case_without_signs_and_digits_are_alike() -> None:
    assert words_of("The cost: $12.50, Ann's") == [b"the", b"cost", b"00", b"00", b"ann", b"s"]


def test_words_of_other_scripts_are_words_too() -> None:
    assert words_of("Größe, übrigens") == ["größe".encode(), "übrigens".encode()]


def test_texts_of_one_form_share_most_tiles_and_others_few() -> None:
    assert shared(QUESTION, ALIKE) > 0.8
    assert shared(QUESTION, CODE) < 0.5


@given(st.text(max_size=300))
def test_tiles_are_as_many_as_promised_and_fit_the_cells(text: str) -> None:
    tiles = tiles_of(tuple(measured(text).values()))

    assert len(tiles) == TILES
    assert all(0 <= tile < CELLS for tile in tiles)


def test_tiles_do_not_change_between_releases() -> None:
    assert tiles_of((0.5,) * len(DENSE_NAMES))[:4] == STORED_TILES


STORED_TILES = [11812, 14455, 14227, 10290]
