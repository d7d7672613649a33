"""The watcher's promise, for any answer cut in any way: nothing that a rule names leaves, and the cutting
changes nothing."""

import copy
import gc
import json
import random
import sys
from types import FunctionType, ModuleType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from watched_answers import (
    Channel,
    Client,
    Said,
    Teller,
    chunk,
    decoded,
    deny,
    expected,
    in_objects,
    once_each,
    policy,
    request,
    told_whole,
    watched,
)

from guardian_cluster.contract.snapshot import DenyRule
from guardian_cluster.watcher.harmless import HarmlessTexts
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.scanner import RuleSet
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
    stopped = any(oracle.stop is not None for oracle in oracles)
    assert outcome.reasons == {0: "content_filter" if stopped else "stop"}


@given(sayings, rules(any_action), st.randoms(use_true_random=False))
def test_findings_and_their_places_are_an_oracles_however_the_answer_is_cut(
    said: Said, denied: tuple[DenyRule, ...], rng: random.Random
):
    said = once_each(said)
    hits = {
        (rule, ".".join(map(str, each.channel)), at)
        for each in expected(said, denied)
        for rule, at in each.hits
    }

    outcome = watched(policy(*denied), Teller(rng).stream({0: said}))

    assert {(rule, channel, at) for rule, _, channel, _, at in outcome.found if rule != "empty"} == hits


@given(sayings, rules(any_action), st.randoms(use_true_random=False))
def test_a_stream_leaves_and_finds_what_the_whole_answer_does(
    said: Said, denied: tuple[DenyRule, ...], rng: random.Random
):
    said = in_objects(once_each(said))

    streamed = watched(policy(*denied), Teller(rng).stream({0: said}))
    at_once = watched(policy(*denied), [told_whole({0: said})])

    assert (streamed.texts, streamed.reasons, streamed.found) == (
        at_once.texts,
        at_once.reasons,
        at_once.found,
    )


@given(st.lists(sayings, min_size=2, max_size=4), rules(gentle_action), st.randoms(use_true_random=False))
def test_choices_that_mix_their_channels_leave_what_they_leave_alone(
    sayings_of: list[Said], denied: tuple[DenyRule, ...], rng: random.Random
):
    script = {
        index: [(channel, text) for channel, text in said if text] for index, said in enumerate(sayings_of)
    }

    mixed = watched(policy(*denied), Teller(rng).stream(script), n=len(script))

    alone = [watched(policy(*denied), [told_whole({index: said})]) for index, said in script.items()]
    assert mixed.texts == {place: text for each in alone for place, text in each.texts.items()}
    found = {finding for each in alone for finding in each.found}
    if any(script.values()):  # an empty choice is noted, and the answer is not empty for it
        found = {(rule, "observe" if rule == "empty" else action, *at) for rule, action, *at in found}
    assert mixed.found == found


@given(sayings, rules(any_action), st.randoms(use_true_random=False))
def test_no_rules_text_is_in_anything_that_leaves(
    said: Said, denied: tuple[DenyRule, ...], rng: random.Random
):
    chunks = Teller(rng).stream({0: said})  # channels mixed, and rules that cut

    outcome = watched(policy(*denied), chunks)

    for (_, channel), text in outcome.texts.items():
        for rule in denied:
            assert rule.action == "observe" or rule.text not in text
            assert rule.action == "observe" or rule.text not in decoded(text, channel)


@given(sayings, rules(any_action), st.randoms(use_true_random=False))
def test_at_no_moment_has_more_left_than_will_have_left_at_the_end(
    said: Said, denied: tuple[DenyRule, ...], rng: random.Random
):
    said = once_each(said)
    final = {(0, oracle.channel): oracle.released for oracle in expected(said, denied)}
    watch, client = Watch(policy(*denied), request()), Client()

    for each in Teller(rng).stream({0: said}):
        client.read(watch.feed([each]))

        assert all(final[place].startswith(text) for place, text in client.texts.items())


