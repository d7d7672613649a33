"""Fields of an answer that are not known here, and what identifies it: they leave whole, or not at all.

Nothing is known of such a field's meaning, so it cannot be held back in part like text. The strings that come
at one place (the same path; positions in lists do not count) are read as one text, in their order
(unknown_text.py), and so are the names of fields. A field is left out where that text holds a rule's, from
there on to the end of the answer, and where it ends in at least `SUSPECT` characters of a rule's beginning,
for what follows may complete it. So of a rule's text that a server spreads over many chunks at one place, at
most `SUSPECT - 1` characters leave; of a secret that only a word before it tells, what looks like a word; of
personal data what comes before the first chunk that looks like it: of an address that before the `@`. What it
spreads over several places is not found; `unknown_fields = "drop"` leaves it none but the identity below.
"""

from collections.abc import Set as AbstractSet
from typing import Any, cast

from guardian_cluster.watcher.failing import RULES, Failures
from guardian_cluster.watcher.ledger import Ledger
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.unknown_text import SUSPECT, WITHHELD, Found, PlaceText

_IDENTITY = frozenset(
    {
        *("id", "object", "created", "system_fingerprint", "service_tier", "usage", "finish_reason", "type"),
        *("role", "logprob", "expires_at"),
    }
)
"""Fields that clients rely on; `drop` does not touch them, but they are watched like all others."""

FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
"""Those of the protocol."""

