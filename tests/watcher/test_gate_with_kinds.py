"""The release gate's promise with every kind of rule on at once, and for whole answers in every channel."""

import json
import random
import re
from typing import Any

import pytest
from gate_cases import CHECKS, CORPUS, POLICIES, Case, cases, check_cutting, corpus, left_of, policy, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from test_release import CHANNELS
from watched_answers import Client, Said, Teller, chunk, in_objects, once_each, request, told_whole, watched

from benchmarks.sets import secrets
from benchmarks.sets.leaks import leak
from benchmarks.sets.streams import streams
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.watcher.watch import Watch

KEPT = corpus()
MARK = re.compile(r"\[redacted:[a-z0-9_-]{1,64}\]")
ANSWERS = (
    "First, open the door.\nThen look around: is there a cat? 1 of 4 has one. ```sh\nls -l\n``` Ask acme.",
    "No.\n\nYes, in 2024 — “maybe”. Grüße 1 and 01 23 45 are what the password of canary-7Q is not.",
)

TOLD_BY_WORDS = ("mailgun-key", "telegram-bot-token", "twilio-account")
"""Kinds of the generator that are no secret to the watcher without a word that says so."""

sayings = st.lists(st.tuples(st.sampled_from(CHANNELS), texts(4)), max_size=4)
tokens = st.lists(texts(1).map(lambda text: text[:24]), min_size=1, max_size=24)


@given(cases())
def test_the_cutting_changes_nothing(case: Case):
    check_cutting(case)


@pytest.mark.parametrize(("name", "case"), KEPT, ids=[name for name, _ in KEPT])
def test_what_fuzzing_found_once_stays_mended(name: str, case: Case):
    for check in CHECKS:
        check(case)


def test_the_corpus_is_kept():
    assert len(KEPT) == len(list(CORPUS.iterdir())) >= 10


@given(cases())
def test_what_has_left_is_a_beginning_of_what_leaves_however_else_it_is_cut(case: Case):
    whole = "".join(left_of(case, [case.text])[0])
    so_far = ""

    for piece in left_of(case, case.pieces())[0]:
        so_far += piece

        assert whole.startswith(so_far)


@given(cases())
@settings(max_examples=50)
def test_every_check_of_the_fuzzer_holds(case: Case):
    for check in CHECKS:
        check(case)


def test_nothing_of_a_planted_secret_leaves_with_every_kind_of_rule_on():
    kinds, rng = [kind for kind in secrets.by_hand() if kind.name not in TOLD_BY_WORDS], random.Random(31)
    for stream in streams(kinds, ANSWERS, 4 * len(kinds), rng):
        watch = Watch(policy("redact"), ChatRequest(model="m", messages=[], n=4))

        left = [sent for each in stream.chunks for sent in watch.feed([dict(each)])]

        assert leak(left, stream, MARK).beyond_marker == 0, (stream.kind, stream.channel, stream.chunking)


@given(sayings, st.sampled_from(POLICIES), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_a_stream_leaves_and_finds_what_the_whole_answer_does(said: Said, name: str, rng: random.Random):
    said = in_objects(once_each(said))

    streamed = watched(policy(name), Teller(rng).stream({0: said}))
    at_once = watched(policy(name), [told_whole({0: said})])

    assert (streamed.texts, streamed.reasons) == (at_once.texts, at_once.reasons)
    assert streamed.found == at_once.found


@given(sayings, st.sampled_from(POLICIES), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_a_stream_is_given_no_end_before_the_model_or_a_rule_ends_it(
    said: Said, name: str, rng: random.Random
):
    watch, client = Watch(policy(name), request()), Client()

    for each in Teller(rng).stream({0: said})[:-1]:  # all but the end
        client.read(watch.feed([each]))

    assert set(client.reasons.values()) <= {"content_filter"}
    assert watch.complete == bool(client.reasons)


def entry(token: str) -> dict[str, Any]:
    octets = list(token.encode("utf-8", "replace"))
    return {
        "token": token,
        "logprob": -1.5,
        "bytes": octets,
        "top_logprobs": [{"token": "the", "logprob": -4.5}],
    }


def left_of_tokens(spelled: list[str], sizes: list[int]) -> tuple[list[dict[str, Any]], set[tuple[str, int]]]:
    """Pass tokens through a watch, so many of them to a chunk; return the entries that left, and what was found."""
    watch, left, at = Watch(policy("redact"), request()), list[dict[str, Any]](), 0
    while at < len(spelled):
        size = sizes[at % len(sizes)]
        logprobs = {"content": [entry(token) for token in spelled[at : at + size]]}
        at += size
        for each in watch.feed([chunk({"content": ""}, logprobs=logprobs)]):
            left += (each["choices"][0].get("logprobs") or {}).get("content") or ()
    for each in watch.feed([chunk({}, reason="stop")]):
        left += (each["choices"][0].get("logprobs") or {}).get("content") or ()
    return left, {(verdict.rule, verdict.position) for verdict in watch.verdicts}


@given(tokens, st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_the_tokens_that_leave_are_the_same_however_they_come(spelled: list[str], sizes: list[int]):
    come, at_once = (left_of_tokens(spelled, each) for each in (sizes, [len(spelled)]))

    assert come == at_once


@given(
    st.sampled_from(["hk_a1B2c3D4e5F6", "4111 1111 1111 1111", "Project Nightjar"]), tokens, st.integers(1, 4)
)
def test_no_token_of_what_must_not_leave_does(secret: str, spelled: list[str], size: int):
    pieces = [secret[at : at + size] for at in range(0, len(secret), size)]

    left, _ = left_of_tokens([*spelled, "\n", *pieces, "\n", *spelled], [3])

    assert secret not in "".join(each["token"] for each in left)


def told(found: Any) -> str:
    return json.dumps([[each.detector, each.rule, each.channel, each.action] for each in found])


@given(st.integers(0, 2**32))
@settings(max_examples=40)
def test_no_verdict_holds_what_was_found(seed: int):
    rng = random.Random(seed)
    stream = next(iter(streams([rng.choice(secrets.by_hand())], ANSWERS, 1, rng)))
    watch = Watch(policy("mixed"), ChatRequest(model="m", messages=[], n=4))

    for each in stream.chunks:
        watch.feed([dict(each)])

    core = stream.secret[stream.head : len(stream.secret) - stream.tail]
    assert core not in told(watch.verdicts)
    assert core not in repr(watch.verdicts)
