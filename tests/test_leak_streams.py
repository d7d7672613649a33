"""The streams of the leak benchmark hold their secret once, and what has left of it is counted as it says."""

import random
import re
import sys
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks.sets import secrets
from benchmarks.sets.leaks import Leak, leak, leaked, readings
from benchmarks.sets.secrets import Planted
from benchmarks.sets.streams import CHANNELS, CHUNKINGS, Channel, Chunking, Stream, cut, stream, streams

ANSWERS = (
    "First, open the door.\nThen look around: is there a cat? 1 of 4 has one.",
    "No.\n\nYes, in 2024 — “maybe”.",
)
PLANTED = Planted('key = "', "ghp_Ab3dEf6hIj9lMn2pQr5t", '"', head=4, tail=0, written=("ghp_",))


@cache
def some() -> tuple[Stream, ...]:
    of = secrets.by_hand()
    return tuple(streams(of, ANSWERS, 6 * len(of), random.Random(3)))


def content(text: str) -> list[Mapping[str, Any]]:
    return [{"choices": [{"index": 0, "delta": {"content": text}}]}]


def planted(channel: Channel = "content", chunking: Chunking = "1-8", seed: int = 1) -> Stream:
    return stream("github", PLANTED, ANSWERS, channel, chunking, random.Random(seed))


def after(of: Stream) -> str:
    return of.innocent.split("\0")[1]


def test_every_channel_and_chunking_is_used():
    assert {(each.channel, each.chunking) for each in some()} == set(product(CHANNELS, CHUNKINGS))


def test_the_whole_secret_is_in_every_stream_and_what_is_beyond_its_marker():
    wanted = [Leak(len(each.secret), len(each.secret) - each.head - each.tail) for each in some()]

    assert [leak(each.chunks, each) for each in some()] == wanted


def test_the_answer_around_a_secret_is_no_leak():
    assert [each.kind for each in some() if leaked(content(each.before + "[…]" + after(each)), each)] == []


@pytest.mark.parametrize("length", range(3, len(PLANTED.secret) + 1))
def test_a_beginning_counts_from_its_third_character(length: int):
    of = planted()

    told = leak(content(of.before + of.secret[:length] + "[…]" + after(of)), of)

    assert told == Leak(length, max(length - 4, 0))


@pytest.mark.parametrize(
    ("shown", "characters"), [("3dE", 0), ("3dEf", 4), ("3dEf6h", 6), ("ghp_", 0), ("p_Ab", 4)]
)
def test_a_part_counts_from_four_characters_that_are_not_all_everybodys(shown: str, characters: int):
    of = planted()

    assert leaked(content(f"{of.before}#{shown}#"), of) == characters


def test_what_the_answer_has_itself_is_no_leak():
    dated = Planted("", "x92024b7k1", "", head=0, tail=0, written=())
    of = stream("dated", dated, ANSWERS[1:], "content", "1", random.Random(1))

    assert leaked(content(of.before + "#" + after(of)), of) == 0
    assert leaked(content(of.before + "#2024#" + after(of)), of) == 4


def test_what_was_put_in_place_of_a_secret_is_not_read_where_its_form_is_told():
    of = planted()
    put = content(of.before + "[3dEf6h]" + after(of))

    assert (leaked(put, of), leaked(put, of, re.compile(r"\[\w+\]"))) == (6, 0)


@pytest.mark.parametrize("channel", ["tool_arguments", "function_arguments"])
def test_arguments_are_read_without_their_escapes_also_where_they_are_cut(channel: Channel):
    for seed in range(8):
        of = planted(channel, "1", seed)
        told = [leaked(of.chunks[:end], of) for end in range(0, len(of.chunks), 5)]

        assert told == sorted(
            told
        )  # the more has left, the more has leaked: an escape cut short hides nothing
        assert told[0] == 0 < leaked(of.chunks, of) == len(of.secret)


@pytest.mark.parametrize("kept", ["content", "token", "bytes"])
def test_each_of_content_tokens_and_bytes_is_a_leak_alone(kept: str):
    of = planted("logprobs")
    chosen = [path for path in readings(of.chunks) if path[-1] == kept and "top_logprobs" not in path]

    assert len(chosen) == 1
    assert of.secret in readings(of.chunks)[chosen[0]]


def test_a_field_that_nobody_knows_is_read_too():
    of = planted()
    odd = [{"choices": [{"index": 0, "delta": {"audio": {"transcript": piece}}}]} for piece in of.secret]

    assert leaked(odd, of) == len(of.secret)


def test_choices_are_read_apart():
    of = planted()
    mixed = [
        {"choices": [{"index": number % 2, "delta": {"content": piece}}]}
        for number, piece in enumerate(of.secret)
    ]

    assert leaked(mixed, of) == 0


@given(st.text(max_size=200), st.sampled_from(CHUNKINGS), st.integers())
@settings(max_examples=50)
def test_pieces_are_the_text_and_none_is_empty(text: str, chunking: Chunking, seed: int):
    pieces = cut(text, chunking, random.Random(seed))

    assert "".join(pieces) == text
    assert all(pieces)


def test_streams_are_the_same_for_the_same_seed():
    again = tuple(streams(secrets.by_hand(), ANSWERS, 40, random.Random(3)))

    assert again == some()[:40]
