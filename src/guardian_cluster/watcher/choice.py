"""One choice of an answer under watch: its lanes, and how they let text out and end."""

from collections.abc import Sequence
from typing import Any, cast

from guardian_cluster.domain.verdict import Action
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.failing import RULES, Failures
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.guard import LEAKS
from guardian_cluster.watcher.lane import Finding, Lane
from guardian_cluster.watcher.ledger import MAX_TOOL_CALLS, MAX_VERDICTS_PER_CHANNEL, Ledger
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.rule import Rule
from guardian_cluster.watcher.sensors import Sensed, Sensors
from guardian_cluster.watcher.tokens import Entry, TokenLane
from guardian_cluster.watcher.tool_sensors import ToolNameSensor
from guardian_cluster.watcher.unknown import Place, UnknownFields

Part = dict[str, Any]
"""A `delta` of a stream or a `message` of a whole answer."""


class WatchedChoice:
    """Passes one choice's channels through their lanes; what they find goes to the ledger."""

    def __init__(
        self,
        index: int,
        compiled: CompiledPolicy,
        ledger: Ledger,
        unknown: UnknownFields,
        sensors: Sensors,
        *,
        json: bool,
    ) -> None:
        self.index = index
        self.characters = 0
        """Characters the model wrote, over all channels."""
        self.finish_reason: str | None = None
        self.closing = False
        """Whether the chunk at hand is the choice's last."""
        self.ended = False
        self.has_tool_call = False
        self.refuses_tool = False
        """Whether it ended because a tool may not be called."""
        self.opened = False
        """Whether a channel began in the part at hand."""
        self.has_other = False
        """Whether it holds what has no characters: sound, or parts that are no text."""
        self.stopped_by: Action | None = None
        self.kept: list[str] | None = [] if json else None
        """The content as the model wrote it, to be verified at its end; `None` where that is not to be, or
        too long."""
        self._json = json
        self._sensors = sensors
        self._compiled = compiled
        self._ledger = ledger
        self._failures = Failures(compiled.policy.fail_closed)
        self._calls: dict[str, ToolNameSensor] = {}  # by the beginning of their channels' names
        self._unknown = unknown
        self._places: dict[str, Place] = {}
        self._lanes: dict[str, Lane] = {}
        self._token_lanes: dict[str, TokenLane | None] = {}  # `None` for one that failed
        self._tools: dict[int, int] = {}
        # Where in the last chunk a lane's text stands last, for what was held to be added to.
        self._written: dict[str, tuple[Part, str]] = {}
        self._noted: dict[str, int] = {}

    def shows(self, rule: str) -> bool:
        """Return whether a sensor of any channel has found something by that name."""
        return any(rule in lane.found for lane in self._lanes.values())

    @property
    def breaks_form(self) -> bool:
        """Whether the content turned out not to be of the form asked for while it came."""
        lane = self._lanes.get("content")
        return lane is not None and any(rule.startswith("format-") for rule in lane.found)

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
            found = lane.sense(text)
            released = self._pass_found(lane, text, found) if found else self._release(lane, text)
            if self.closing:
                self._written[name] = (holder, key)
        if released != text:
            holder[key] = released
        return released

    def pause(self, part: Part) -> bool:
        """Let out, into the part at hand, what earlier channels hold for no more than its first letters.

        Return whether there was any.
        """
        self.opened = False
        *earlier, _ = self._lanes.values()
        left = False
        for lane in earlier:
            text = lane.gate.pause() if lane.gate is not None else ""
            if text:
                holder, key = _find(part, lane.name)
                holder[key] = (holder.get(key) or "") + text
                left = True
        return left

    def keep(self, text: str) -> None:
        """Keep a piece of the content to be verified at the end."""
        if self.kept is not None:
            if self._ledger.keeps(len(text)):
                self.kept.append(text)
            else:
                self.kept = None

    def tokens(self, channel: str, entries: list[Entry]) -> list[Entry]:
        """Take in entries of log probabilities of a channel and return those that may leave."""
        name = f"logprobs.{channel}"
        if self._compiled.observes and self._ledger.guard.is_raised:  # what was observed is redacted now
            self._token_lanes[name] = None
            self._ledger.note_once("unknown-field", "withheld", "redact", channel=name, choice=self.index)
            return []
        if not (self._compiled.strips or self._compiled.holds):
            return entries
        if name not in self._token_lanes:
            self._token_lanes[name] = TokenLane(self._compiled, self._unknown, name, self.index)
        lane = self._token_lanes[name]
        if lane is None:
            return []
        try:
            for position, rule in lane.feed(entries):
                self._note(name, position, rule, "redact")
            return self._let_out(channel, lane, last=False)
        except Exception as error:
            return self._fail_tokens(name, error)

    def _fail_tokens(self, name: str, error: Exception) -> list[Entry]:
        """Go on without log probabilities, or end the answer there."""
        action = self._failures.action(RULES, error)
        self._ledger.note("failed", RULES, action, channel=name, choice=self.index)
        self._token_lanes[name] = None
        if action != "observe":
            self.stopped_by = self.stopped_by or action
        return []

    def _last_tokens(self, channel: str, name: str, lane: TokenLane | None) -> list[Entry]:
        if lane is None or (self._compiled.observes and self._ledger.guard.is_raised):
            return []
        try:
            return self._let_out(channel, lane, last=True)
        except Exception as error:
            return self._fail_tokens(name, error)

    def tool(self, index: int) -> int:
        """Return the place of a tool call, from 0: clients index a list by it, some servers begin at 1."""
        self.has_tool_call = True
        if len(self._tools) >= MAX_TOOL_CALLS:
            return self._tools.get(index, MAX_TOOL_CALLS)
        return self._tools.setdefault(index, len(self._tools))

    def end(self, part: Part, choice: Chunk) -> None:
        """Close every lane into the choice's last part: what was held leaves now, and nothing after it."""
        for lane in self._lanes.values():
            text = self._conclude(lane)
            if text:
                holder, key = self._written.get(lane.name) or _find(part, lane.name)
                holder[key] = (holder.get(key) or "") + text
        for name, lane in tuple(self._token_lanes.items()):
            channel = name.removeprefix("logprobs.")
            entries = self._last_tokens(channel, name, lane)
            if entries:
                logprobs: dict[str, list[Entry] | None] = choice.get("logprobs") or {}
                choice["logprobs"] = {**logprobs, channel: [*(logprobs.get(channel) or []), *entries]}
        self.ended = True

    def _open(self, name: str, *, escaped: bool) -> Lane | None:
        if not self._ledger.opens_channel():
            self._ledger.note_once("answer", "too-many-channels", "redact", channel="", choice=self.index)
            return None
        escaped |= self._json and name == "content"
        call = name.rpartition(".")[0]
        sensors = self._sensors.of(name, self._calls.get(call), json=self._json and name == "content")
        for sensed in sensors:
            if isinstance(sensed.sensor, ToolNameSensor):
                self._calls[call] = sensed.sensor
        guard = self._ledger.guard
        lane = self._lanes[name] = Lane(name, self._compiled, sensors, self._failures, guard, escaped=escaped)
        self.opened = len(self._lanes) > 1
        return lane

    def _pass_found(self, lane: Lane, text: str, found: Sequence[Finding]) -> str:
        """Pass a piece in which sensors found something: up to there, and on where that ends nothing."""
        before, done, out = lane.characters - len(text), 0, ""
        for at, sensed in found:
            if self._action_of(sensed) != "observe":
                lane.keep_back(sensed)
            released = self._release(lane, text[done:at])
            out, done = out + released, at
            if self.stopped_by is not None:  # a rule came first, so this was never reached
                return out
            if self._act(lane, sensed, before + at):
                return out
        return out + self._release(lane, text[done:])

    def _act(self, lane: Lane, sensed: Sensed, at: int) -> bool:
        """Note what a sensor found, and return whether the answer ends there."""
        action = self._action_of(sensed)
        self._ledger.note(
            sensed.detector, sensed.rule, action, channel=lane.name, choice=self.index, position=at
        )
        if action == "observe":
            return False
        self.stopped_by, lane.ends_at = action, at
        self.refuses_tool = isinstance(sensed.sensor, ToolNameSensor)
        return True

    def _action_of(self, sensed: Sensed) -> Action:
        """Return what is done about what a sensor found: a passage that it shows cannot be taken out of a text."""
        if sensed.action == "retry" and sensed.only_in_time and self._ledger.said_something:
            return "observe"
        if sensed.action in ("observe", "redact"):
            raised = sensed.detector in LEAKS and self._ledger.guard.is_raised
            return "cut" if raised else "observe"
        return sensed.action

    def _conclude(self, lane: Lane) -> str:
        """Return what of a lane leaves at its end."""
        if self.stopped_by is not None:
            return ""
        for at, sensed in lane.conclude():
            if self._action_of(sensed) != "observe":
                lane.keep_back(sensed)
            if self._act(lane, sensed, at):
                return ""
        return self._release(lane, "", last=True)

    def _release(self, lane: Lane, text: str, *, last: bool = False) -> str:
        gate = lane.gate
        if gate is None:
            return text
        try:
            released = gate.feed(text, last=last)
        except Exception as error:
            return self._fail(lane, gate, text, error)
        if gate.hits:
            for position, rule in gate.hits:
                self._note(lane.name, position, rule, rule.action)
            if gate.stop is not None:
                self.stopped_by, lane.ends_at = gate.stop.action, gate.hits[-1][0]
            gate.hits = []
        return released

    def _fail(self, lane: Lane, gate: Gate, text: str, error: Exception) -> str:
        """Go on without a gate that failed, or end the answer there."""
        action = self._failures.action(RULES, error)
        self._ledger.note(
            "failed", RULES, action, channel=lane.name, choice=self.index, position=gate.settled
        )
        if action == "observe":
            lane.gate = None
            return gate.give_up(text)
        self.stopped_by, lane.ends_at = action, gate.settled
        return ""

    def _note(self, channel: str, position: int, rule: Rule, action: Action) -> None:
        count = self._noted.get(channel, 0)
        if count < MAX_VERDICTS_PER_CHANNEL:
            self._noted[channel] = count + 1
            self._ledger.note(
                rule.detector, rule.name, action, channel=channel, choice=self.index, position=position
            )

    def _let_out(self, channel: str, tokens: TokenLane, *, last: bool) -> list[Entry]:
        """Return the entries that may leave.

        Of a channel that was stopped those up to there, of any other none that came after the stop. What a
        sensor holds back in the channel is held here too.
        """
        lane = self._lanes.get(channel)
        ends_at = lane.ends_at if lane is not None else None
        if self.stopped_by is not None and ends_at is None and (last or lane is None or lane.shut):
            ends_at = -1
        gate = lane.gate if lane is not None else None
        held_from = gate.settled if gate is not None and gate.hold_from is not None else None
        if held_from is not None and ends_at is not None:
            ends_at = min(ends_at, held_from)
        return tokens.release(ends_at, held_from=held_from if ends_at is None else None, last=last)


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
