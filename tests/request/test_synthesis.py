"""How answers to parts become one, and what of the user's and the models' words it holds."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from guardian_cluster.domain.errors import NoSpecialist
from guardian_cluster.request.decomposition import Part
from guardian_cluster.request.synthesis import (
    MAX_HEADING_CHARACTERS,
    PartAnswer,
    ResponseCoordinator,
    heading,
    opening,
    piece,
    whole,
)

COORDINATOR = ResponseCoordinator()
texts = st.text(max_size=60)


def part(number: int = 1, heading: str = "What is 1 + 1") -> Part:
    return Part(number, heading, "general", heading)


def answered(text: str, number: int = 1, **facts: Any) -> PartAnswer:
    return PartAnswer(
        **{"part": part(number), "specialist": "one", "text": text, "finish_reason": "stop", **facts}
    )


def joined(answers: list[PartAnswer]) -> str:
    return "".join(map(COORDINATOR.section, answers))


def test_a_section_has_its_number_the_users_words_the_answer_and_who_gave_it():
    assert COORDINATOR.section(answered(" 2 \n")) == "**1. What is 1 + 1**\n\n2\n\n— `one`"


def test_a_later_section_stands_apart_from_the_one_before_it():
    assert joined([answered("a"), answered("b", 2)]).count("\n\n**2. ") == 1


def test_a_part_that_failed_is_named_with_the_reason():
    section = COORDINATOR.section(PartAnswer(part=part(), error=NoSpecialist("Nobody is there.")))

    assert section == "**1. What is 1 + 1**\n\nThis part could not be answered: Nobody is there."


@given(st.lists(texts, min_size=1, max_size=5), st.lists(texts, min_size=5, max_size=5))
def test_every_checked_part_is_in_the_text_word_for_word(said: list[str], headings: list[str]):
    answers = [answered(text, n, part=part(n, headings[n - 1])) for n, text in enumerate(said, 1)]

    text = joined(answers)

    assert all(each.text.strip() in text and heading(each.part) in text for each in answers)
    assert COORDINATOR.missing(answers, text) == []


@given(st.lists(texts, min_size=2, max_size=4))
def test_parts_keep_their_order(said: list[str]):
    text = joined([answered(f"<{n}>{each}</{n}>", n) for n, each in enumerate(said, 1)])

    places = [text.index(f"<{n}>{each}</{n}>") for n, each in enumerate(said, 1)]
    assert places == sorted(places)


@given(texts, texts)
def test_a_part_whose_words_are_not_all_there_is_missing(one: str, other: str):
    assume(one.strip() and other.strip())
    answers = [answered(f"a{one}z"), answered(f"b{other}y", 2)]
    text = COORDINATOR.section(answers[0]) + "\n\n**2. What is 1 + 1**"

    assert COORDINATOR.missing(answers, text) == [2]


def test_a_part_whose_heading_is_not_there_is_missing():
    assert COORDINATOR.missing([answered("2")], "2") == [1]


@given(st.text(max_size=400))
def test_a_heading_is_one_short_line(words: str):
    line = heading(part(heading=words))

    assert len(line) <= MAX_HEADING_CHARACTERS
    assert line.splitlines() in ([line], [])


def test_a_heading_is_the_users_own_words():
    assert heading(part(heading="  What is\n the  VAT?\t")) == "What is the VAT?"
    assert heading(part(heading="word " * 100)).endswith("word…"[-2:])


def test_a_heading_cannot_end_its_own_emphasis():
    assert heading(part(heading="2 ** 3 *really*")) == "2 \\*\\* 3 \\*really\\*"


@pytest.mark.parametrize(
    ("p_wrong", "doubts", "shown"),
    [
        (None, (), "— `one`"),
        (0.49, ("the sum is off",), "— `one`"),
        (0.5, (), "— `one` (to be checked: its checks say so)"),
        (0.9, ("the sum is off", "it ends early"), "— `one` (to be checked: the sum is off; it ends early)"),
    ],
)
def test_an_answer_that_is_more_likely_wrong_than_right_says_so(p_wrong: Any, doubts: Any, shown: str):
    section = COORDINATOR.section(answered("2", p_wrong=p_wrong, doubts=doubts))

    assert section.endswith(f"\n\n{shown}")


@pytest.mark.parametrize(
    ("reasons", "whole_reason"),
    [
        (("stop", "stop"), "stop"),
        (("stop", "length"), "length"),
        (("length", "content_filter"), "content_filter"),
        ((None, None), "stop"),
    ],
)
def test_what_cut_a_part_off_cut_the_whole_off(reasons: Any, whole_reason: str):
    assert COORDINATOR.finish_reason([answered("", finish_reason=each) for each in reasons]) == whole_reason


def test_pieces_have_the_shape_of_a_stream():
    first, middle, last = opening(), piece("words"), piece(None, "stop")

    assert first["choices"][0]["delta"] == {"content": "", "role": "assistant"}
    assert middle["choices"][0] == {
        "index": 0,
        "delta": {"content": "words"},
        "logprobs": None,
        "finish_reason": None,
    }
    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "stop")
    assert {each["object"] for each in (first, middle, last)} == {"chat.completion.chunk"}


def test_a_whole_answer_has_its_shape():
    answer = whole("words", "length", {"prompt_tokens": 1})

    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "words", "refusal": None}
    assert (answer["choices"][0]["finish_reason"], answer["usage"]) == ("length", {"prompt_tokens": 1})
