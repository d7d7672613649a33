"""Which sensors watch a channel, how their findings are called, and what is done about them."""

import logging
from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import blake2b
from typing import Any

import msgspec

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.domain.verdict import Action
from guardian_cluster.watcher.invisible import InvisibleDetector
from guardian_cluster.watcher.json_prefix import JsonPrefix
from guardian_cluster.watcher.prompt_leak import MAX_CHARACTERS, PromptLeakDetector, PromptShingles
from guardian_cluster.watcher.refusal_opener import RefusalOpener
from guardian_cluster.watcher.repetition import RepetitionDetector
from guardian_cluster.watcher.schema import MAX_SCHEMA_BYTES
from guardian_cluster.watcher.schema_rules import SchemaRules
from guardian_cluster.watcher.script_switch import ScriptSwitchDetector
from guardian_cluster.watcher.sensor import Sensor
from guardian_cluster.watcher.tool_calls import ToolCallCheck
from guardian_cluster.watcher.tool_sensors import ToolArgumentsSensor, ToolNameSensor

SPOKEN = frozenset({"content", "reasoning_content", "reasoning", "refusal"})
"""Channels that hold prose."""

INSTRUCTIONS = frozenset({"system", "developer"})
"""Roles of messages that are the operator's own."""

_WRITTEN = (".arguments", ".input")
"""Ends of the names of channels in which a model writes to a tool: in what it looks up or sends, a prompt gets out as
well. They are watched as they are written, so a word behind an escape as `\\n` is not known."""

_PROMPTS = 64
"""System prompts kept ready, at most 0.65 MB each; programs send the same few again and again."""

_MAX_TOOLS_BYTES = 256_000
"""Of the tools of a request; the calls of one with more are not checked against them. To read these takes some 2 ms."""

log = logging.getLogger("guardian.gateway")


class Sensed(msgspec.Struct, frozen=True):
    """A sensor in its place."""

    detector: str
    named: str
    """How its finding is called; what the sensor itself calls it comes behind."""
    action: Action
    sensor: Sensor
    only_in_time: bool = False
    """Whether the answer is let go on where content has left: half a document is worth less than a broken one."""

    @property
    def rule(self) -> str:
        """Return how the finding is called."""
        return self.named + (self.sensor.rule or "")


class Sensors:
    """Which sensors the channels of one answer have."""

    def __init__(self, policy: WatchPolicy, request: ChatRequest) -> None:
        self._policy = policy
        self._request = request

    def of(self, channel: str, call: ToolNameSensor | None = None, *, json: bool) -> list[Sensed]:
        """Return new sensors for a channel.

        `json` says that its text is to be the document asked for; `call` knows the name of the call whose arguments
        it is.
        """
        policy = self._policy
        sensors = [Sensed("answer", "repetition", policy.on_repetition, RepetitionDetector())]
        if policy.on_invisible != "ignore":
            sensors.append(Sensed("answer", "invisible-characters", policy.on_invisible, InvisibleDetector()))
        if json:
            form = JsonPrefix(self._schema)
            sensors.append(Sensed("answer", "format-", policy.on_schema_violation, form, only_in_time=True))
        elif channel in SPOKEN:
            sensors += self._of_prose(channel)
        elif policy.on_tool_call != "ignore" and (sensor := self._of_call(channel, call)) is not None:
            sensors.append(Sensed("tool-call", "", policy.on_tool_call, sensor))
        if policy.on_prompt_leak != "ignore" and (shingles := self._shingles_for(channel)) is not None:
            leak = PromptLeakDetector(shingles)
            sensors.append(Sensed("prompt-leak", "system-prompt", policy.on_prompt_leak, leak))
        return sensors

    def _shingles_for(self, channel: str) -> PromptShingles | None:
        return self._shingles if channel in SPOKEN or channel.endswith(_WRITTEN) else None

    def _of_prose(self, channel: str) -> list[Sensed]:
        policy = self._policy
        sensors: list[Sensed] = []
        if policy.on_script_switch != "ignore":
            sensors.append(Sensed("answer", "script-switch", policy.on_script_switch, ScriptSwitchDetector()))
        if channel == "content" and policy.on_refusal != "ignore":
            opener = Sensed("answer", "refusal-opener", policy.on_refusal, RefusalOpener(), only_in_time=True)
            sensors.append(opener)
        return sensors

    def _of_call(self, channel: str, call: ToolNameSensor | None) -> Sensor | None:
        if self._tools is None:
            return None
        if channel.endswith(".name"):
            return ToolNameSensor(self._tools)
        if call is not None and channel.endswith(".arguments") and self._tools.name(call.name) is None:
            return ToolArgumentsSensor(self._tools, call.name)
        return None

    @cached_property
    def _tools(self) -> ToolCallCheck | None:
        request, allowed = self._request, self._policy.allowed_tools
        tools: list[Any] = [*(request.tools or ()), *(request.functions or ())]
        if len(msgspec.json.encode(tools)) > _MAX_TOOLS_BYTES:
            return None
        return ToolCallCheck(tools, frozenset(allowed) if allowed is not None else None)

    @cached_property
    def _schema(self) -> SchemaRules | None:
        wanted = self._request.response_format
        schema = wanted.json_schema.schema if wanted is not None and wanted.json_schema is not None else None
        if schema is None or len(msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
            return None
        return SchemaRules(schema)

    @cached_property
    def _shingles(self) -> PromptShingles | None:
        shingles = _PREPARED.of("\n".join(_first(self._texts(instructions=True), MAX_CHARACTERS)))
        return shingles.without(self._texts(instructions=False)) if shingles is not None else None

    def _texts(self, *, instructions: bool) -> Iterator[str]:
        """Yield the operator's texts from the first on, or all others from the last on."""
        messages = self._request.messages if instructions else reversed(self._request.messages)
        return (each.text() for each in messages if (each.role in INSTRUCTIONS) is instructions)


class _PreparedPrompts:
    """System prompts made ready, those used last; known by digests, for clients choose what they are."""

    def __init__(self) -> None:
        self._ready: dict[bytes, PromptShingles | None] = {}

    def of(self, system: str) -> PromptShingles | None:
        """Return a prompt made ready, `None` where nothing could be told from it."""
        key = blake2b(system[:MAX_CHARACTERS].encode("utf-8", "surrogatepass"), digest_size=16).digest()
        ready = self._ready.pop(key) if key in self._ready else PromptShingles.of(system)
        self._ready[key] = ready  # the last ones are those used last
        while len(self._ready) > _PROMPTS:
            del self._ready[next(iter(self._ready))]
        return ready


_PREPARED = _PreparedPrompts()


def _first(texts: Iterable[str], characters: int) -> Iterator[str]:
    """Yield texts until there are so many characters."""
    for text in texts:
        yield text[:characters]
        characters -= len(text) + 1
        if characters <= 0:
            return
