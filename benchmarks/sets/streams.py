"""Streams of a model's answer in which one secret is hidden: in any channel, cut anywhere, among other choices.

What of a secret has left is counted by `benchmarks.sets.leaks`.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, get_args

from benchmarks.sets.leaks import Leak, leak, leaked
from benchmarks.sets.secrets import Kind, Planted

__all__ = ["CHANNELS", "CHUNKINGS", "Leak", "Stream", "cut", "leak", "leaked", "stream", "streams"]

Chunking = Literal["1", "1-8", "1-40", "words", "whole"]
Channel = Literal[
    "content",
    "reasoning_content",
    "refusal",
    "tool_arguments",
    "function_arguments",
    "choices",
    "logprobs",
    "message",
]
CHUNKINGS: tuple[Chunking, ...] = get_args(Chunking)
CHANNELS: tuple[Channel, ...] = get_args(Channel)
WITHIN: tuple[Channel, ...] = (
    "content",
    "reasoning_content",
    "refusal",
    "tool_arguments",
    "function_arguments",
    "logprobs",
)
"""Channels that a whole answer (`message`) may have it in."""

MAX_ANSWER = 1200
"""Characters of an answer around a secret: whole ones would spend the time on text that has no part in the matter."""
_SIZES = {"1": (1, 1), "1-8": (1, 8), "1-40": (1, 40)}
_TOKEN = re.compile(r" ?[A-Za-z]{1,7}|\d{1,3}|\s+|.", re.DOTALL)
_LOGPROB_TOKEN = re.compile(r" ?\w{1,4}|.", re.DOTALL)
_FENCE = {"id": "chatcmpl-9f2", "created": 1_754_000_000, "model": "guarded"}
_ARGUMENTS = ("tool_arguments", "function_arguments")
_PLACES = ("begin", "end", "within", "within", "within", "within", "within", "within")
"""Where the secret is planted: every eighth first of all, every eighth last."""


@dataclass(frozen=True)
class Stream:
    """Chunks of one answer, as an upstream sends them, and the secret in them."""

    kind: str
    channel: Channel
    chunking: Chunking
    chunks: Sequence[Mapping[str, Any]]
    """`chat.completion.chunk` objects; of the channel `message` one `chat.completion` object."""
    secret: str
    head: int
    """Characters at the beginning of the secret that all of its kind have."""
    tail: int
    before: str
    """What a reader of the channel has before the secret; in arguments freed of escapes, with the names before it."""
    innocent: str
    """All texts of the answer without the secret, and what all of its kind have in them, one after the other."""


@dataclass
class _Lane:
    """One text of an answer: a channel of a choice, a call of a tool."""

    choice: int
    channel: Channel
    wire: str
    """As it is sent: arguments with JSON's escapes."""
    call: int = 0


def streams(of: Sequence[Kind], answers: Sequence[str], count: int, rng: random.Random) -> Iterator[Stream]:
    """Yield streams, of each kind as many; each kind goes through every channel with every chunking."""
    ways = list(product(CHANNELS, CHUNKINGS))
    for number in range(count):
        round_, place = divmod(number, len(of))
        channel, chunking = ways[(round_ + place) % len(ways)]
        kind = of[place]
        yield stream(kind.name, kind.sample(rng), answers, channel, chunking, rng)


