"""One choice of an answer under watch: its lanes, and how they let text out and end."""

from typing import Any

from guardian_cluster.domain.verdict import Action, Verdict
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.gate import Passage
from guardian_cluster.watcher.lane import Lane, TokenLane
from guardian_cluster.watcher.patterns import Patterns

Part = dict[str, Any]
"""A `delta` of a stream or a `message` of a whole answer."""

TEXT_CHANNELS = ("content", "reasoning_content", "reasoning", "refusal")


class WatchedChoice:
    """Passes one choice's channels through their gates. `verdicts` grows with what they find."""

    def __init__(
        self, index: int, patterns: Patterns, byte_patterns: Patterns, verdicts: list[Verdict]
    ) -> None:
        self.index = index
        self.finish_reason: str | None = None
        self.ended = False
        self.has_tool_call = False
        self.stopped_by: Action | None = None
        self._patterns = patterns
        self._byte_patterns = byte_patterns
        self._verdicts = verdicts
        self._lanes: dict[str, Lane] = {}
        self._token_lanes: dict[str, TokenLane] = {}
        self._tools: dict[int, int] = {}

    @property
    def characters(self) -> int:
        """Characters the model wrote in this choice."""
        return sum(lane.characters for lane in self._lanes.values())

    @property
    def looped(self) -> list[Lane]:
        """The lanes that repeat themselves."""
        return [lane for lane in self._lanes.values() if lane.loop_at is not None]

    def write(self, name: str, text: str, *, escaped: bool = False) -> str:
        """Take in text of a channel and return what may leave; after a stop nothing may, in any channel."""
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name, self._patterns, escaped=escaped)
        return self._let_out(lane, lane.feed(text))

    def tokens(self, name: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take in entries of log probabilities and return those that may leave."""
        if not self._patterns.rules:
            return entries
        lane = self._token_lanes.get(name)
        if lane is None:
            lane = self._token_lanes[name] = TokenLane(self._patterns, self._byte_patterns)
        return lane.feed(entries)

    def tool(self, index: int) -> int:
        """Return the place of a tool call, counted from 0: clients index a list by it, and some servers begin at 1."""
        self.has_tool_call = True
        return self._tools.setdefault(index, len(self._tools))

    def end(self, part: Part, choice: Chunk) -> None:
        """Close every lane into the choice's last part: what was held leaves now, and nothing after it."""
        for lane in self._lanes.values():
            text = self._let_out(lane, lane.finish())
            if text:
                append(part, lane.name, text)
        for name, lane in self._token_lanes.items():
            entries = lane.finish()
            if entries:
                choice["logprobs"] = {**(choice.get("logprobs") or {})}
                choice["logprobs"][name] = [*(choice["logprobs"].get(name) or []), *entries]
        self.ended = True

    def _let_out(self, lane: Lane, passage: Passage) -> str:
        for position, rule in passage.hits:
            self._verdicts.append(
                Verdict(
                    detector=rule.detector,
                    rule=rule.name,
                    action=rule.action,
                    channel=lane.name,
                    choice=self.index,
                    position=position,
                )
            )
        if passage.stop is not None and self.stopped_by is None:
            self.stopped_by = passage.stop.action
            return passage.text
        return "" if self.stopped_by is not None else passage.text


def append(part: Part, name: str, text: str) -> None:
    """Add text to a channel of a part, by the channel's name as lanes carry it."""
    head, _, rest = name.partition(".")
    if head == "tool_calls":
        index, _, path = rest.partition(".")
        calls = part["tool_calls"] = list(part.get("tool_calls") or [])
        found = next((call for call in calls if call.get("index", calls.index(call)) == int(index)), None)
        if found is None:
            found = {"index": int(index)}
            calls.append(found)
        append(found, path, text)
    elif rest:
        part[head] = dict(part.get(head) or {})
        append(part[head], rest, text)
    else:
        part[head] = (part.get(head) or "") + text
