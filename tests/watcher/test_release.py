"""The watcher's promise, for any answer cut in any way: nothing that a rule names leaves, and the cutting changes nothing."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from watched_answers import (
    Channel,
    Client,
    Said,
    Teller,
    decoded,
    expected,
    once_each,
    policy,
    request,
    told_whole,
    watched,
)

from guardian_cluster.contract.snapshot import DenyRule
from guardian_cluster.watcher.watch import Watch

WORDS = ["x", "y", "z", "A", "-", "é", "\U0001f600", "\n", "\\", '"', "u", "n", "0"]
"""Few, so that rules occur, overlap and begin everywhere. None is in `[redacted:...]`."""

SPELLINGS = [*WORDS, "\\u0041", "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "\\n", "\\\\", '\\"', "\\u00"]
"""The same as JSON may write them, and halves of it."""

CHANNELS: list[Channel] = [
    ("content",),
    ("reasoning_content",),
    ("reasoning",),
    ("refusal",),
    ("tool_calls", 0, "function", "name"),
    ("tool_calls", 0, "function", "arguments"),
    ("tool_calls", 1, "function", "arguments"),
    ("tool_calls", 2, "custom", "input"),
    ("function_call", "name"),
    ("function_call", "arguments"),
    ("audio", "transcript"),
]

any_action = st.sampled_from(["observe", "redact", "redact", "cut", "retry"])
gentle_action = st.sampled_from(["observe", "redact"])
texts = st.lists(st.sampled_from(SPELLINGS), max_size=25).map("".join)
sayings = st.lists(st.tuples(st.sampled_from(CHANNELS), texts), max_size=6)


def rules(action: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[DenyRule, ...]]:
    words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map("".join)
    pairs = st.lists(st.tuples(words, action), min_size=1, max_size=5, unique_by=lambda pair: pair[0])
    return pairs.map(lambda each: tuple(map(_rule, "kglop", each)))


def _rule(name: str, pair: tuple[str, str]) -> DenyRule:
    return DenyRule(name=name, text=pair[0], action=pair[1])  # type: ignore[arg-type]


@given(sayings, rules(any_action), st.randoms(use_true_random=False))
def test_what_leaves_is_what_an_oracle_leaves_however_the_answer_is_cut(
    said: Said, denied: tuple[DenyRule, ...], rng: random.Random
):
    said = once_each(said)
    oracles = expected(said, denied)

    outcome = watched(policy(*denied), Teller(rng).stream({0: said}))

    assert outcome.texts == {(0, oracle.channel): oracle.released for oracle in oracles if oracle.released}
