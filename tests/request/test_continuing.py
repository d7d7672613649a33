"""Where the messages of a client that carries its history go on with what is stored."""

import time
from typing import Any

import pytest
from conversations import calling, message, piece, result, talk

from guardian_cluster.request.continuing import carries_history, going_on, repeated
from guardian_cluster.request.measuring import Piece

U1, A1, U2, A2, U3 = (
    message("user", "one"), message("assistant", "first"), message("user", "two"),
    message("assistant", "second"), message("user", "three"),
)  # fmt: skip


def sent(*messages: dict[str, Any]) -> list[Piece]:
    return [piece(each) for each in messages]


@pytest.mark.parametrize(
    ("messages", "carries"),
    [
        ([U1], False),
        ([U1, U2], True),
        ([U1, A1, U2], True),
        ([result("a")], False),
        ([A1], True),
        ([], False),
    ],
)
def test_more_than_a_question_is_a_history(messages: list[dict[str, Any]], carries: bool):
    assert carries_history(sent(*messages)) is carries


@pytest.mark.parametrize(
    ("stored", "messages", "known"),
    [
        ([U1, A1], [U1, A1, U2], 2),
        ([U1, A1, U2, A2], [U2, A2, U3], 2),
        ([U2, A2], [U1, A1, U2, A2, U3], 4),
        ([U1, A1, U2, A2], [A2, U3], 1),
        ([U1, A1, U2, calling("a")], [U2, calling("a"), result("a")], 2),
        ([U1, A1], [U2, A2, U3], 0),
        ([U1, A1, U2, A2], [U1, A1, U3], 0),
        ([U1, A1, U1, A1], [U1, A1, U1, A1, U2], 4),
        ([], [U1, A1, U2], 0),
        ([U1, A1], [], 0),
    ],
)
def test_messages_that_are_stored_already_are_known(
    stored: list[dict[str, Any]], messages: list[dict[str, Any]], known: int
):
    assert repeated(talk(*stored), sent(*messages)) == known


def test_an_answer_is_known_with_the_fields_an_sdk_adds_and_without_the_spaces_at_its_ends():
    again = {**A1, "content": " first\n", "refusal": None, "annotations": []}

    assert repeated(talk(U1, A1), sent(U1, again, U2)) == 2


def test_what_is_older_than_the_messages_sent_is_shown():
    history, recalled = talk(U1, A1, U2, A2, first=5), talk(U3, A1)

    older, also, new = going_on(history, recalled, sent(U2, A2, U3), is_known=True)

    assert ([each.number for each in older], also) == ([5, 6], recalled)
    assert [each.tokens for each in new] == [each.tokens for each in sent(U3)]


def test_a_client_that_sends_everything_is_shown_nothing_twice():
    older, also, new = going_on(talk(U2, A2, first=5), talk(U1, A1), sent(U1, A1, U2, A2, U3), is_known=True)

    assert (older, also, len(new)) == ([], [], 1)


def test_a_history_of_its_own_stands_alone():
    older, also, new = going_on(talk(U3, A2), talk(U3), sent(U1, A1, U2), is_known=True)

    assert (older, also, len(new)) == ([], [], 1)


def test_the_first_request_of_a_conversation_is_new_as_a_whole():
    messages = sent(U1, A1, U2)

    assert going_on([], [], messages, is_known=True) == ([], [], messages)
    assert going_on([], [], messages, is_known=False) == ([], [], messages[2:])


def test_hostile_repetition_takes_no_longer():
    stored, messages = [U2, *[U1] * 200], [*[U1] * 150, U3, *[U1] * 350]

    started = time.process_time()
    assert repeated(talk(*stored), sent(*messages)) == 150
    assert time.process_time() - started < 2.0
