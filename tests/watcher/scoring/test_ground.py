"""What an answer may draw on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.request import ContentPart, Message, UnreadMessage
from guardian_cluster.watcher.scoring.ground import (
    MAX_GROUND_CHARACTERS,
    MAX_MESSAGES,
    Ground,
    ground_of,
    numbers_passages,
)
from guardian_cluster.watcher.scoring.groundedness import Context

QUESTION = Message(role="user", content="When was it opened?")
RESULT = Message(role="tool", content="It was opened in 1886.")


def test_a_conversation_without_documents_gives_no_ground():
    assert ground_of([Message(role="system", content="Be brief."), QUESTION]) == ()


@pytest.mark.parametrize(
    "document",
    [
        RESULT,
        Message(role="function", content="It was opened in 1886."),
        Message(role="system", content="Answer from these:\n[1] It was opened in 1886.\n[2] It is long."),
        Message(role="user", content="<document id='1'>It was opened in 1886.</document> When?"),
        Message(role="user", content="Context: It was opened in 1886.\n\nWhen was it?"),
        Message(role="user", content="## Sources:\n- It was opened in 1886."),
    ],
)
def test_results_and_marked_passages_are_documents(document: Message):
    assert document.text() in ground_of([document, QUESTION])


@pytest.mark.parametrize("text", ["See [1] for this.", "a <contextual> word", "My context is this: none."])
def test_other_texts_are_none(text: str):
    assert ground_of([Message(role="user", content=text)]) == ()


def test_a_questions_words_are_ground_and_an_earlier_answers_are_not():
    said = Message(role="assistant", content="In 1999.")

    assert set(ground_of([RESULT, said, QUESTION])) == {RESULT.text(), QUESTION.text()}


@pytest.mark.parametrize(
    "other",
    [
        UnreadMessage(role="user", size=9),
        Message(role="user", content=[ContentPart(type="image_url")]),
        Message(role="tool", content="x" * MAX_GROUND_CHARACTERS),
        Message(role="user", content="x" * (4 * MAX_GROUND_CHARACTERS)),
    ],
)
def test_where_not_all_can_be_read_nothing_is_said(other: Message):
    assert ground_of([RESULT, QUESTION]) != ()
    assert ground_of([other, RESULT, QUESTION]) == ()


def test_of_a_conversation_without_end_nothing_is_said():
    assert ground_of([RESULT] * (MAX_MESSAGES + 1)) == ()


def test_what_else_was_said_counts_as_far_as_there_is_room_the_newest_first():
    old = Message(role="user", content="x" * (MAX_GROUND_CHARACTERS - 30))

    assert ground_of([old, RESULT, QUESTION]) == (RESULT.text(), QUESTION.text())


def test_ground_is_read_slice_by_slice_and_is_all_there_in_the_end():
    text = "\n".join(f"Line {n} of the text." for n in range(1_000))
    ground, slices = Ground([text, "one more"]), 0

    while ground.read_on():
        slices += 1

    assert slices > 5
    assert ground.context.words == Context(text).words | {"one", "more"}
    assert ground.context.numbers == Context(text).numbers


@given(st.text(max_size=200))
def test_any_text_may_be_looked_at(text: str):
    assert numbers_passages(text) in (True, False)
    assert ground_of([Message(role="tool", content=text)]) in ((text,), ())
