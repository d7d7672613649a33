"""Fields that are not known: what leaves of them, and what is said of those that do not."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import chunk, deny, policy, request

from guardian_cluster.watcher.unknown import SUSPECT
from guardian_cluster.watcher.watch import Watch

SECRET = "sk-live-4eC39H"
DENY = policy(*deny(SECRET))
DROP = policy(unknown_fields="drop")

FRAMES = {
    "top": lambda value: {**chunk({"content": "hi"}), "more": value},
    "choice": lambda value: chunk({"content": "hi"}, more=value),
    "delta": lambda value: chunk({"content": "hi", "more": value}),
    "nested": lambda value: chunk({"content": "hi", "more": [{"a": [{"b": value}]}]}),
    "listed": lambda value: chunk({"content": "hi", "more": list(value)}),
    "id": lambda value: {**chunk({"content": "hi"}), "id": value},
    "call id": lambda value: chunk({"tool_calls": [{"index": 0, "id": value}]}),
    "name": lambda value: chunk({"content": "hi", value: None}),
    "nested name": lambda value: chunk({"content": "hi", "more": {value: 1}}),
}
"""Chunks with a value at one place; each place is read as one text."""


def left_of(values: list[str], frame: Any, watch: Watch) -> list[str]:
    """Feed the values at a place, one a chunk; return those that leave: a field does as it came, or not at
    all."""
    return [value for value in values if watch.feed([frame(value)]) == [frame(value)]]


def cut(text: str, rng: random.Random) -> list[str]:
    marks = sorted(rng.sample(range(1, len(text)), rng.randint(0, len(text) - 1)))
    return [text[first:after] for first, after in zip([0, *marks], [*marks, len(text)], strict=True)]


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@given(
    st.lists(st.sampled_from([SECRET, "sk-", "k", "-live", "4eC3", "zz"]), max_size=4),
    st.randoms(use_true_random=False),
)
def test_of_a_secret_spread_over_chunks_less_than_a_few_characters_leave(
    frame: Any, around: list[str], rng: random.Random
):
    text = "".join([*around, SECRET, *reversed(around)])
    pieces = cut(text, rng)
    watch = Watch(DENY, request())

    left = [bool(left_of([piece], frame, watch)) for piece in pieces]

    shown = [each for piece, whole in zip(pieces, left, strict=True) for each in [whole] * len(piece)]
    for start in range(len(text)):
        if text.startswith(SECRET, start):
            assert sum(shown[start : start + len(SECRET)]) < SUSPECT


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_what_holds_nothing_leaves_as_it_came(frame: Any):
    watch = Watch(DENY, request())
    for value in ("alpha", "beta", "alpha", "s", "sk", "alpha"):
        assert watch.feed([frame(value)]) == [frame(value)]


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_verdict_holds_nothing_of_what_it_found(frame: Any):
    watch = Watch(DENY, request())

    watch.feed([frame(SECRET)])

    assert ("redact-0", "redact") in [(verdict.rule, verdict.action) for verdict in watch.verdicts]
    assert not any(SECRET[:SUSPECT] in verdict.channel for verdict in watch.verdicts)


def test_a_field_that_recurs_is_recorded_once():
    watch = Watch(DENY, request())

    watch.feed([chunk({"content": f"{n} ", "more": SECRET}) for n in range(50)])

    assert [verdict.channel for verdict in watch.verdicts] == ["message.*"]


def test_a_field_that_ends_like_a_secret_begins_is_withheld():
    watch = Watch(DENY, request())

    watch.feed([chunk({"content": "hi", "more": "x sk-l"})])

    assert [(verdict.detector, verdict.rule) for verdict in watch.verdicts] == [("unknown-field", "withheld")]


def test_two_secrets_that_share_a_piece_are_both_kept():
    watch = Watch(policy(*deny("first-secret", "sk-live-4eC39H")), request())

    left = left_of(["first-secretsk-live-", "4eC39H"], FRAMES["delta"], watch)

    assert left == []


def test_dropping_leaves_what_identifies_an_answer_and_nothing_else():
    watch = Watch(DROP, request())
    sent = {
        **chunk({"content": "hi", "more": "x"}, stop_reason="x"),
        "created": 1,
        "usage": {"n": 1},
        "top": "x",
    }

    left = watch.feed([sent])

    assert left == [{**chunk({"content": "hi"}), "created": 1, "usage": {"n": 1}}]
    assert {verdict.rule for verdict in watch.verdicts} == {"dropped"}


def test_a_server_that_opens_ever_more_places_is_not_heard_any_more():
    watch = Watch(DENY, request())
    for number in range(300):
        watch.feed([chunk({"content": "hi", f"field-{number}": "s"})])

    left = watch.feed([chunk({"content": "hi", "more": "alpha"})])

    assert left == [chunk({"content": "hi"})]


@pytest.mark.parametrize("value", [True, None, 0, 12345678, 1.5, float("inf")])
def test_numbers_pass_where_no_rule_is_one(value: Any):
    assert Watch(DENY, request()).feed([chunk({"content": "hi"}, more=value)]) == [
        chunk({"content": "hi"}, more=value)
    ]


def test_numbers_short_of_a_card_pass_where_a_rule_is_one():
    sent = {**chunk({"content": "hi"}), "created": 1763845200, "usage": {"prompt_tokens": 1234}}

    assert Watch(policy(*deny("1234", "4111111111111111")), request()).feed([sent]) == [sent]


def test_deep_values_with_long_names_are_read_in_linear_time():
    value: Any = "x"
    for _ in range(900):
        value = {"n" * 20_000: [value]}

    assert Watch(DENY, request()).feed([chunk({"content": "hi"}, more=value)])


def test_an_honest_chunk_is_searched_once_and_known_from_then_on():
    sent = {**chunk({"content": "hi"}), "id": "chatcmpl-9aXkq2LmP0vNw", "system_fingerprint": "fp_44709d6fcb"}
    watch = Watch(DENY, request())
    watch.feed([sent])

    class Unsearchable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"searched again: {name}")

    watch._unknown._rules = Unsearchable()  # type: ignore[assignment]

    assert watch.feed([sent]) == [sent]
