"""Whether a tool that a model calls is one that it was given and may call, and what its arguments must be."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, cast

from guardian_cluster.watcher.json_prefix import JsonPrefix
from guardian_cluster.watcher.schema_rules import SchemaRules

NameRule = Literal["unknown-tool", "tool-not-allowed"]
"""What a call's name breaks: the request offers no such tool, or the policy does not allow it."""


class ToolCallCheck:
    """Checks calls against the tools of one request, and the names that the policy allows, `None` being all."""

    def __init__(self, tools: Iterable[Mapping[str, Any]], allowed: frozenset[str] | None = None) -> None:
        """Read tools as a request lists them, `functions` of the older form among them."""
        self._allowed = allowed
        self._parameters = {name: parameters for tool in tools for name, parameters in _named(tool)}
        self._rules: dict[str, SchemaRules] = {}

    def name(self, name: str) -> NameRule | None:
        """Return the rule that a call's whole name breaks, `None` where it breaks none."""
        if name not in self._parameters:
            return "unknown-tool"
        return "tool-not-allowed" if self._allowed is not None and name not in self._allowed else None

    def beginning(self, text: str) -> NameRule | None:
        """Return the rule that a name breaks for certain which begins so, `None` while it may become a tool's."""
        if not _any_begins(self._names, text):
            return "unknown-tool"
        may_be = text not in self._parameters or _any_begins(self._allowed_names, text)
        return None if may_be else "tool-not-allowed"

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self._parameters)

    @cached_property
    def _allowed_names(self) -> list[str]:
        return [name for name in self._names if self._allowed is None or name in self._allowed]

    def arguments_checker(self, name: str) -> JsonPrefix:
        """Return what watches the arguments of one call: an object, of the tool's schema where it has one.

        For functions alone: what a custom tool is given is no JSON.
        """
        parameters = self._parameters.get(name)
        if name not in self._rules and parameters is not None:
            self._rules[name] = SchemaRules(parameters)
        return JsonPrefix(self._rules.get(name), must_be_object=True)


def _any_begins(names: Sequence[str], text: str) -> bool:
    """Return whether one of the names, in order, begins so: a name that does is the first not before the text."""
    at = bisect_left(names, text)
    return at < len(names) and names[at].startswith(text)


def _named(tool: Any) -> list[tuple[str, Any]]:
    """Return the name of a tool and the schema of its arguments; nothing where it is none that can be called."""
    given = _mapping(tool)
    for kind in ("function", "custom"):
        if kind in given:
            given = _mapping(given[kind])
            break
    name = given.get("name")
    return [(name, given.get("parameters"))] if isinstance(name, str) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
