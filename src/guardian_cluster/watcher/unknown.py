"""Fields of an answer that are not known here, and what identifies it: they leave whole, or not at all.

Nothing is known of such a field's meaning, so it cannot be held back in part like text. The strings that come
at one place (the same path; positions in lists do not count) are read as one text, in their order, and so are
the names of fields. A field is left out where that text holds a rule's, and where it ends in at least
`SUSPECT` characters of a rule's beginning, for what follows may complete it. So of a rule's text that a
server spreads over many chunks at one place, at most `SUSPECT - 1` characters leave. What it spreads over
several places is not found; `unknown_fields = "drop"` leaves it none but the identity below.
"""

from collections.abc import Set as AbstractSet
from typing import Any, cast

from guardian_cluster.watcher.ledger import Ledger
from guardian_cluster.watcher.policy import CompiledPolicy

SUSPECT = 4
"""Fewer characters are common by chance: nearly every id ends in the first letter of some rule."""

_IDENTITY = frozenset(
    {
        *("id", "object", "created", "system_fingerprint", "service_tier", "usage", "finish_reason", "type"),
        *("role", "logprob", "expires_at"),
    }
)
"""Fields that clients rely on; `drop` does not touch them, but they are watched like all others."""

_WORDS = {
    "finish_reason": {"stop", "length", "tool_calls", "content_filter", "function_call"},
    "object": {"chat.completion", "chat.completion.chunk"},
    "role": {"assistant"},
    "type": {"function", "custom", "text"},
    "service_tier": {"auto", "default", "flex", "scale", "priority"},
}
"""The protocol's own words. They always pass, and are not read: a rule may begin like one."""

