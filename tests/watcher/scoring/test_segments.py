import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.watcher.scoring.segments import MOST_WORDS, WINDOW, segments, windows


def test_sentences_and_lines_are_segments():
    text = "The report is due today. Please read it first!\nAll the best to you"

    assert [" ".join(words) for words in segments(text)] == [
        "The report is due today",
        "Please read it first !",
        "All the best to you",
    ]


def test_a_heading_is_read_with_what_follows_it():
    assert segments("Hi David\nYour card was charged") == [["Hi", "David", "Your", "card", "was", "charged"]]


def test_a_sentence_without_end_is_cut():
    found = segments("word " * 1_000)

    assert max(map(len, found)) <= MOST_WORDS + 8
    assert sum(map(len, found)) == 1_000


@pytest.mark.parametrize("text", ["", "\n\n", "...", "\x00", "\ud800", "))))'''"])
def test_a_text_without_words_has_no_segments(text: str):
    assert segments(text) == []


@given(st.text(max_size=3 * WINDOW))
def test_windows_lose_nothing_and_are_never_too_long(text: str):
    found = list(windows(text))

    assert "".join(found) == text
    assert all(len(window) <= WINDOW for window in found)


def test_a_window_ends_at_a_line_where_there_is_one():
    text = "x" * (WINDOW - 50) + "\n" + "y" * 200

    assert next(windows(text)).endswith("x\n")
