import time

import pytest
from found_passages import Found

from guardian_cluster.specialists.builtin.recall.units import MOST_UNITS, shown, units_of


def units(text: str) -> list[tuple[str, int, int]]:
    return [(unit.text, unit.first_line, unit.last_line) for unit in units_of(Found(text))]


def test_sentences_go_on_over_lines_and_keep_their_lines() -> None:
    assert units("One is here. Two goes\non. Three.\n\nFour") == [
        ("One is here.", 1, 1),
        ("Two goes on.", 1, 2),
        ("Three.", 2, 2),
        ("Four", 4, 4),
    ]


def test_items_rows_and_settings_stand_for_themselves() -> None:
    text = "Choose:\n- one\n- two\n  more of two\n1. first\n| a | b |\nPower: 5 W\n    code()"

    assert [words for words, *_ in units(text)] == [
        "Choose:", "- one", "- two more of two", "1. first", "| a | b |", "Power: 5 W", "code()"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "See e.g. the handbook.",
        "Dr. Who is in.",
        "It costs 3.50 EUR.",
        "Version 1.2.3 is out.",
        "Approx. ten of them.",
        "Read guardian.toml first.",
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(text: str) -> None:
    assert [words for words, *_ in units(text)] == [text]


def test_japanese_sentences_end_at_their_own_stop() -> None:
    assert [words for words, *_ in units("一つ。二つ。")] == ["一つ。", "二つ。"]


def test_what_steers_or_hides_is_not_shown() -> None:
    assert shown("a\x1b[2J\u202eb\n\tc \u200bd\ud800", 50) == "a[2Jb c d"
    assert shown("x" * 60, 50) == "x" * 49 + "…"


@pytest.mark.parametrize("piece", [". ", "1. ", "a.", "\n", "- \n", "x", "! ", "。", "a: ", "|"])
def test_a_huge_text_is_divided_in_no_time(piece: str) -> None:
    text = piece * (20_000 // len(piece))
    started = time.process_time()

    assert len(units_of(Found(text))) <= MOST_UNITS
    assert time.process_time() - started < 20.0  # what divides it again and again takes minutes
