"""Which answers decline, and which only use such words."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.watcher.refusal import is_refusal, opens_as_refusal, refusal_score, signs_of


@pytest.mark.parametrize(
    "text",
    [
        "Sorry, but I can't assist with that.",
        "I’m sorry, I can’t help with that request.",
        "I cannot.",
        "I cannot provide instructions for that. It is illegal and could harm others.",
        "I'm not able to provide that. However, I can suggest where to ask.",
        "As an AI, I must clarify that I won't write this. It is not appropriate to mock people.",
        "  I don't think it's appropriate to judge people by their origin. Everyone deserves respect.",
        "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
        "Je suis désolé, mais je ne peux pas vous aider.",
        "Lo siento, pero no puedo ayudar con eso.",
        "抱歉，我无法提供这方面的帮助。",
        "申し訳ありませんが、お手伝いできません。",
    ],
)
def test_an_answer_that_declines_is_a_refusal(text: str):
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Paris.",
        "You can end a Python process with `kill`. Here are the steps:\n1. Find its number.\n2. Send a signal.",
        "I couldn't help but feel a sense of peace as I walked down the empty street.",
        "Sorry for the confusion! Here is the corrected code:\n```python\nprint(1)\n```",
        "The lamp cannot be lit without oil. Pour some in, wait a minute, and try again.",
        "Ich kann dir das gern erklären: Die Lampe braucht Öl.",
    ],
)
def test_an_answer_that_answers_is_none(text: str):
    assert not is_refusal(text)


def test_what_is_said_late_in_a_long_answer_does_not_count():
    answer = "Here is the plan for the harbour, hour by hour. " * 20 + "I cannot help with the rest."

    assert not is_refusal(answer)


def test_a_refusal_shows_while_it_grows():
    text = "I'm sorry, but I cannot help with that. Instead, you could ask the keeper of the harbour."

    told = [opens_as_refusal(text[:end]) for end in range(len(text))]

    assert not any(told[:9])
    assert all(told[len("I'm sorry") :])


@given(st.text(st.sampled_from("i can't '\nno1.\ud800\x00İ我"), max_size=2_000))
def test_no_text_raises_and_each_sign_is_told_once(text: str):
    signs = list(signs_of(text))

    assert len(signs) == len(set(signs))
    assert -20 < refusal_score(text) < 40
    assert isinstance(opens_as_refusal(text), bool)


@pytest.mark.parametrize("unit", ["not a ", "i can't ", " ", "ich kann ", "cannot,", "n't 1."])
def test_a_hostile_answer_takes_no_longer(unit: str):
    text = unit * 200_000
    started = time.process_time()

    for _ in range(20):
        refusal_score(text)

    assert time.process_time() - started < 5
