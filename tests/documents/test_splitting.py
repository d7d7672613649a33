import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.documents.block import Block, Unreadable, Wordless
from guardian_cluster.documents.splitting import (
    MOST_CHARACTERS,
    MOST_PASSAGES,
    OVERLAP_CHARACTERS,
    TARGET_CHARACTERS,
    split,
)


def test_short_neighbours_under_one_heading_are_joined() -> None:
    blocks = [Block("a", ("H",), 1, 1), Block("b", ("H",), 3, 4), Block("c", ("I",), 6, 6)]

    first, second = split(blocks)

    assert (first.text, first.heading, first.first_line, first.last_line) == ("a\n\nb", ("H",), 1, 4)
    assert second.text == "c"


def test_joined_passages_stay_within_the_target() -> None:
    blocks = [Block("x" * 400, (), n, n) for n in range(1, 6)]

    assert [len(passage.text) for passage in split(blocks)] == [802, 802, 400]
    assert TARGET_CHARACTERS == 900


def test_records_without_lines_are_not_joined() -> None:
    assert len(split([Block("a", ("1",)), Block("b", ("1",))])) == 2


def test_a_long_paragraph_is_cut_between_sentences_and_overlaps() -> None:
    sentences = [f"This is sentence number {n} of a long paragraph." for n in range(100)]
    text = " ".join(sentences)

    passages = split([Block(text, (), 7, 7)])

    assert all(passage.text[0] == "T" and passage.text[-1] == "." for passage in passages)
    assert all(any(sentence in passage.text for passage in passages) for sentence in sentences)
    assert sum(len(passage.text) for passage in passages) < len(text) + OVERLAP_CHARACTERS * len(passages)
    assert {(passage.first_line, passage.last_line) for passage in passages} == {(7, 7)}


def test_pieces_of_a_long_block_keep_the_lines_where_they_stand() -> None:
    lines = [f"line {n} " + "x" * 90 for n in range(10, 50)]

    for passage in split([Block("\n".join(lines), (), 10, 49)]):
        assert passage.text.startswith(f"line {passage.first_line} ")
        assert passage.text.split("\n")[-1].startswith(f"line {passage.last_line} ")


@given(st.text(alphabet="ab. \n", min_size=1, max_size=5_000))
def test_passages_are_bounded_and_hold_every_letter_in_order(text: str) -> None:
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return
    passages = split([Block(text, (), 1, text.count("\n") + 1)])

    assert all(len(passage.text) <= MOST_CHARACTERS for passage in passages)
    assert sum(sum(map(str.isalpha, passage.text)) for passage in passages) >= len(letters)


def test_one_line_without_any_space_is_cut_all_the_same() -> None:
    passages = split([Block("x" * 1_000_000, (), 1, 1)])

    assert sum(len(passage.text) for passage in passages) == 1_000_000


def test_what_has_no_words_is_refused_as_empty() -> None:
    with pytest.raises(Wordless):
        split([Block("---", (), 1, 1)])


def test_what_gives_too_many_passages_is_refused_before_it_fills_memory() -> None:
    endless = (Block("x" * 600, (str(n),)) for n in range(10**9))

    with pytest.raises(Unreadable, match=f"more than {MOST_PASSAGES:,} passages"):
        split(endless)
