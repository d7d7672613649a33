"""Puts the texts that placeholders stand for back into what the caller reads, and nowhere else.

It is the last that happens to an answer: whatever checks, keeps or remembers it has seen the placeholders. Put back
are content, reasoning and refusals. Arguments of calls, for which no human looks out, and log probabilities, which
are of what the model wrote, keep the placeholders.

Rules of the answer's policy hold for what is put back as for all that leaves, together with what stands around it: a
text that they withhold is redacted again.

Where that fails, by a defect, the channel keeps its placeholders from there on; nothing of it is lost.
"""

from collections.abc import Generator, Mapping
from typing import Any, cast

from guardian_cluster.domain.clock import Clock
from guardian_cluster.watcher.failing import log_failure
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.placeholders import LONGEST, PLACEHOLDER, written_in_json
from guardian_cluster.watcher.scanner import RuleSet
from guardian_cluster.watcher.slices import slice_of
from guardian_cluster.watcher.turns import Turns

CHANNELS = ("content", "reasoning_content", "reasoning", "refusal")

MAX_RESTORED_CHARACTERS = 1_000_000
"""In one answer: a model that repeats the placeholder of a long text could make it larger a hundredfold."""

_SLICE = 256
"""Characters of a long text between two looks at whose turn it is: 0.1 ms, of what looks like telephones 2.5 ms."""

_OPEN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")

Part = dict[str, Any]


class Budget:
    """How much may still be put back into an answer."""

    def __init__(self) -> None:
        self.characters = MAX_RESTORED_CHARACTERS


class RestoringLane:
    """Puts texts back in one channel, wherever it is cut."""

    def __init__(
        self, originals: Mapping[str, str], rules: RuleSet, budget: Budget, *, escaped: bool = False
    ) -> None:
        self.gate = Gate(rules, escaped=escaped) if rules else None
        self._originals = originals
        self._budget = budget
        self._held = ""
        self._has_failed = False

    def feed(self, text: str, *, last: bool = False) -> str:
        """Take in text and return what the caller may read of it now; `last` says that nothing follows."""
        steps = self.feed_in_steps(text, last=last)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value

    def feed_in_steps(self, text: str, *, last: bool = False) -> Generator[None, None, str]:
        """Do what `feed` does, slice by slice; what is put back may be long itself."""
        out: list[str] = []
        at = 0
        while len(text) - at > _SLICE:
            fresh = slice_of(text, at, _SLICE)
            at += len(fresh)
            out.append((yield from self._slice(fresh)))
            yield
        out.append((yield from self._slice(text[at:], last=last)))
        return "".join(out)

    def _slice(self, text: str, *, last: bool = False) -> Generator[None, None, str]:
        """Return what leaves of a slice: where putting back fails, that slice as the model wrote it."""
        if self._has_failed:
            return text
        held = self._held
        unsettled = self.gate.give_up("") if self.gate is not None else ""
        try:
            restored = yield from self._leaving_in_steps(self._put_back(text, last=last))
            return restored + self._leaving("", last=True) if last else restored
        except Exception as error:
            self._has_failed = True
            log_failure("restoration", error, "the answer keeps its placeholders from there on")
            return self._taken_out(unsettled) + held + text

    def _taken_out(self, text: str) -> str:
        """Return a text that was to be looked at, with placeholders for what was put back into it."""
        for placeholder, original in self._originals.items():
            text = text.replace(original, placeholder)
        return text

    def _leaving_in_steps(self, restored: str) -> Generator[None, None, str]:
        out: list[str] = []
        at = 0
        while len(restored) - at > 2 * _SLICE:
            fresh = slice_of(restored, at, _SLICE)
            at += len(fresh)
            out.append(self._leaving(fresh))
            yield
        return "".join([*out, self._leaving(restored[at:])])

    def _put_back(self, text: str, *, last: bool = False) -> str:
        held = self._held + text if self._held else text
        cut = len(held) if last else _open_from(held)
        self._held = held[cut:]
        return PLACEHOLDER.sub(lambda match: self._text(match.group()), held[:cut]) if cut else ""

    def _leaving(self, restored: str, *, last: bool = False) -> str:
        if self.gate is None:
            return restored
        leaving = self.gate.feed(restored, last=last)
        self.gate.hits.clear()  # nobody asks for them, and an answer can hold many
        return leaving

    def _text(self, found: str) -> str:
        original = self._originals.get(found)
        if original is None or len(original) > self._budget.characters:
            return found
        self._budget.characters -= len(original)
        return original