def stream(
    kind: str,
    planted: Planted,
    answers: Sequence[str],
    channel: Channel,
    chunking: Chunking,
    rng: random.Random,
) -> Stream:
    """Return one stream with one secret in one of the answers."""
    left, right = _embedded(planted, rng.choice(answers)[:MAX_ANSWER], rng)
    inside = channel if channel in WITHIN else rng.choice(WITHIN) if channel == "message" else "content"
    choices = rng.randint(2, 4) if channel == "choices" else rng.randint(1, 2) if channel == "message" else 1
    where = rng.randrange(choices)
    others = [rng.choice(answers)[:MAX_ANSWER] for _ in range(choices - 1)]
    lanes = [_Lane(choice, "content", others.pop()) for choice in range(choices) if choice != where]
    innocents = [lane.wire for lane in lanes]
    wire, preface = left + planted.secret + right, ""
    if inside in _ARGUMENTS:
        wire, preface = _arguments(wire, rng)
    hiding = _Lane(where, inside, wire)
    lanes.append(hiding)
    if inside == "tool_arguments" and rng.random() < 0.3:
        hiding.call = rng.randrange(2)
        innocents.append(rng.choice(answers)[:200])
        lanes.append(_Lane(where, inside, _arguments(innocents[-1], rng)[0], call=1 - hiding.call))
    chunks = [_whole(lanes, rng)] if channel == "message" else _chunks(lanes, chunking, rng)
    return Stream(
        kind=kind,
        channel=channel,
        chunking=chunking,
        chunks=chunks,
        secret=planted.secret,
        head=planted.head,
        tail=planted.tail,
        before=preface + left,
        innocent="\0".join((preface + left, right, *innocents, *planted.written)),
    )


def _embedded(planted: Planted, answer: str, rng: random.Random) -> tuple[str, str]:
    """Return what stands before and after the secret when it is planted between two words of an answer."""
    place = rng.choice(_PLACES)
    breaks = [match.start() for match in re.finditer(r"\s", answer)] or [len(answer)]
    at = {"begin": 0, "end": len(answer)}.get(place, rng.choice(breaks))
    before, after = answer[:at], answer[at:]
    lines = "\n" in planted.text or rng.random() < 0.5
    space = "\n" if lines else " "
    left = before + space * bool(before) + planted.text_before
    return left, planted.text_after + space * bool(after) + after


def _arguments(text: str, rng: random.Random) -> tuple[str, str]:
    """Return arguments of a tool with a text in them, and what a reader has before the text."""
    dumped = json.dumps(text, ensure_ascii=rng.random() < 0.5)[1:-1]
    if rng.random() < 0.5:
        dumped = _escaped(dumped, rng)
    preface = rng.choice(
        ('{"text": "', '{"path":"notes.md","content":"', '{"to": ["a@b.example"], "body": "')
    )
    return preface + dumped + rng.choice(('"}', '", "overwrite": true}')), preface


def _escaped(dumped: str, rng: random.Random) -> str:
    """Return the inside of a JSON string with some more characters written as `\\uXXXX` or `\\/`."""
    share = rng.choice((0.03, 0.3, 1.0))

    def one(match: re.Match[str]) -> str:
        character = match[0]
        if len(character) > 1 or ord(character) > 0xFFFF or rng.random() >= share:
            return character
        if character == "/" and rng.random() < 0.5:
            return "\\/"
        code = f"{ord(character):04x}"
        return "\\u" + (code if rng.random() < 0.5 else code.upper())

    return re.sub(r"\\u[0-9a-f]{4}|\\.|.", one, dumped, flags=re.DOTALL)


def cut(text: str, chunking: Chunking, rng: random.Random) -> list[str]:
    """Return a text in pieces. They are never empty; put together they are the text."""
    if chunking == "whole":
        return [text] if text else []
    if chunking == "words":
        return _TOKEN.findall(text)
    if chunking == "1":
        return list(text)
    pieces: list[str] = []
    at = 0
    while at < len(text):
        size = rng.randint(*_SIZES[chunking])
        pieces.append(text[at : at + size])
        at += size
    return pieces


