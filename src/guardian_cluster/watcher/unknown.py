"""Fields of an answer that are not known here, and what identifies it: they leave whole, or not at all.

Nothing is known of such a field's meaning, so it cannot be held back in part like text. A field that contains a rule's text is
left out; so is one that ends in at least `SUSPECT` characters of a rule's beginning, for what follows in the next chunk may
complete it. So of a text that a hostile server spreads over the unknown fields of many chunks, at most `SUSPECT - 1` characters
leave; a policy of `unknown_fields = "drop"` lets nothing leave that way.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, cast

from guardian_cluster.domain.verdict import Verdict
from guardian_cluster.watcher.patterns import Patterns

SUSPECT = 4
"""Fewer characters are common by chance: nearly every id ends in the first letter of some rule."""

_IDENTITY = frozenset(
    {"id", "object", "created", "system_fingerprint", "service_tier", "usage", "finish_reason", "type"}
)
"""Fields that clients rely on; `drop` does not touch them, but they are watched like all others."""

_REMEMBERED = 512
_REMEMBERED_CHARACTERS = 64


class HarmlessTexts:
    """Short texts found to hold nothing, such as `chat.completion`: they recur in every answer."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def __contains__(self, text: str) -> bool:
        return text in self._texts

    def remember(self, text: str) -> None:
        """Keep a text; the memory begins anew when it is full, for ids never recur."""
        if len(text) <= _REMEMBERED_CHARACTERS:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            self._texts.add(text)


class UnknownFields:
    """Strips from objects the unknown fields that may not leave. Their strings are one text for each path."""

    def __init__(self, patterns: Patterns, harmless: HarmlessTexts, *, drop: bool) -> None:
        self._patterns = patterns
        self._harmless = harmless
        self._drop = drop
        self._open: dict[str, str] = {}  # by path, an ending that a rule may begin with

    def strip(self, holder: dict[str, Any], known: AbstractSet[str], path: str) -> list[Verdict]:
        """Remove what may not leave from the unknown fields of `holder`; return a verdict for each field removed."""
        verdicts: list[Verdict] = []
        for key in [key for key in holder if key not in known]:
            value = holder[key]
            if value is None or isinstance(value, (int, float)):
                continue
            where = f"{path}.{key}" if path else key
            dropped = self._drop and key not in _IDENTITY
            if dropped or not all([self._passes(leaf, text) for leaf, text in _strings(value, where)]):
                del holder[key]
                rule = "dropped" if dropped else "withheld"
                verdicts.append(Verdict(detector="unknown-field", rule=rule, action="redact", channel=where))
        return verdicts

    def _passes(self, path: str, text: str) -> bool:
        before = self._open.pop(path, "")
        if not before and text in self._harmless:
            return True
        whole = before + text
        if any(rule.action != "observe" for _, _, rule in self._patterns.find(whole)):
            return False
        ending = whole[self._patterns.open_from(whole) :]
        if ending:
            self._open[path] = ending
            return len(ending) < SUSPECT
        self._harmless.remember(text)
        return True


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Walk every string of a value, keys included; list positions share a path, for lists grow from chunk to chunk."""
    waiting = [(path, value)]
    while waiting:
        where, item = waiting.pop()
        if isinstance(item, str):
            yield where, item
        elif isinstance(item, dict):
            for key, inner in cast("dict[str, Any]", item).items():
                yield f"{where}.*", key
                waiting.append((f"{where}.{key}", inner))
        elif isinstance(item, list):
            waiting.extend((f"{where}[]", inner) for inner in reversed(cast("list[Any]", item)))
