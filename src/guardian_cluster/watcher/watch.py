"""Watch: the transducer that an answer passes on its way out. Chunks in; verdicts and releasable chunks out.

One pass serves streams and whole answers. Every channel that can carry the model's words is walked: content, reasoning,
refusal, tool calls and legacy function calls (their arguments as their reader will decode them), log probabilities, audio
transcripts, and every field that is not known here.
"""

from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, NamedTuple, cast

from guardian_cluster.domain.request import MAX_CHOICES, ChatRequest
from guardian_cluster.domain.verdict import MonitoringReport, Verdict
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.choice import Part, WatchedChoice
from guardian_cluster.watcher.judgement import Judgement
from guardian_cluster.watcher.ledger import Ledger
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.unknown import Place, UnknownFields

__all__ = ["CompiledPolicy", "Watch"]

_TEXT_CHANNELS = frozenset({"content", "reasoning_content", "reasoning", "refusal"})

# What is known at each kind of object; all else is searched or dropped. The model's name is replaced by the one asked for.
_CHUNK_FIELDS = frozenset({"choices", "model"})
_CHOICE_FIELDS = frozenset({"index", "delta", "message", "logprobs"})
_LOGPROB_FIELDS = frozenset({"content", "refusal"})
_TOOL_FIELDS = frozenset({"index", "function", "custom"})
_CALL_FIELDS = frozenset({"name", "arguments", "input"})
_AUDIO_FIELDS = frozenset({"transcript", "data"})
_PART_FIELDS = _TEXT_CHANNELS | {"role", "tool_calls", "function_call", "audio"}

_EMPTY = frozenset({"id", "object", "created", "model", "choices", "system_fingerprint", "service_tier"})
"""Fields of a chunk that is not sent when nothing is left of its choices."""


class _CallChannels(NamedTuple):
    """The names of the channels of one call."""

    name: str
    arguments: str
    input: str


@lru_cache(maxsize=256)
def _channels(call: str, place: int | None = None, kind: str = "") -> _CallChannels:
    prefix = call if place is None else f"{call}.{place}.{kind}"
    return _CallChannels(f"{prefix}.name", f"{prefix}.arguments", f"{prefix}.input")


