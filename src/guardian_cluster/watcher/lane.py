"""A lane: one channel of one choice, with its gate and what else watches it."""

from typing import Any, cast

from guardian_cluster.watcher.escapes import EscapeDecoder
from guardian_cluster.watcher.gate import Gate, Passage
from guardian_cluster.watcher.patterns import Patterns
from guardian_cluster.watcher.repetition import RepetitionDetector

Entry = dict[str, Any]
"""One token of `logprobs.content` or `logprobs.refusal`."""


class Lane:
    """Text that grows: content, reasoning, refusal, the name or arguments of a tool call."""

    def __init__(self, name: str, patterns: Patterns, *, escaped: bool = False) -> None:
        self.name = name
        self.characters = 0
        self.loop_at: int | None = None
        self._gate = Gate(patterns) if patterns.rules else None
        self._decoder = EscapeDecoder() if escaped and patterns.rules else None
        self._repetition = RepetitionDetector()

    def feed(self, text: str) -> Passage:
        """Take in what the model wrote and return what may leave."""
        self.characters += len(text)
        if self.loop_at is None:
            self.loop_at = self._repetition.feed(text)
        if self._gate is None:
            return Passage(text)
        if self._decoder is None:
            return self._gate.feed(text)
        return self._gate.feed(*self._decoder.feed(text))

    def finish(self) -> Passage:
        """Return what the end of the channel lets out."""
        if self._gate is None:
            return Passage("")
        if self._decoder is None:
            return self._gate.finish()
        opened = self._gate.feed(*self._decoder.finish())
        closed = self._gate.finish()
        return Passage(opened.text + closed.text, opened.hits + closed.hits, opened.stop or closed.stop)


class TokenLane:
    """Tokens of log probabilities: an entry leaves whole, when all of its text may, or not at all.

    The text of an entry and its bytes are watched apart, for a server may send them different. Alternatives are watched too,
    those of equal rank as a text of their own.
    """

    def __init__(self, patterns: Patterns, byte_patterns: Patterns) -> None:
        self._patterns = patterns
        self._byte_patterns = byte_patterns
        self._gates: dict[tuple[int, str], Gate] = {}
        self._waiting: list[tuple[Entry, list[tuple[Gate, int, int]]]] = []

    def feed(self, entries: list[Entry]) -> list[Entry]:
        """Take in entries and return those that may leave; one that holds part of a finding is left out."""
        for entry in entries:
            alternatives = cast("list[Entry]", entry.get("top_logprobs") or [])
            spans = [
                span for rank, each in enumerate([entry, *alternatives]) for span in self._spans(rank, each)
            ]
            self._waiting.append((entry, spans))
        return self._ready()

    def finish(self) -> list[Entry]:
        """Return the entries that the end of the channel lets out."""
        for gate in self._gates.values():
            gate.finish()
        return self._ready()

    def _spans(self, rank: int, entry: Entry) -> list[tuple[Gate, int, int]]:
        token, octets = entry.get("token"), entry.get("bytes")
        spans: list[tuple[Gate, int, int]] = []
        if isinstance(token, str):
            spans.append(self._pass(rank, "token", token, self._patterns))
        if isinstance(octets, list):
            text = "".join(
                chr(octet)
                for octet in cast("list[Any]", octets)
                if isinstance(octet, int) and 0 <= octet < 256
            )
            spans.append(self._pass(rank, "bytes", text, self._byte_patterns))
        return spans

    def _pass(self, rank: int, kind: str, text: str, patterns: Patterns) -> tuple[Gate, int, int]:
        gate = self._gates.setdefault((rank, kind), Gate(patterns))
        start = gate.position + gate.held
        gate.feed(text)
        return gate, start, start + len(text)

    def _ready(self) -> list[Entry]:
        out: list[Entry] = []
        while self._waiting and all(
            gate.stopped or gate.position >= end for gate, _, end in self._waiting[0][1]
        ):
            entry, spans = self._waiting.pop(0)
            if not any(gate.hides(start, end) for gate, start, end in spans):
                out.append(entry)
        return out
