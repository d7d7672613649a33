"""Passes long texts of an answer through their channels slice by slice, in the order in which `Channels` would."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, cast

from guardian_cluster.watcher.channels import (
    CALL_FIELDS,
    LOGPROB_FIELDS,
    PART_FIELDS,
    TEXT_CHANNELS,
    TOOL_FIELDS,
    Channels,
    channels_of_call,
)
from guardian_cluster.watcher.choice import Part, WatchedChoice
from guardian_cluster.watcher.ledger import Ledger
from guardian_cluster.watcher.sliced_unknown import SlicedUnknownFields
from guardian_cluster.watcher.slices import slice_of
from guardian_cluster.watcher.tokens import Entry
from guardian_cluster.watcher.turns import Turns
from guardian_cluster.watcher.unknown import Place

_ENTRIES = 4
"""Of log probabilities, looked at in one go: with 20 alternatives each some 0.2 ms."""

_EMPTIED = {"": None}
"""What a part holds of which nothing is left, for one that holds nothing came without anything. No server's unknown
field `null` is all of a part that had words."""


class SlicedChannels(Channels):
    """Channels whose parts are passed before, by `pass_part` and `pass_logprobs`; what came of that holds later."""

    def __init__(self, unknown: SlicedUnknownFields, ledger: Ledger, *, searched: bool) -> None:
        super().__init__(unknown, ledger, searched=searched)
        self._fields = unknown
        self._ahead: dict[int, bool] = {}  # by a part's id, whether anything of it is left to send

    def part(self, part: Part, watched: WatchedChoice) -> bool:
        """See `Channels.part`."""
        left = self._ahead.pop(id(part), None)
        if left is not None and part == _EMPTIED:
            part.clear()
        return super().part(part, watched) if left is None else left

    def logprobs(self, fields: dict[str, Any], watched: WatchedChoice) -> bool:
        """See `Channels.logprobs`."""
        left = self._ahead.pop(id(fields), None)
        return super().logprobs(fields, watched) if left is None else left

    def forget(self) -> None:
        """Forget what came of parts that nobody asked for."""
        self._ahead.clear()
        self._fields.forget()

    async def pass_part(self, part: Part, watched: WatchedChoice, turns: Turns) -> None:
        """Do now what `part` does."""
        left = False
        known: AbstractSet[str] | None = None
        for key in tuple(part):
            value = part[key]
            if value.__class__ is str and key in TEXT_CHANNELS:
                left |= await self._text_in_turns(part, key, key, watched, turns)
            elif (value is None and key in PART_FIELDS) or (key == "role" and value == "assistant"):
                left = True
            elif watched.stopped_by is not None:
                del part[key]
            elif isinstance(value, (dict, list)) and key in PART_FIELDS:
                left |= await self._nested_in_turns(part, key, watched, turns)
            else:
                known = (known or PART_FIELDS) - {key}
        if known is not None:
            left |= await self._rest_in_turns(part, known, watched.place("message"), turns)
        if watched.opened and watched.stopped_by is None and not watched.closing:
            left |= watched.pause(part)
        if not part:
            part.update(_EMPTIED)
        self._ahead[id(part)] = left

    async def pass_logprobs(self, fields: dict[str, Any], watched: WatchedChoice, turns: Turns) -> None:
        """Do now what `logprobs` does."""
        left = await self._rest_in_turns(fields, LOGPROB_FIELDS, watched.place("logprobs"), turns)
        for channel in ("content", "refusal"):
            entries: list[Entry] | None = fields.get(channel)
            if entries:
                released: list[Entry] = []
                for at in range(0, len(entries), _ENTRIES):
                    released += watched.tokens(channel, entries[at : at + _ENTRIES])
                    await turns.rest()
                fields[channel] = released
                left |= bool(released)
        self._ahead[id(fields)] = left

    async def read_on(
        self, holder: Mapping[str, Any], known: AbstractSet[str], place: Place, turns: Turns
    ) -> None:
        """Read the long ones of an object's unknown fields now."""
        if self._searched:
            for name, value in holder.items():
                if name not in known:
                    await self._fields.read_on(name, value, place, turns)

    async def _rest_in_turns(
        self, holder: dict[str, Any], known: AbstractSet[str], place: Place, turns: Turns
    ) -> bool:
        await self.read_on(holder, known, place, turns)
        return self._rest(holder, known, place)

    async def _text_in_turns(
        self,
        holder: Part,
        key: str,
        channel: str,
        watched: WatchedChoice,
        turns: Turns,
        *,
        escaped: bool = False,
    ) -> bool:
        written: str = holder[key]
        if len(written) <= turns.characters:
            left = self._text(holder, key, channel, watched, escaped=escaped)
            await turns.rest()
            return left
        if channel == "content":
            watched.keep(written)
        released: list[str] = []
        at = 0
        while at < len(written):
            holder[key] = fresh = slice_of(written, at, turns.characters)
            at += len(fresh)
            released.append(watched.write(channel, holder, key, escaped=escaped))
            await turns.rest()
        holder[key] = "".join(released)
        self._ledger.said_something |= bool(holder[key])
        return bool(holder[key])

    async def _nested_in_turns(self, part: Part, key: str, watched: WatchedChoice, turns: Turns) -> bool:
        value = part[key]
        if key == "tool_calls":
            return await self._calls_in_turns(value, watched, turns)
        if key == "function_call":
            return await self._call_in_turns(value, channels_of_call(key), watched, watched.place(key), turns)
        if key == "audio":
            return await self._audio_in_turns(value, watched, turns)
        if isinstance(value, list):
            return await self._pieces_in_turns(cast("list[Part]", value), key, watched, turns)
        return await self._rest_in_turns(part, part.keys() - {key}, watched.place("message"), turns)

    async def _pieces_in_turns(
        self, pieces: list[Part], channel: str, watched: WatchedChoice, turns: Turns
    ) -> bool:
        left = False
        for number, piece in enumerate(pieces):
            if watched.stopped_by is not None:
                del pieces[number:]
                break
            text = isinstance(piece.get("text"), str)
            if not text and piece.get("type") != "text":
                watched.has_other = self._ledger.said_something = True
            known = piece.keys() & {"text"} if text else frozenset[str]()
            left_of = await self._rest_in_turns(piece, known, watched.place(channel), turns)
            if text:
                left_of = await self._text_in_turns(piece, "text", channel, watched, turns)
            left |= left_of
        return left or not pieces

    async def _audio_in_turns(self, audio: Part, watched: WatchedChoice, turns: Turns) -> bool:
        known = {name for name in ("transcript", "data") if isinstance(audio.get(name), str)}
        place = watched.place("audio")
        left = await self._rest_in_turns(audio, known, place, turns)
        if "transcript" in known:
            left |= await self._text_in_turns(audio, "transcript", "audio.transcript", watched, turns)
        if "data" not in known:
            return left
        stopped = watched.stopped_by is not None
        if self._searched and not stopped:
            await self._fields.read_on("data", audio["data"], place, turns)
        if stopped or (self._searched and not self._fields.passes("data", audio["data"], place)):
            del audio["data"]
            return left
        watched.has_other = self._ledger.said_something = True
        return True

    async def _calls_in_turns(self, calls: list[Part], watched: WatchedChoice, turns: Turns) -> bool:
        left = not calls
        for number, call in enumerate(calls):
            if watched.stopped_by is not None:
                del calls[number:]
                break
            place = watched.tool(call.get("index", number))
            if call.get("index", place) != place:
                call["index"] = place
            left |= await self._rest_in_turns(call, TOOL_FIELDS, watched.place("tool_calls"), turns)
            for kind in ("function", "custom"):
                inner = call.get(kind)
                if inner:
                    names, at = (
                        channels_of_call("tool_calls", place, kind),
                        watched.place(f"tool_calls.{kind}"),
                    )
                    left |= await self._call_in_turns(inner, names, watched, at, turns)
                    if watched.refuses_tool and not inner.get("name"):
                        del calls[number:]
        return left

    async def _call_in_turns(
        self, call: Part, names: dict[str, str], watched: WatchedChoice, place: Place, turns: Turns
    ) -> bool:
        watched.has_tool_call = True
        left = await self._rest_in_turns(call, CALL_FIELDS, place, turns)
        for field in call:
            if field in CALL_FIELDS and call[field] is not None:
                escaped = field == "arguments"
                left |= await self._text_in_turns(call, field, names[field], watched, turns, escaped=escaped)
        return left
