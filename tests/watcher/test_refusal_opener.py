"""The beginning of a refusal is found while the answer comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import chunk, policy, request, watched

from guardian_cluster.watcher.refusal import may_open_as_refusal, opens_as_refusal
from guardian_cluster.watcher.refusal_opener import RefusalOpener
from guardian_cluster.watcher.watch import Watch

REFUSAL = "I'm sorry, but I can't help with that request. " + "It would not be safe. " * 20
ANSWER = "The capital of France is Paris. " * 20


def told(text: str, sizes: list[int]) -> int | None:
    opener, at = RefusalOpener(), 0
    for size in [*sizes, len(text)]:
        found = opener.feed(text[at : at + size])
        if found is not None:
            return found
        at += size
    return opener.finish()


@pytest.mark.parametrize("text", [REFUSAL, REFUSAL[:48]])
@given(st.lists(st.integers(1, 40)))
def test_a_refusal_is_found_at_the_same_place_however_it_is_cut(text: str, sizes: list[int]):
    assert told(text, sizes) == min(60, len(text))


@given(st.lists(st.integers(1, 40)))
def test_an_answer_is_no_refusal(sizes: list[int]):
    assert told(ANSWER, sizes) is None


WORDS = (
    "I ",
    "can't ",
    "cannot ",
    "help ",
    "with that. ",
    "Which ",
    "sorry",
    "Es tut mir leid, aber ",
    "désolé, mais ",
)


@given(st.lists(st.sampled_from(WORDS), max_size=20).map("".join), st.integers(0, 240))
def test_no_beginning_declines_where_the_whole_may_not(text: str, size: int):
    assert may_open_as_refusal(text) or not opens_as_refusal(text[:size])


def test_a_refusal_that_comes_late_is_none():
    assert told(ANSWER + REFUSAL, []) is None


@pytest.mark.parametrize(("action", "left"), [("observe", REFUSAL), ("cut", ""), ("redact", REFUSAL)])
def test_what_leaves_of_a_refusal(action: str, left: str):
    pieces = [chunk({"content": REFUSAL[at : at + 5]}) for at in range(0, len(REFUSAL), 5)]

    outcome = watched(policy(on_refusal=action), [*pieces, chunk({}, reason="stop")])

    assert outcome.texts.get((0, ("content",)), "") == left
    assert [rule for rule, *_ in outcome.found if rule != "repetition"] == ["refusal-opener"]


def test_an_answer_is_let_go_once_it_is_known_to_be_none():
    watch = Watch(policy(on_refusal="retry"), request())

    left = [watch.feed([chunk({"content": ANSWER[at : at + 40]})]) for at in range(0, 280, 40)]

    assert [bool(each) for each in left] == [False] * 5 + [True] * 2
