"""Fields of an answer that are not known here: they leave whole, or not at all."""

from collections.abc import Collection, Iterator
from typing import Any, cast

from guardian_cluster.domain.verdict import Verdict
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.patterns import Patterns


class UnknownFields:
    """Strips from an object the unknown fields that hold, or may be about to complete, a text that must not leave.

    Their strings are watched as one text for each path, so that a secret spread over many chunks is found. A field cannot be
    held back in part, for nothing is known of its meaning; so one that ends in the beginning of a rule is left out.
    """

    def __init__(self, patterns: Patterns) -> None:
        self._patterns = patterns
        self._gates: dict[str, Gate] = {}
        self._passed: dict[str, str] = {}

    def strip(self, holder: dict[str, Any], known: Collection[str], path: str) -> list[Verdict]:
        """Remove what may not leave from the unknown fields of `holder`; return a verdict for each field removed."""
        verdicts: list[Verdict] = []
        for key in [key for key in holder if key not in known]:
            where = f"{path}.{key}" if path else key
            if not all([self._passes(leaf, text) for leaf, text in _strings(holder[key], where)]):
                del holder[key]
                verdicts.append(
                    Verdict(detector="unknown-field", rule="withheld", action="redact", channel=where)
                )
        return verdicts

    def _passes(self, path: str, text: str) -> bool:
        if self._passed.get(path) == text:  # the same value in every chunk, such as a fingerprint
            return True
        gate = self._gates.setdefault(path, Gate(self._patterns))
        passage = gate.feed(text)
        if gate.held or gate.stopped or any(rule.action != "observe" for _, rule in passage.hits):
            return False
        self._passed[path] = text
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
