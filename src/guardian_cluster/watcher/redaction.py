"""Redacts what is kept rather than sent: every text that a rule names, whatever it does in an answer."""

import re
from typing import Any, cast

import msgspec

from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.scanner import RuleSet

MAX_REDACTIONS = 500
"""In an answer that is kept: each takes 1.5 µs, and all others wait meanwhile."""

_ESCAPED_TWICE = re.compile(r"\\(?:\\|u005[cC])")
"""A backslash in a text: what it escapes shows when the text is read as JSON."""

_SLICE = 512
"""Characters looked at between two looks at that number: rules that overlap are found many times in them."""


class Redaction:
    """Replaces the texts of rules in documents."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules.redacting()

    def of_json(self, document: str) -> str:
        """Return a JSON document in which no string, as its reader decodes it, holds a rule's text.

        Arguments of calls are JSON themselves, and read as such, too. Where a rule's text stands in a number, a
        string takes the number's place. A document that is no JSON, or nested too deeply to be read, is redacted as
        the text it is.
        """
        if not self._rules:
            return document
        gate = Gate(self._rules, escaped=True)
        as_text = gate.feed(document, last=True)
        if not (gate.hits or _ESCAPED_TWICE.search(document)):
            return document
        try:
            root = [msgspec.json.decode(document)]
            if gate.hits:
                self._walk(root)
            elif not self._has_redacted_arguments(root):
                return document
            return msgspec.json.encode(root[0]).decode()
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return as_text

    def of_text(self, text: str) -> str:
        """Return a text without the rules' texts."""
        return self._text(text) if self._rules else text

    def of_answer(self, text: str, *, whole: bool = True) -> str:
        """Do the same for a text of any length: it is cut off where to redact more would hold all others up.

        `whole` says that nothing of it is missing at its end, where a rule's text could stand by half.
        """
        if not self._rules:
            return text
        gate, out = Gate(self._rules), list[str]()
        for at in range(0, len(text), _SLICE):
            out.append(gate.feed(text[at : at + _SLICE]))
            if len(gate.hits) > MAX_REDACTIONS:
                return "".join(out)
        return "".join([*out, gate.feed("", last=whole)])

    def _walk(self, root: list[Any]) -> None:
        """Redact every name and value inside, in place and without recursion."""
        waiting: list[Any] = [root]
        while waiting:
            holder = waiting.pop()
            if isinstance(holder, list):
                values = cast("list[Any]", holder)
                values[:] = map(self._leaf, values)
                waiting += values
            elif isinstance(holder, dict):
                fields = cast("dict[str, Any]", holder)
                redacted = {self._text(name): self._leaf(each, name) for name, each in fields.items()}
                fields.clear()
                fields.update(redacted)
                waiting += fields.values()

    def _has_redacted_arguments(self, root: list[Any]) -> bool:
        """Redact arguments of calls alone, where nothing else holds a rule's text; return whether that changed any."""
        is_changed = False
        waiting: list[Any] = [root]
        while waiting:
            holder = waiting.pop()
            if isinstance(holder, list):
                waiting += cast("list[Any]", holder)
            elif isinstance(holder, dict):
                fields = cast("dict[str, Any]", holder)
                written = fields.get("arguments")
                if isinstance(written, str):
                    fields["arguments"] = self._text(written, escaped=True)
                    is_changed |= fields["arguments"] != written
                waiting += fields.values()
        return is_changed

    def _leaf(self, value: Any, name: str = "") -> Any:
        if isinstance(value, str):
            return self._text(value, escaped=name == "arguments")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            written = msgspec.json.encode(value).decode()
            redacted = self._text(written)
            return value if redacted == written else redacted
        return value

    def _text(self, text: str, *, escaped: bool = False) -> str:
        return Gate(self._rules, escaped=escaped).feed(text, last=True)