_FAMILIAR = _IDENTITY | {
    *("annotations", "citations", "content_filter_results", "images", "prompt_filter_results", "provider"),
    *("provider_specific_fields", "reasoning_details", "stop_reason", "thinking", "thinking_blocks"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens"),
    *("prompt_tokens_details", "completion_tokens_details", "cached_tokens", "audio_tokens", "text_tokens"),
    *("reasoning_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens", "image_tokens"),
}
"""Names that say nothing, so that verdicts may repeat them. Any other may itself be what was withheld:
`*`."""

_MAX_OPEN = 256
"""Places with a beginning of a rule that may still complete. Nobody honest has more; all is dropped from then
on."""

_MAX_PASSED = 64

_WORDLESS = frozenset({type(None), bool})
_NUMBERS = frozenset({int, float})
_NEVER = object()


class Place:
    """A kind of object in an answer. `passed` is what passed at it last, so that constants cost one look."""

    def __init__(self, name: str, choice: int) -> None:
        self.name = name
        self.choice = choice
        self.key = hash((name, choice))
        self.passed: dict[str, Any] = {}


class UnknownFields:
    """Strips from the objects of one answer the unknown fields that may not leave."""

    def __init__(self, compiled: CompiledPolicy, ledger: Ledger) -> None:
        self._patterns = compiled.blocking
        self._harmless = compiled.harmless
        self._silent = _WORDLESS if compiled.watches_numbers else _WORDLESS | _NUMBERS
        self._ledger = ledger
        self._drop = compiled.drops_unknown
        self._plain = _IDENTITY if self._drop else _FAMILIAR
        # By path, as a hash, an ending that a rule may begin with: of the strings that came there, and of names.
        self._open: dict[int, str] = {}
        self._open_names: dict[int, str] = {}

    def strip(self, holder: dict[str, Any], known: AbstractSet[str], place: Place) -> None:
        """Remove what may not leave from the unknown fields of an object."""
        refused: list[str] | None = None
        plain, silent, passed = self._plain, self._silent, place.passed
        for name, value in holder.items():
            if name in known or (value.__class__ in silent and name in plain):
                continue
            if passed.get(name, _NEVER) == value and not self._open_names:
                continue
            if not self._leaves(name, value, place):
                refused = [name] if refused is None else [*refused, name]
        for name in refused or ():
            del holder[name]

    def _is_familiar(self, name: str, value: Any, passed: dict[str, Any]) -> bool:
        """Return whether a field is one of those that come with every answer and hold nothing; most are."""
        if value.__class__ is str:
            if value in _WORDS.get(name, ()):
                return True
            if name in _FAMILIAR and value in self._harmless and not self._open:
                passed[name] = value
                return True
            return False
        return name in _FAMILIAR and (not value or (value.__class__ is dict and self._counts(value, 2)))

    def _counts(self, value: dict[str, Any], levels: int) -> bool:
        """Return whether an object holds but numbers under familiar names, as `usage` does."""
        for name, each in value.items():
            if name not in _FAMILIAR:
                return False
            kind = each.__class__
            if kind not in self._silent and not (kind is dict and levels and self._counts(each, levels - 1)):
                return False
        return True

    def passes(self, name: str, value: Any, place: Place) -> bool:
        """Search a field; return whether it may leave."""
        findings: set[tuple[str, str]] = set()
        path = hash((place.key, name))
        if name not in _FAMILIAR:
            self._read(self._open_names, place.key, name, findings)
        if isinstance(value, str):
            self._read(self._open, path, value, findings)
        else:
            self._walk(path, value, findings)
        opens = path in self._open or place.key in self._open_names
        settled = not findings and not opens and not isinstance(value, (dict, list))
        if settled and len(place.passed) < _MAX_PASSED:
            place.passed[name] = value
        else:
            place.passed.pop(name, None)
        for detector, rule in sorted(findings):
            self._note(detector, rule, name, place)
        return not findings

    def _leaves(self, name: str, value: Any, place: Place) -> bool:
        if self._drop and name not in _IDENTITY:
            self._note("unknown-field", "dropped", name, place)
            return False
        return self._is_familiar(name, value, place.passed) or self.passes(name, value, place)

    def _note(self, detector: str, rule: str, name: str, place: Place) -> None:
        where = f"{place.name}.{name if name in _FAMILIAR else '*'}".lstrip(".")
        self._ledger.note_once(detector, rule, "redact", channel=where, choice=place.choice)

    def _walk(self, path: int, value: Any, findings: set[tuple[str, str]]) -> None:
        """Read every string of a value, names of fields included, without recursion; each place's as one text."""
        texts: dict[int, list[str]] = {}
        names: dict[int, list[str]] = {}
        waiting = [(path, value)]
        silent = self._silent
        while waiting:
            where, item = waiting.pop()
            if isinstance(item, dict):
                inner = cast("dict[str, Any]", item)
                names.setdefault(where, []).extend(name for name in inner if name not in _FAMILIAR)
                waiting += [
                    (hash((where, name)), each)
                    for name, each in reversed(inner.items())
                    if each.__class__ not in silent
                ]
            elif isinstance(item, list):
                each_of = cast("list[Any]", item)
                waiting += [(where, each) for each in reversed(each_of) if each.__class__ not in silent]
            elif item.__class__ not in silent:
                texts.setdefault(where, []).append(item if isinstance(item, str) else repr(item))
        for opened, pieces_at in ((self._open_names, names), (self._open, texts)):
            for where, pieces in pieces_at.items():
                self._read(opened, where, "".join(pieces), findings)

    def _read(self, opened: dict[int, str], where: int, text: str, findings: set[tuple[str, str]]) -> None:
        """Read a text on, and note what is found in it."""
        before = opened.pop(where, "") if opened and text else ""
        if not before and (not text or text in self._harmless):
            return
        whole = before + text
        found = self._patterns.find(whole)
        findings.update((rule.detector, rule.name) for _, _, rule in found)
        ending = whole[self._patterns.open_from(whole) :]
        if ending:
            opened[where] = ending
            if len(ending) >= SUSPECT:
                findings.add(("unknown-field", "withheld"))
            if len(opened) > _MAX_OPEN:
                self._drop, self._plain = True, _IDENTITY
        elif not found:
            self._harmless.remember(text)
