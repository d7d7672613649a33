"""Which fields of an answer are channels, and how each is passed: what a model's words can stand in.

Content, reasoning, refusal, tool calls and legacy function calls (their arguments as their reader will decode
them), audio transcripts and log probabilities. Every other field, and every one of these with another type,
is searched (unknown.py).
"""

from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, cast

from guardian_cluster.watcher.choice import Part, WatchedChoice
from guardian_cluster.watcher.ledger import Ledger
from guardian_cluster.watcher.unknown import Place, UnknownFields

TEXT_CHANNELS = frozenset({"content", "reasoning_content", "reasoning", "refusal"})
PART_FIELDS = TEXT_CHANNELS | {"role", "tool_calls", "function_call", "audio"}
TOOL_FIELDS = frozenset({"index", "function", "custom"})
CALL_FIELDS = frozenset({"name", "arguments", "input"})
LOGPROB_FIELDS = frozenset({"content", "refusal"})


@lru_cache(maxsize=256)
def channels_of_call(call: str, place: int | None = None, kind: str = "") -> dict[str, str]:
    """Return the channels of one call, by its fields."""
    prefix = call if place is None else f"{call}.{place}.{kind}"
    return {field: f"{prefix}.{field}" for field in CALL_FIELDS}


class Channels:
    """Passes the parts of an answer through the lanes of their choices.

    Each method returns whether anything is left to send of what it was given.
    """

    def __init__(self, unknown: UnknownFields, ledger: Ledger, *, searched: bool) -> None:
        self._unknown = unknown
        self._ledger = ledger
        self._searched = searched

    def part(self, part: Part, watched: WatchedChoice) -> bool:
        """Pass a delta or message."""
        left = False
        known: AbstractSet[str] | None = None
        for key in tuple(part):
            value = part[key]
            if value.__class__ is str and key in TEXT_CHANNELS:
                left |= self._text(part, key, key, watched)
            elif (value is None and key in PART_FIELDS) or (key == "role" and value == "assistant"):
                left = True
            elif watched.stopped_by is not None:  # nothing leaves after a stop, in any channel
                del part[key]
            elif isinstance(value, (dict, list)) and key in PART_FIELDS:
                left |= self._nested(part, key, watched)
            else:
                known = (known or PART_FIELDS) - {key}
        if known is not None:
            left |= self._rest(part, known, watched.place("message"))
        if watched.opened and watched.stopped_by is None and not watched.closing:
            left |= watched.pause(part)
        return left

    def _nested(self, part: Part, key: str, watched: WatchedChoice) -> bool:
        """Pass a field that has fields of its own."""
        value = part[key]
        if key == "tool_calls":
            return self._tool_calls(value, watched)
        if key == "function_call":
            return self._call(value, channels_of_call(key), watched, watched.place(key))
        if key == "audio":
            return self._audio(value, watched)
        if isinstance(value, list):
            return self._pieces(cast("list[Part]", value), key, watched)
        return self._rest(part, part.keys() - {key}, watched.place("message"))

    def _rest(self, holder: dict[str, Any], known: AbstractSet[str], place: Place) -> bool:
        """Strip what is not known here; return whether any of it is left to send."""
        if self._searched or self._ledger.guard.is_raised:
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
            self._ledger.said_something = True
            return True
        return not written

    def _pieces(self, pieces: list[Part], channel: str, watched: WatchedChoice) -> bool:
        """Pass the parts of a content that is a list; what is no text is searched."""
        left = False
        for number, piece in enumerate(pieces):
            if watched.stopped_by is not None:
                del pieces[number:]
                break
            text = isinstance(piece.get("text"), str)
            if not text and piece.get("type") != "text":
                watched.has_other = self._ledger.said_something = True
            known = piece.keys() & {"text"} if text else frozenset[str]()
            other = self._rest(piece, known, watched.place(channel))
            left |= self._text(piece, "text", channel, watched) if text else other
        return left or not pieces

    def _audio(self, audio: Part, watched: WatchedChoice) -> bool:
        """Pass the transcript; in the sound itself nothing can be found but text that is none."""
        known = {name for name in ("transcript", "data") if isinstance(audio.get(name), str)}
        place = watched.place("audio")
        left = self._rest(audio, known, place)
        if "transcript" in known:
            left |= self._text(audio, "transcript", "audio.transcript", watched)
        if "data" not in known:
            return left
        stopped = watched.stopped_by is not None
        if stopped or (self._searched and not self._unknown.passes("data", audio["data"], place)):
            del audio["data"]
            return left
        watched.has_other = self._ledger.said_something = True
        return True

    def _tool_calls(self, calls: list[Part], watched: WatchedChoice) -> bool:
        left = not calls
        for number, call in enumerate(calls):
            if watched.stopped_by is not None:
                del calls[number:]
                break
            place = watched.tool(call.get("index", number))
            if call.get("index", place) != place:
                call["index"] = place
            left |= self._rest(call, TOOL_FIELDS, watched.place("tool_calls"))
            for kind in ("function", "custom"):
                inner = call.get(kind)
                if inner:
                    channels = channels_of_call("tool_calls", place, kind)
                    left |= self._call(inner, channels, watched, watched.place(f"tool_calls.{kind}"))
                    if watched.refuses_tool and not inner.get("name"):
                        del calls[number:]
        return left

    def _call(self, call: Part, channels: dict[str, str], watched: WatchedChoice, place: Place) -> bool:
        watched.has_tool_call = True
        left = self._rest(call, CALL_FIELDS, place)
        for field in call:
            if field in CALL_FIELDS and call[field] is not None:
                escaped = field == "arguments"
                left |= self._text(call, field, channels[field], watched, escaped=escaped)
        return left

    def logprobs(self, fields: dict[str, Any], watched: WatchedChoice) -> bool:
        """Pass log probabilities."""
        left = self._rest(fields, LOGPROB_FIELDS, watched.place("logprobs"))
        for channel in ("content", "refusal"):
            entries = fields.get(channel)
            if entries:
                fields[channel] = watched.tokens(channel, entries)
                left |= bool(fields[channel])
        return left