class Restoration:
    """Puts texts back into an answer: a stream, or one that comes whole."""

    def __init__(self, originals: Mapping[str, str], rules: RuleSet, *, wants_json: bool = False) -> None:
        """Prepare for one answer.

        `rules` are those that keep a text from leaving, all made to redact; `wants_json` says that the content is
        JSON.
        """
        self._originals = originals
        self._in_json = written_in_json(originals) if wants_json else originals
        self._wants_json = wants_json
        self._rules = rules
        self._budget = Budget()
        self._lanes: dict[tuple[int, str], RestoringLane] = {}

    def of(self, batch: list[Part]) -> list[Part]:
        """Return chunks with the texts put back; what was given is not changed, for others hold on to it."""
        restored: list[Part] = []
        for _ in self._steps(batch, restored):
            pass
        return restored

    async def of_in_turns(self, batch: list[Part], clock: Clock) -> list[Part]:
        """Do what `of` does, and let others run every 0.2 ms meanwhile; `clock` tells when that is."""
        turns, restored = Turns(clock), list[Part]()
        for _ in self._steps(batch, restored):
            await turns.rest()
        return restored

    def _steps(self, batch: list[Part], restored: list[Part]) -> Generator[None, None, None]:
        for chunk in batch:
            try:
                put_back = yield from self._chunk(chunk)
            except Exception as error:
                log_failure("restoration", error, "a chunk of the answer keeps its placeholders")
                put_back = chunk
            restored.append(put_back)

    def _chunk(self, chunk: Part) -> Generator[None, None, Part]:
        if not chunk.get("choices"):
            return chunk
        choices: list[Part] = []
        for choice in chunk["choices"]:
            choices.append((yield from self._choice(choice)))
            yield
        return {**chunk, "choices": choices}

    def _choice(self, choice: Part) -> Generator[None, None, Part]:
        number, is_whole = choice.get("index", 0), "message" in choice
        key = "message" if is_whole else "delta"
        ends = is_whole or choice.get("finish_reason") is not None
        part = choice.get(key)
        if not isinstance(part, dict):
            if not ends:
                return choice
            part = {}
        return {**choice, key: (yield from self._part(cast("Part", part), number, ends=ends))}

    def _part(self, part: Part, number: int, *, ends: bool) -> Generator[None, None, Part]:
        restored = dict(part)
        for name in CHANNELS:
            value = part.get(name)
            lane = self._lanes.get((number, name))
            if isinstance(value, str):
                lane = lane or self._open(number, name)
                restored[name] = yield from lane.feed_in_steps(value, last=ends)
            elif isinstance(value, list):
                pieces = cast("list[Any]", value)
                restored[name] = yield from self._pieces(pieces, lane or self._open(number, name), ends)
            elif ends and lane is not None and (rest := lane.feed("", last=True)):
                restored[name] = rest
        return restored

    def _pieces(self, pieces: list[Any], lane: RestoringLane, ends: bool) -> Generator[None, None, list[Any]]:
        """Put texts back in a content that comes in parts."""
        restored: list[Any] = []
        texts = [n for n, piece in enumerate(pieces) if isinstance(piece, dict) and "text" in piece]
        for n, piece in enumerate(pieces):
            if n in texts and isinstance(text := cast("Part", piece)["text"], str):
                last = ends and n == texts[-1]
                put_back = yield from lane.feed_in_steps(text, last=last)
                piece = {**cast("Part", piece), "text": put_back}
            restored.append(piece)
        return restored

    def _open(self, number: int, name: str) -> RestoringLane:
        escaped = self._wants_json and name == "content"
        originals = self._in_json if escaped else self._originals
        lane = RestoringLane(originals, self._rules, self._budget, escaped=escaped)
        self._lanes[number, name] = lane
        return lane


def _open_from(text: str) -> int:
    """Return from where the end of a text may be the beginning of a placeholder, or its length."""
    at = text.rfind("[", max(0, len(text) - LONGEST))
    return at if at >= 0 and _OPEN.issuperset(text[at + 1 :]) else len(text)
