"""Rehearses an answer: a text as a stream through the watch that answers pass, for what leaves and what it costs."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.domain.verdict import MonitoringReport
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.schema import FormatCheck
from guardian_cluster.watcher.watch import Watch

CHUNK = 4
"""Characters of a chunk: about a token."""

MEASURED = 200_000
"""Characters that come in such chunks, 1 to 2 s of work. What follows comes in larger ones, which changes nothing of
what is found."""

_LARGE = 2_048
_ROUNDS = 20
_CHUNKS_MEASURED = 20_000
"""Chunks after which a short text is streamed no more again to measure its cost: a single pass is mostly noise."""


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the text where it is a streamed answer."""

    leaves: str
    """All of it that leaves."""
    finish_reason: str
    """`content_filter` where the policy ends it."""
    retry_wanted: bool
    """Whether another answer is asked for, as long as nothing has left."""
    ended_at: int | None
    """Where the policy ends it; `None` where it does not."""
    held_most: int
    """Characters that are held back at most, at any moment."""
    chunks: int
    """That were measured."""
    us_per_chunk: float
    """Processor time, in microseconds: the least of several streams."""


class Passed(NamedTuple):
    """What a watch made of a text."""

    report: MonitoringReport
    before_end: int
    """How many of its verdicts it had before the answer's end."""


class Rehearsal:
    """Streams texts as answers to one request, by one policy."""

    def __init__(self, compiled: CompiledPolicy, request: ChatRequest) -> None:
        self._compiled = compiled
        self._request = request

    def passed(self, text: str) -> Passed:
        """Return what a watch makes of a text; it comes in large pieces, which changes nothing of what is found."""
        watch = self._watch()
        scores = watch.score(lambda: self._request.messages)
        for chunk in (*map(_chunk, _large(text)), _chunk("", "stop")):
            released = watch.feed([chunk])
            if scores is not None:
                scores.take(released)
        before_end = len(watch.verdicts)
        return Passed(watch.finish(may_retry=False), before_end)

    def streamed(self, text: str, timer: Callable[[], float]) -> Streamed:
        """Return what becomes of a stream; `timer` tells the processor time in seconds."""
        chunks, watch = _small(text[:MEASURED]), self._watch()
        out = [_words(watch.feed([_chunk(piece)])) for piece in (*chunks, *_large(text[MEASURED:]))]
        out.append(_words(watch.feed([_chunk("", "stop")])))
        report = watch.finish(may_retry=not watch.said_something)
        ends = [verdict.position for verdict in report.verdicts if verdict.action in ("cut", "retry")]
        return Streamed(
            leaves="".join(out),
            finish_reason=watch.finish_reason or "stop",
            retry_wanted=watch.retry_wanted,
            ended_at=max(ends, default=None) if report.tripped else None,
            held_most=self._held_most(chunks),
            chunks=len(chunks),
            us_per_chunk=1e6 * self._least_seconds(chunks, timer) / len(chunks),
        )

    def _watch(self) -> Watch:
        return Watch(self._compiled, self._request)

    def _held_most(self, chunks: Sequence[str]) -> int:
        """Return how much is held back at most.

        Once a mark stands in a text's place, what has left no longer tells; from there on the rules' own gate does.
        """
        watch, gate = self._watch(), Gate(self._compiled.rules, escaped=_wants_json(self._request))
        most = fed = left = 0
        for piece in chunks:
            gate.feed(piece)
            left += len(_words(watch.feed([_chunk(piece)])))
            if gate.stop is not None or watch.done:
                break
            fed += len(piece)
            unchanged = all(verdict.action == "observe" for verdict in watch.verdicts)
            most = max(most, fed - gate.settled, fed - left if unchanged else 0)
        return most

    def _least_seconds(self, chunks: Sequence[str], timer: Callable[[], float]) -> float:
        """Return what a stream costs: the quickest of several, for other programs disturb them."""
        rounds = max(1, min(_ROUNDS, _CHUNKS_MEASURED // len(chunks)))
        return min(self._seconds(chunks, timer) for _ in range(rounds))

    def _seconds(self, chunks: Sequence[str], timer: Callable[[], float]) -> float:
        watch, batches = self._watch(), [[_chunk(piece)] for piece in chunks]
        begun = timer()
        for batch in batches:
            watch.feed(batch)
        return timer() - begun


def _wants_json(request: ChatRequest) -> bool:
    return request.response_format is not None and FormatCheck(request.response_format).must_be_json


def _small(text: str) -> list[str]:
    return [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]


def _large(text: str) -> list[str]:
    return [text[at : at + _LARGE] for at in range(0, len(text), _LARGE)]


def _chunk(text: str, finish_reason: str | None = None) -> Chunk:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": finish_reason}
    head = {"id": "chatcmpl-watched", "object": "chat.completion.chunk", "created": 0, "model": "watched"}
    return {**head, "choices": [choice]}


def _words(chunks: list[Chunk]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
