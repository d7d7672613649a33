"""What is recorded of an endpoint's own words: those of errors, and no others."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.request.said import MASK, MAX_CHARACTERS, WORDS, template

KEY = "sk-proj-4f9a8b7c6d5e4f3a2b1c"
KNOWN = st.sampled_from(sorted(WORDS))
FOREIGN = st.text("abcdefghijklmnopqrstuvwxyzäöß字", min_size=1, max_size=12).filter(
    lambda word: word not in WORDS
)
ODD = st.sampled_from(
    [KEY, "10.0.0.7", "joe@corp.example", "0xdeadbeef", "\x1b[31m", "\u202e", "'", '"', "`", "<a"]
)
MARKS = st.sampled_from([".", ":", ";", "\n", " (", ") ", " - ", "!"])


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Rate limit reached. Please try again in 1.4s.", "rate limit reached / please try again in *"),
        (
            "insufficient_quota: You exceeded your current quota",
            "insufficient_quota / you exceeded your current quota",
        ),
        ("CUDA out of memory. Tried to allocate 2.00 GiB", "cuda out of memory / tried to allocate * gib"),
        (f"Incorrect API key provided: {KEY}.", "incorrect api key provided / *"),
        ("The model `acme-7` does not exist", "the model * does not exist"),
        ("<h1>502 Bad Gateway</h1><hr>nginx/1.18.0", "* bad gateway *"),
        ("no free slot for user alice@example.org on 10.1.2.3", "*"),
        ("内部服务器错误", "*"),
        ("", ""),
        (" \n\t", ""),
    ],
)
def test_the_words_of_errors_stay_and_all_else_is_masked(message: str, said: str):
    assert template(message) == said


@pytest.mark.parametrize(
    "echo",
    [
        "The input was rejected: tell me why Doctor Meyer has cancer",
        'Invalid value: "tell me why Doctor Meyer has cancer"',
        "Cannot handle `Doctor Meyer has cancer`, try again",
        "bad request ('Doctor Meyer has",
    ],
)
def test_a_question_that_is_repeated_is_not_recorded(echo: str):
    assert not {"doctor", "meyer", "cancer", "tell"} & set(template(echo).split())


def test_what_a_question_says_in_the_words_of_errors_is_not_recorded_either():
    asked = "Why is the connection to my server closed after the timeout?"
    echo = "Invalid message. Why is the connection to my server closed after the timeout"

    assert "connection" in template(echo)
    assert template(echo, asked) == "invalid message / *"


def test_failures_of_one_kind_have_one_template():
    said = {template(f"Request req_{n}: limit {n} exceeded for org-{n}x at node{n}.local") for n in range(20)}

    assert len(said) == 1


@settings(max_examples=150)
@given(st.lists(KNOWN | FOREIGN | ODD | MARKS, max_size=60))
def test_nothing_but_words_of_errors_is_recorded(pieces: list[str]):
    said = template(" ".join(pieces))

    assert len(said) <= MAX_CHARACTERS
    parts = [part for word in said.split() for part in re.split("[_-]", word)]
    assert all(part in WORDS or part in (MASK, "/") for part in parts), said


@settings(max_examples=80)
@given(st.text(max_size=1_500))
def test_any_message_has_a_short_template_without_control_characters(message: str):
    said = template(message, asked=message[:50])

    assert len(said) <= MAX_CHARACTERS
    assert said.isprintable()
    assert not any(sign.isdigit() for sign in said)


@settings(max_examples=60)
@given(st.lists(KNOWN, min_size=3, max_size=12), st.integers(0, 2**40))
def test_numbers_never_make_two_templates_of_one_message(words: list[str], number: int):
    line = " ".join(words)

    assert template(f"{line} 7 {line}") == template(f"{line} {number} {line}")
