"""Finds out while a tool call comes whether the tool is one that may be called, and the arguments are ones it takes."""

from guardian_cluster.watcher.json_prefix import JsonPrefix
from guardian_cluster.watcher.sensor import Sensor
from guardian_cluster.watcher.tool_calls import ToolCallCheck

_LONGEST_NAME = 256
"""Characters of a name that are read; OpenAI allows 64."""


class ToolNameSensor(Sensor):
    """Watches the name of one call. It breaks a rule as soon as no tool that may be called begins so."""

    def __init__(self, check: ToolCallCheck) -> None:
        self.name = ""
        """As far as it has come."""
        self._check = check

    def feed(self, text: str) -> int | None:
        """Return how many characters show that the tool may not be called, else `None`; `rule` says why."""
        before, self.name = len(self.name), (self.name + text)[:_LONGEST_NAME]
        for end in range(before + 1, len(self.name) + 1):
            self.rule = self._check.beginning(self.name[:end])
            if self.rule is not None:
                return end
        return None

    def finish(self) -> int | None:
        """Return the length of a name that is but the beginning of a tool's."""
        self.rule = self._check.name(self.name)
        return None if self.rule is None else len(self.name)

    def suspect_from(self) -> int | None:
        """Return the name's beginning while it is none of a tool."""
        return None if self._check.name(self.name) is None else 0

    @property
    def found_from(self) -> int | None:
        """All of it: half a name is another tool's."""
        return 0


class ToolArgumentsSensor(Sensor):
    """Watches the arguments of one call, of a tool whose name is known."""

    def __init__(self, check: ToolCallCheck, name: str) -> None:
        self._json: JsonPrefix = check.arguments_checker(name)

    def feed(self, text: str) -> int | None:
        """Return how many characters show that the tool does not take these arguments, else `None`."""
        at = self._json.feed(text)
        if at is not None:
            self.rule = f"arguments-{self._json.rule}"
        return at
