"""One choice of an answer under watch: its lanes, and how they let text out and end."""

from typing import Any, cast

from guardian_cluster.domain.verdict import Action
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.lane import Lane
from guardian_cluster.watcher.ledger import MAX_TOOL_CALLS, MAX_VERDICTS_PER_CHANNEL, Ledger
from guardian_cluster.watcher.patterns import Rule
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.tokens import Entry, TokenLane
from guardian_cluster.watcher.unknown import Place, UnknownFields

Part = dict[str, Any]
"""A `delta` of a stream or a `message` of a whole answer."""


class WatchedChoice:
    """Passes one choice's channels through their lanes; what they find goes to the ledger."""

    def __init__(
        self, index: int, compiled: CompiledPolicy, ledger: Ledger, unknown: UnknownFields, *, json: bool
    ) -> None:
        self.index = index
        self.characters = 0
        """Characters the model wrote, over all channels."""
        self.finish_reason: str | None = None
        self.closing = False
        """Whether the chunk at hand is the choice's last."""
        self.ended = False
        self.has_tool_call = False
        self.has_other = False
        """Whether it holds what has no characters: sound, or parts that are no text."""
        self.stopped_by: Action | None = None
        self.kept: list[str] | None = [] if json else None
        """The content as the model wrote it, to be verified at its end; `None` where that is not to be, or
        too long."""
        self._json = json
        self._compiled = compiled
        self._ledger = ledger
        self._unknown = unknown
        self._places: dict[str, Place] = {}
        self._lanes: dict[str, Lane] = {}
        self._token_lanes: dict[str, TokenLane] = {}
        self._tools: dict[int, int] = {}
        # Where in the last chunk a lane's text stands last, for what was held to be added to.
        self._written: dict[str, tuple[Part, str]] = {}
        self._noted: dict[str, int] = {}

    @property
    def looped(self) -> list[Lane]:
        """The lanes that repeat themselves."""
        return [lane for lane in self._lanes.values() if lane.loop_at is not None]

    def said_in(self, channel: str) -> bool:
        """Return whether the model wrote anything in a channel."""
        return channel in self._lanes and self._lanes[channel].characters > 0

    def place(self, name: str) -> Place:
        """Return the place of a kind of object in this choice."""
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = Place(name, self.index)
        return place

    def write(self, name: str, holder: Part, key: str, *, escaped: bool = False) -> str:
        """Pass the text at `holder[key]` on; return what may leave of it, nothing after a stop."""
        text: str = holder[key]
        self.characters += len(text)
        lane = self._lanes.get(name) or self._open(name, escaped=escaped)
        if lane is None:
            released = ""
        elif self.stopped_by is not None:
            lane.characters += len(text)
            lane.shut = True
            released = ""
        else:
            released = self._pass(lane, text)
            if self.closing:
                self._written[name] = (holder, key)
        if released != text:
            holder[key] = released
        return released

    def keep(self, text: str) -> None:
        """Keep a piece of the content to be verified at the end."""
        if self.kept is not None:
            if self._ledger.keeps(len(text)):
                self.kept.append(text)
            else:
                self.kept = None

    def tokens(self, channel: str, entries: list[Entry]) -> list[Entry]:
        """Take in entries of log probabilities of a channel and return those that may leave."""
        if not self._compiled.strips:
            return entries
        name = f"logprobs.{channel}"
        lane = self._token_lanes.get(name)
        if lane is None:
            lane = self._token_lanes[name] = TokenLane(self._compiled, self._unknown, name, self.index)
        for position, rule in lane.feed(entries):
            self._note(name, position, rule, "redact")
        return self._let_out(channel, lane, last=False)

    def tool(self, index: int) -> int:
        """Return the place of a tool call, from 0: clients index a list by it, some servers begin at 1."""
        self.has_tool_call = True
        if len(self._tools) >= MAX_TOOL_CALLS:
            return self._tools.get(index, MAX_TOOL_CALLS)
        return self._tools.setdefault(index, len(self._tools))

    def end(self, part: Part, choice: Chunk) -> None:
        """Close every lane into the choice's last part: what was held leaves now, and nothing after it."""
        for lane in self._lanes.values():
            text = "" if self.stopped_by is not None else self._release(lane, "", last=True)
            if text:
                holder, key = self._written.get(lane.name) or _find(part, lane.name)
                holder[key] = (holder.get(key) or "") + text
        for name, lane in self._token_lanes.items():
            channel = name.removeprefix("logprobs.")
            entries = self._let_out(channel, lane, last=True)
            if entries:
                logprobs: dict[str, list[Entry] | None] = choice.get("logprobs") or {}
                choice["logprobs"] = {**logprobs, channel: [*(logprobs.get(channel) or []), *entries]}
        self.ended = True

    def _open(self, name: str, *, escaped: bool) -> Lane | None:
        if not self._ledger.opens_channel():
            self._ledger.note_once("answer", "too-many-channels", "redact", channel="", choice=self.index)
            return None
        escaped |= self._json and name == "content"
        lane = self._lanes[name] = Lane(name, self._compiled.patterns, escaped=escaped)
        return lane

    def _pass(self, lane: Lane, text: str) -> str:
        loops_at = lane.loops_at(text)
        if loops_at is None:
            return self._release(lane, text)
        before = lane.characters - len(text)
        released = self._release(lane, text[:loops_at])
        if self.stopped_by is not None:  # the rule came first, so the loop was never reached
            return released
        lane.loop_at = before + loops_at
        action = self._compiled.policy.on_repetition
        if action in ("cut", "retry"):
            self.stopped_by, lane.ends_at = action, lane.loop_at
            return released
        return released + self._release(lane, text[loops_at:])

    def _release(self, lane: Lane, text: str, *, last: bool = False) -> str:
        gate = lane.gate
        if gate is None:
            return text
        released = gate.feed(text, last=last)
        if gate.hits:
            for position, rule in gate.hits:
                self._note(lane.name, position, rule, rule.action)
            if gate.stop is not None:
                self.stopped_by, lane.ends_at = gate.stop.action, gate.hits[-1][0]
            gate.hits = []
        return released

    def _note(self, channel: str, position: int, rule: Rule, action: Action) -> None:
        count = self._noted.get(channel, 0)
        if count < MAX_VERDICTS_PER_CHANNEL:
            self._noted[channel] = count + 1
            self._ledger.note(
                rule.detector, rule.name, action, channel=channel, choice=self.index, position=position
            )

    def _let_out(self, channel: str, tokens: TokenLane, *, last: bool) -> list[Entry]:
        """Return the entries that may leave.

        Of a channel that was stopped those up to there, of any other none that came after the stop.
        """
        lane = self._lanes.get(channel)
        ends_at = lane.ends_at if lane is not None else None
        if self.stopped_by is not None and ends_at is None and (last or lane is None or lane.shut):
            ends_at = -1
        return tokens.release(ends_at, last=last)


def _find(part: Part, name: str) -> tuple[Part, str]:
    """Return where in a part the text of a channel belongs, made where it is missing."""
    head, _, rest = name.partition(".")
    if head == "tool_calls":
        index, _, path = rest.partition(".")
        calls = cast("list[Part]", part.get(head) or [])
        part[head] = calls
        call: Part | None = next((call for call in calls if call.get("index") == int(index)), None)
        if call is None:
            call = {"index": int(index)}
            calls.append(call)
        return _find(call, path)
    if rest:
        part[head] = part.get(head) or {}
        return _find(part[head], rest)
    if isinstance(part.get(head), list):  # parts without text, as images
        piece: Part = {"type": "text", "text": ""}
        part[head].append(piece)
        return piece, "text"
    return part, head