@given(st.lists(sayings, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_without_rules_an_answer_passes_object_for_object(sayings_of: list[Said], rng: random.Random):
    script = {
        index: once_each([each for each in said if each[0][0] != "tool_calls"])
        for index, said in enumerate(sayings_of)
    }
    for answer in ([told_whole(script)], Teller(rng).stream(script)):
        sent = copy.deepcopy(answer)

        left = Watch(policy(), request(n=len(script))).feed(answer)

        assert left == sent
        assert all(one is other for one, other in zip(left, answer, strict=True))


@given(st.text("abcdefghij ", max_size=200), st.integers(2, 12), st.randoms(use_true_random=False))
def test_what_is_held_is_shorter_than_the_longest_rule(text: str, longest: int, rng: random.Random):
    compiled = policy(*deny("abcdefghijklm"[:longest], "bb", "hij k"))
    watch = Watch(compiled, request())
    fed = left = 0

    for piece in Teller(rng).cut(text):
        fed += len(piece)
        for each in watch.feed([chunk({"content": piece})]):
            left += len(each["choices"][0]["delta"]["content"].replace("[redacted:redact-0]", "x" * longest))

        if not watch.verdicts:
            assert fed - left < max(longest, 5)


pieces = st.sampled_from(["x", "y", "z", "-", "é", '"', "\\", "\n", "\U0001f600", " "])
strings = st.lists(pieces, max_size=12).map("".join)
fields = st.dictionaries(strings, strings, max_size=3)
denied_texts = st.lists(
    st.sampled_from(["x", "xy", "é-", "zz", "\n", "\U0001f600", "yxy"]), min_size=1, max_size=3, unique=True
)


@given(
    fields,
    denied_texts,
    st.randoms(use_true_random=False),
)
def test_redacted_arguments_are_json_whose_strings_hold_no_rule(
    arguments: dict[str, str], texts_denied: list[str], rng: random.Random
):
    spelled = escaped_at_random(json.dumps(arguments, ensure_ascii=rng.random() < 0.5), rng)
    said: Said = [(("tool_calls", 0, "function", "arguments"), spelled)]
    compiled = policy(*deny(*texts_denied))

    left = json.loads(watched(compiled, Teller(rng).stream({0: said})).said(*said[0][0]))

    for rule in compiled.rules.exact.rules:
        assert not any(rule.text in text for field in left.items() for text in field)
        assert len(left) <= len(arguments)


def escaped_at_random(document: str, rng: random.Random) -> str:
    """Write some letters of a JSON document's strings as escapes."""
    return "".join(
        f"\\u{ord(each):04x}" if each in "xyz-" and rng.random() < 0.3 else each for each in document
    )


def hostile(number: int) -> dict[str, Any]:
    """Return a chunk of a server that wants us to remember as much as it can think of."""
    token = {
        "token": "",
        "bytes": [],
        f"n{number}": "k",
        "top_logprobs": [{"token": f"k{number}"}, {"token": "k"}],
    }
    call = {"index": number, "id": f"k{number}", "function": {"name": "k" * 9, "arguments": "\\ud83d"}}
    delta = {
        "content": f"krypton {number} k",
        f"field{number}": "k",
        "tool_calls": [call],
        "reasoning_details": [{f"x{number}": {"y": "k"}}],
    }
    part = chunk(delta, index=number % 3, logprobs={"content": [token]}, **{f"c{number}": "k"})
    return {**part, f"top{number}": "k"}


SHARED = (type, FunctionType, ModuleType, CompiledPolicy, RuleSet, HarmlessTexts)
"""What all watches have in common."""


def footprint(watch: Watch) -> int:
    """Return the bytes that a watch holds on to, its policy not counted."""
    seen: dict[int, Any] = {}
    waiting: list[Any] = [watch]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen and not isinstance(each, SHARED):
            seen[id(each)] = each
            waiting += gc.get_referents(each)
    return sum(map(sys.getsizeof, seen.values()))


def test_what_a_watch_remembers_is_bounded():
    watch = Watch(policy(*deny("krypton", "kk")), request(n=128))

    for number in range(4_000):
        watch.feed([hostile(number)])
    early = footprint(watch)
    for number in range(4_000, 6_000):
        watch.feed([hostile(number)])

    assert footprint(watch) < 1.05 * early < 5_000_000