class Watch:
    """The watch over one execution.

    `retry_wanted` turns true when a rule asks for the answer to come from elsewhere; the caller knows whether that is still
    possible. `done` turns true when every choice has been cut, so that nothing more can leave. `said_something` turns true
    with the first content that may leave.
    """

    def __init__(self, compiled: CompiledPolicy, request: ChatRequest) -> None:
        self._compiled = compiled
        self._choices_wanted = request.n or 1
        self._judgement = Judgement(compiled.policy, request)
        self._choices: dict[int, WatchedChoice] = {}
        self._ledger = Ledger()
        self._unknown = UnknownFields(compiled, self._ledger)
        self._strips = compiled.strips
        self._top = Place("", 0)
        self.retry_wanted = False
        self.done = False
        self.said_something = False

    @property
    def verdicts(self) -> list[Verdict]:
        """What has been found so far."""
        return self._ledger.verdicts

    @property
    def finish_reason(self) -> str | None:
        """The finish reason of the first choice."""
        return next((choice.finish_reason for choice in self._choices.values()), None)

    @property
    def complete(self) -> bool:
        """Whether every choice seen has come to its end, and there is one."""
        return bool(self._choices) and all(choice.ended for choice in self._choices.values())

    @property
    def characters(self) -> int:
        """Characters the model wrote, over all channels and choices."""
        return sum(choice.characters for choice in self._choices.values())

    def feed(self, batch: list[Chunk]) -> list[Chunk]:
        """Take in chunks and return those that may leave, changed where something was held, redacted or cut.

        The chunks are changed in place.
        """
        return [chunk for chunk in batch if self._chunk(chunk)]

    def finish(self) -> MonitoringReport:
        """Judge the answer as a whole, at its end."""
        quality, alignment = self._judgement.of(list(self._choices.values()), self._ledger)
        self.retry_wanted |= self._judgement.retry_wanted
        return MonitoringReport(
            verdicts=tuple(self.verdicts),
            quality=quality,
            intent_alignment=alignment,
            characters=self.characters,
            tripped=any(choice.stopped_by is not None for choice in self._choices.values()),
        )

    def _chunk(self, chunk: Chunk) -> bool:
        """Return whether anything of the chunk is left to send."""
        if self._strips:
            self._unknown.strip(chunk, _CHUNK_FIELDS, self._top)
        choices = cast("list[Chunk] | None", chunk.get("choices"))
        if not choices:
            return True
        kept = [choice for number, choice in enumerate(choices) if self._choice(choice, number)]
        if len(kept) == len(choices):
            return True
        chunk["choices"] = kept
        if kept or not any(chunk[name] for name in chunk.keys() - _EMPTY):
            return bool(kept)
        if not chunk.get(
            "usage"
        ):  # only a chunk of counts has no choices: clients read the first of any other
            chunk["choices"] = [{"index": choices[0].get("index", 0), "delta": {}, "finish_reason": None}]
        return True

    def _choice(self, choice: Chunk, number: int) -> bool:
        """Return whether anything of the choice is left to send."""
        watched = self._watched(choice.get("index", number))
        if watched is None or watched.ended:
            return watched is not None and self._late(choice, watched)
        reason = cast("str | None", choice.get("finish_reason"))
        watched.closing = bool(reason)
        message, delta = cast("Part | None", choice.get("message")), cast("Part | None", choice.get("delta"))
        left = not (message or delta)
        if message:
            left |= self._part(message, watched)
        if delta:
            left |= self._part(delta, watched)
        if choice.get("logprobs"):
            left |= self._logprobs(choice, watched)
        if self._strips:
            self._unknown.strip(choice, _CHOICE_FIELDS, watched.place("choices"))
        if reason or watched.stopped_by is not None:
            self._close(choice, reason, watched)
            return True
        return left or any(choice[name] for name in choice.keys() - _CHOICE_FIELDS)

    def _watched(self, index: int) -> WatchedChoice | None:
        watched = self._choices.get(index)
        if watched is None:
            if not 0 <= index < MAX_CHOICES:
                self._ledger.note_once("answer", "choice-number", "redact", channel="choices")
                return None
            json = self._judgement.wants_json
            watched = WatchedChoice(index, self._compiled, self._ledger, self._unknown, json=json)
            self._choices[index] = watched
        return watched

    def _late(self, choice: Chunk, watched: WatchedChoice) -> bool:
        """Leave out what comes after a choice's end, for it could complete what has left; note that there was something."""
        if not self._strips and watched.stopped_by is None:
            return True
        part = cast("Part", choice.get("message") or choice.get("delta") or {})
        if watched.stopped_by is None and any(part[name] for name in part.keys() - {"role"}):
            self._ledger.note_once(
                "answer", "after-the-end", "redact", channel="choices", choice=watched.index
            )
        return False

    def _close(self, choice: Chunk, reason: str | None, watched: WatchedChoice) -> None:
        """End the choice where the model or a rule ends it."""
        whole = cast("Part | None", choice.get("message"))
        part: Part = whole if whole is not None else (choice.get("delta") or {})
        watched.end(part, choice)
        if part and whole is None:
            choice["delta"] = part
        if (
            watched.stopped_by is not None or "finish_reason" not in choice
        ):  # else the reason itself may not leave
            reason = choice["finish_reason"] = "content_filter"
        watched.finish_reason = reason
        if watched.stopped_by is not None:
            self.retry_wanted |= watched.stopped_by == "retry"
            self.done = self.complete and len(self._choices) >= self._choices_wanted

    def _part(self, part: Part, watched: WatchedChoice) -> bool:
        """Pass a delta or message through its lanes; return whether anything of it is left to send."""
        left = False
        known: AbstractSet[str] | None = None
        for key in tuple(part):
            value = part[key]
            if value.__class__ is str and key in _TEXT_CHANNELS:
                left |= self._text(part, key, key, watched)
            elif (value is None and key in _PART_FIELDS) or (key == "role" and value == "assistant"):
                left = True
            elif watched.stopped_by is not None:
                part[key] = None
            elif isinstance(value, (dict, list)) and key in _PART_FIELDS:
                left |= self._nested(part, key, watched)
            else:
                known = (known or _PART_FIELDS) - {key}
        if known is not None:
            left |= self._rest(part, known, watched.place("message"))
        return left

    def _nested(self, part: Part, key: str, watched: WatchedChoice) -> bool:
        """Pass a field that has fields of its own."""
        value = part[key]
        if key == "tool_calls":
            return self._tool_calls(value, watched)
        if key == "function_call":
            return self._call(value, _channels(key), watched, watched.place(key))
        if key == "audio":
            return self._audio(value, watched)
        if isinstance(value, list):
            return self._pieces(cast("list[Part]", value), key, watched)
        return self._rest(part, part.keys() - {key}, watched.place("message"))

    def _rest(self, holder: dict[str, Any], known: AbstractSet[str], place: Place) -> bool:
        """Strip what is not known here; return whether any of it is left to send."""
        if self._strips:
            self._unknown.strip(holder, known, place)
        return any(name not in known for name in holder)

    def _text(
        self, holder: Part, key: str, channel: str, watched: WatchedChoice, *, escaped: bool = False
    ) -> bool:
        """Pass one string through its lane; return whether there is anything to send of it."""
        written: str = holder[key]
        if channel == "content" and watched.kept is not None:
            watched.keep(written)
        released = watched.write(channel, holder, key, escaped=escaped)
        if released:
            self.said_something = True
            return True
        return not written

    def _pieces(self, pieces: list[Part], channel: str, watched: WatchedChoice) -> bool:
        """Pass the parts of a content that is a list, as some servers send it. Parts that are no text are searched, not held."""
        left = False
        for number, piece in enumerate(pieces):
            if watched.stopped_by is not None:
                del pieces[number:]
                break
            text = isinstance(piece.get("text"), str)
            if not text and piece.get("type") != "text":
                watched.has_other = self.said_something = True
            known = piece.keys() & {"text"} if text else frozenset[str]()
            other = self._rest(piece, known, watched.place(channel))
            left |= self._text(piece, "text", channel, watched) if text else other
        return left or not pieces

    def _audio(self, audio: Part, watched: WatchedChoice) -> bool:
        """Pass the transcript; the sound itself cannot be searched."""
        known = {name for name in ("transcript", "data") if isinstance(audio.get(name), str)}
        left = self._rest(audio, known, watched.place("audio"))
        if "transcript" in known:
            left |= self._text(audio, "transcript", "audio.transcript", watched)
        if "data" in known and watched.stopped_by is not None:
            del audio["data"]
        elif "data" in known:
            left = watched.has_other = self.said_something = True
        return left

    def _tool_calls(self, calls: list[Part], watched: WatchedChoice) -> bool:
        left = not calls
        for number, call in enumerate(calls):
            if watched.stopped_by is not None:
                del calls[number:]
                break
            place = watched.tool(call.get("index", number))
            if call.get("index", place) != place:
                call["index"] = place
            left |= self._rest(call, _TOOL_FIELDS, watched.place("tool_calls"))
            for kind in ("function", "custom"):
                inner = call.get(kind)
                if inner:
                    channels = _channels("tool_calls", place, kind)
                    left |= self._call(inner, channels, watched, watched.place(f"tool_calls.{kind}"))
        return left

    def _call(self, call: Part, channels: _CallChannels, watched: WatchedChoice, place: Place) -> bool:
        watched.has_tool_call = True
        left = self._rest(call, _CALL_FIELDS, place)
        if call.get("name") is not None:
            left |= self._text(call, "name", channels.name, watched)
        if call.get("arguments") is not None:
            left |= self._text(call, "arguments", channels.arguments, watched, escaped=True)
        if call.get("input") is not None:
            left |= self._text(call, "input", channels.input, watched)
        return left

    def _logprobs(self, choice: Chunk, watched: WatchedChoice) -> bool:
        fields = cast("dict[str, Any]", choice["logprobs"])
        left = self._rest(fields, _LOGPROB_FIELDS, watched.place("logprobs"))
        for channel in ("content", "refusal"):
            entries = fields.get(channel)
            if entries:
                fields[channel] = watched.tokens(channel, entries)
                left |= bool(fields[channel])
        return left