_WORDS = {
    "finish_reason": FINISH_REASONS,
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

_MAX_PLACES = 1_024
"""Places with text, of one answer: each may hold some kilobytes. Beyond, all is dropped."""

_LONG_NUMBER = 10**7
"""Personal data that is written as a number has 8 digits at least."""

_MAX_PASSED = 64

_WORDLESS = frozenset({type(None), bool})
_NUMBERS = frozenset({int, float})
_NEVER = object()
_FAILURES = Failures(())
"""A field of which nothing is known is withheld in any case."""


class Place:
    """A kind of object in an answer.

    `passed` is what passed at it last, `familiar` a whole object that would pass, from the second one on: constants
    cost one look.
    """

    def __init__(self, name: str, choice: int) -> None:
        self.name = name
        self.choice = choice
        self.key = hash((name, choice))
        self.passed: dict[str, Any] = {}
        self.familiar: dict[str, Any] | None = None
        self.comes_again = False


class UnknownFields:
    """Strips from the objects of one answer the unknown fields that may not leave."""

    def __init__(self, compiled: CompiledPolicy, ledger: Ledger) -> None:
        self._rules = compiled.blocking.beginnings()
        self._personal = compiled.blocking.personal
        self._harmless = compiled.harmless
        self._silent = _WORDLESS if compiled.watches_numbers else _WORDLESS | _NUMBERS
        self._ledger = ledger
        self._failures = _FAILURES
        self._observes = compiled.observes
        self._drop = compiled.drops_unknown
        self._plain = _IDENTITY if self._drop else _FAMILIAR
        # By path, as a hash: what came there; the first of it alone where that is known to hold nothing.
        self._texts: dict[int, str | PlaceText] = {}
        self._open: set[int] = set()  # the paths of those that end in what a rule may begin with
        # By path an ending, of the names that came there, that a rule may begin with.
        self._open_names: dict[int, str] = {}

    def strip_all_but(self, name: str, holder: dict[str, Any], known: AbstractSet[str], place: Place) -> None:
        """Do as `strip` does, for objects that come again and again with nothing new but one known field."""
        value, holder[name] = holder[name], None
        if holder != place.familiar or self._open_names:
            self.strip(holder, known, place)
            if place.comes_again:
                familiar = all(each in known or self._is_silent(each, holder[each], place) for each in holder)
                place.familiar = holder.copy() if familiar else None
            place.comes_again = True
        holder[name] = value

    def _is_silent(self, name: str, value: Any, place: Place) -> bool:
        """Return whether a field would pass again without being read."""
        if value.__class__ in self._silent and name in self._plain:
            return True
        return place.passed.get(name, _NEVER) == value or self._is_familiar(name, value, place.passed)

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
            return value in _WORDS.get(name, ())
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
        try:
            return self._passes(name, value, place)
        except Exception as error:
            return self._failed(name, place, error)

    def _failed(self, name: str, place: Place, error: Exception) -> bool:
        """Withhold a field in which nothing could be looked for."""
        self._failures.action(RULES, error)
        self._note("failed", RULES, name, place)
        return False

    def _passes(self, name: str, value: Any, place: Place) -> bool:
        findings: Found = set()
        path = hash((place.key, name))
        before = self._held_at(path)
        if name not in _FAMILIAR:
            self._read_names(place.key, name, findings)
        if isinstance(value, str):
            self._read(path, value, findings)
        elif value.__class__ not in self._silent or name not in _FAMILIAR:
            self._walk(path, value, findings)
        # An ending that was open before, and is the same again, has been looked at with this value behind it.
        after = self._held_at(path)
        opens = after is None or (after and after != before) or place.key in self._open_names
        settled = not findings and not opens and not isinstance(value, (dict, list))
        if settled and len(place.passed) < _MAX_PASSED:
            place.passed[name] = value
        else:
            place.passed.pop(name, None)
        for detector, rule in sorted(findings):
            self._note(detector, rule, name, place)
        return not findings

    def _held_at(self, path: int) -> str | None:
        """Return how the text at a place ends, as far as a rule may begin so; `None` where each piece counts."""
        text = self._texts.get(path, "")
        if isinstance(text, str):
            return ""
        return None if text.grows else text.held

    def _leaves(self, name: str, value: Any, place: Place) -> bool:
        drop = self._drop or (self._observes and self._ledger.guard.is_raised)
        if drop and name not in _IDENTITY:
            self._note("unknown-field", "dropped", name, place)
            return False
        if self._is_familiar(name, value, place.passed):
            return True
        return self._is_known(name, value, place) or self.passes(name, value, place)

    def _is_known(self, name: str, value: Any, place: Place) -> bool:
        """Return whether a field is the first text at its place, and one that is known to hold nothing."""
        if value.__class__ is not str or name not in _FAMILIAR or value not in self._harmless:
            return False
        path = hash((place.key, name))
        if path in self._texts or self._open_names:
            return False
        self._keep(path, value)
        place.passed[name] = value
        return True

    def _note(self, detector: str, rule: str, name: str, place: Place) -> None:
        where = f"{place.name}.{name if name in _FAMILIAR else '*'}".lstrip(".")
        self._ledger.note_once(detector, rule, "redact", channel=where, choice=place.choice)

    def _walk(self, path: int, value: Any, findings: Found) -> None:
        """Read every string of a value, names of fields included, without recursion; each place's as one text."""
        texts: dict[int, list[str]] = {}
        names: dict[int, list[str]] = {}
        numbers: dict[int, list[str]] = {}
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
                    if each.__class__ not in silent or (name not in _FAMILIAR and self._may_identify(each))
                ]
            elif isinstance(item, list):
                each_of = cast("list[Any]", item)
                waiting += [
                    (where, each)
                    for each in reversed(each_of)
                    if each.__class__ not in silent or self._may_identify(each)
                ]
            elif isinstance(item, str):
                texts.setdefault(where, []).append(item)
            else:
                if item.__class__ not in silent:
                    numbers.setdefault(where, []).append(repr(item))
                self._read_number(item, findings)
        for where, pieces in numbers.items():
            if where in texts:
                texts[where] += pieces
            else:
                self._read(where, "".join(pieces), findings, personal=False)
        for where, pieces in names.items():
            self._read_names(where, "".join(pieces), findings)
        for where, pieces in texts.items():
            self._read(where, "".join(pieces), findings)

    def _may_identify(self, value: Any) -> bool:
        """Return whether a value is a number that may be personal data; those with a fraction are measured."""
        if self._personal is None or value.__class__ not in _NUMBERS:
            return False
        return abs(value) >= _LONG_NUMBER and value % 1 == 0

    def _read_number(self, value: Any, findings: Found) -> None:
        if self._personal is not None and self._may_identify(value):
            found = self._personal.scan(str(value).removesuffix(".0"), "", last=True)[0]
            findings.update((rule.detector, rule.name) for _, _, rule in found)

    def _read(self, where: int, text: str, findings: Found, *, personal: bool = True) -> None:
        """Read on what comes at a place, and note what is found in it."""
        if not text:
            return
        known = self._texts.get(where)
        if known is None and text in self._harmless:
            self._keep(where, text)
        elif known != text and not (isinstance(known, PlaceText) and known.repeats(text)):
            self._read_on(where, text, findings, personal=personal)

    def _read_on(self, where: int, text: str, findings: Found, *, personal: bool) -> None:
        place = self._place_text(where)
        found: Found = set()
        if place.begin(text):
            place.read(text, found, last=True, personal=personal)
        else:
            found |= place.closed_by
        self._count_open(where, place)
        if personal and not (found or place.held or place.grows):
            self._harmless.remember(text)
        findings |= found

    def _place_text(self, where: int) -> PlaceText:
        """Return the text at a place, to be read on."""
        known = self._texts.get(where)
        if isinstance(known, PlaceText):
            return known
        place = PlaceText(self._rules, self._personal)
        if known is not None and place.begin(known):
            place.read(known, set(), last=True)
        self._keep(where, place)
        return place

    def _count_open(self, where: int, place: PlaceText) -> None:
        """Drop everything from then on where too many texts end in a rule's beginning."""
        if place.held:
            self._open.add(where)
        elif self._open:
            self._open.discard(where)
        if len(self._open) > _MAX_OPEN:
            self._drop, self._plain = True, _IDENTITY

    def _keep(self, where: int, text: str | PlaceText) -> None:
        self._texts[where] = text
        if len(self._texts) > _MAX_PLACES:
            self._drop, self._plain = True, _IDENTITY

    def _read_names(self, where: int, text: str, findings: Found) -> None:
        """Read names of fields on, and note what is found in them."""
        opened = self._open_names
        before = opened.pop(where, "") if opened and text else ""
        if not before and (not text or text in self._harmless):
            return
        whole = before + text
        found, until = self._rules.scan(whole)
        if not found and self._personal is not None:
            found = self._personal.scan(whole, "", last=True)[0]
        findings.update((rule.detector, rule.name) for _, _, rule in found)
        ending = whole[until:]
        if ending:
            opened[where] = ending
            if len(ending) >= SUSPECT:
                findings.add(WITHHELD)
            if len(opened) > _MAX_OPEN:
                self._drop, self._plain = True, _IDENTITY
        elif not found and not before:
            self._harmless.remember(text)