def _chunks(lanes: Sequence[_Lane], chunking: Chunking, rng: random.Random) -> list[Mapping[str, Any]]:
    """Return the chunks of all texts, mixed with one another, each in its own order."""
    waiting = [(lane, iter(cut(lane.wire, chunking, rng))) for lane in lanes]
    choices = sorted({lane.choice for lane in lanes})
    chunks = [_chunk([_choice(choice, {"role": "assistant", "content": ""}) for choice in choices])]
    chunks += [_chunk([_choice(lane.choice, opened)]) for lane in lanes if (opened := _opened(lane))]
    while waiting:
        turn = rng.randrange(len(waiting)) if len(waiting) > 1 else 0
        lane, pieces = waiting[turn]
        piece = next(pieces, None)
        if piece is None:
            del waiting[turn]
        else:
            chunks.append(_chunk([_choice(lane.choice, _delta(lane, piece), _logprobs(lane, piece, rng))]))
    ends = {lane.choice: _finish(lane) for lane in lanes}
    return [
        *chunks,
        *(_chunk([_choice(choice, {}, reason=reason)]) for choice, reason in sorted(ends.items())),
    ]


def _chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {**_FENCE, "object": "chat.completion.chunk", "choices": choices}


def _choice(
    choice: int, delta: dict[str, Any], logprobs: dict[str, Any] | None = None, reason: str | None = None
) -> dict[str, Any]:
    told = {} if logprobs is None else {"logprobs": logprobs}
    return {"index": choice, "delta": delta, **told, "finish_reason": reason}


def _opened(lane: _Lane) -> dict[str, Any] | None:
    """Return the delta that says which tool is called."""
    if lane.channel == "tool_arguments":
        function = {"name": "write_file", "arguments": ""}
        return {
            "tool_calls": [
                {"index": lane.call, "id": f"call_{lane.call}", "type": "function", "function": function}
            ]
        }
    return (
        {"function_call": {"name": "write_file", "arguments": ""}}
        if lane.channel == "function_arguments"
        else None
    )


def _delta(lane: _Lane, text: str) -> dict[str, Any]:
    if lane.channel == "tool_arguments":
        return {"tool_calls": [{"index": lane.call, "function": {"arguments": text}}]}
    if lane.channel == "function_arguments":
        return {"function_call": {"arguments": text}}
    return {"content" if lane.channel == "logprobs" else lane.channel: text}


def _logprobs(lane: _Lane, text: str, rng: random.Random) -> dict[str, Any] | None:
    """Return the tokens of a text with their bytes, and for each the token itself and another as alternatives."""
    if lane.channel != "logprobs":
        return None
    tokens = [_token(token, -rng.random()) for token in _LOGPROB_TOKEN.findall(text)]
    told = [{**token, "top_logprobs": [token, _token("the", -3.5)]} for token in tokens]
    return {"content": told, "refusal": None}


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode(errors="surrogatepass"))}


def _finish(lane: _Lane) -> str:
    return {"tool_arguments": "tool_calls", "function_arguments": "function_call"}.get(lane.channel, "stop")


def _whole(lanes: Sequence[_Lane], rng: random.Random) -> dict[str, Any]:
    """Return the answer in one piece."""
    choices: dict[int, dict[str, Any]] = {}
    for lane in sorted(lanes, key=lambda lane: (lane.choice, lane.call)):
        message = {"role": "assistant", "content": None}
        choice = choices.setdefault(lane.choice, {"index": lane.choice, "message": message})
        calls = choice["message"].get("tool_calls", [])
        opened, delta = _opened(lane) or {}, _delta(lane, lane.wire)
        if lane.channel == "tool_arguments":
            call = {key: value for key, value in opened["tool_calls"][0].items() if key != "index"}
            function = {**call["function"], "arguments": lane.wire}
            delta = {"tool_calls": [*calls, {**call, "function": function}]}
        elif lane.channel == "function_arguments":
            delta = {"function_call": {**opened["function_call"], "arguments": lane.wire}}
        choice["message"] |= delta
        choice |= {"logprobs": _logprobs(lane, lane.wire, rng), "finish_reason": _finish(lane)}
    return {**_FENCE, "object": "chat.completion", "choices": [choices[number] for number in sorted(choices)]}
