"""Log probabilities under watch: an entry leaves whole, or not at all.

An entry stays behind where any way through the tokens and their alternatives, one of each entry, spells a
rule's text through it: alternatives are words of the model too. Tokens and their bytes are watched apart, for
a server may send them different.
"""

from collections import deque
from typing import Any, cast

import msgspec

from guardian_cluster.watcher.harmless import HarmlessTexts
from guardian_cluster.watcher.patterns import Patterns, Rule
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.unknown import Place, UnknownFields

Entry = dict[str, Any]
"""One token of `logprobs.content` or `logprobs.refusal`."""

MAX_ALTERNATIVES = 256
"""An entry with more is withheld: the work grows with alternatives times open ways. OpenAI sends 20 at
most."""

_MAX_WAYS = 64
"""Ways held open at once. Beyond, all that they run through is withheld, and they are given up."""

_MAX_EMPTY = 64
"""Entries that wait beyond the longest rule's length: those without text, which could be sent without end."""

_TOKEN_FIELDS = frozenset({"token", "bytes", "top_logprobs"})
_ALTERNATIVE_FIELDS = frozenset({"token", "bytes"})

_WITHHELD = Rule("unknown-field", "withheld", "", "redact")

Find = tuple[int, Rule]
"""Number of the entry at which a way begins that spells a rule, and which."""


class Ways:
    """The ways through the entries so far that end in the beginning of a rule."""

    def __init__(self, patterns: Patterns, harmless: HarmlessTexts) -> None:
        self._patterns = patterns
        self._harmless = harmless
        self._open: dict[str, int] = {}  # what a way spells of a rule -> the entry it begins at, the earliest

    def earliest(self, number: int) -> int:
        """Return the first entry that an open way runs through; `number` where none is open."""
        return min(self._open.values(), default=number)

    def step(self, number: int, texts: set[str]) -> list[Find]:
        """Go on through one more entry, by each of its texts; return what was spelled."""
        found: list[Find] = []
        following: dict[str, int] = {}
        leading = {head: self._leading_to(head) for head in {text[:1] for text in texts}}
        for text in texts:
            for spelled, start in leading[text[:1]]:
                self._follow(spelled, text, start, following, found)
            if text not in self._harmless:
                self._begin(text, number, following, found)
        if len(following) > _MAX_WAYS:
            found += [(start, _WITHHELD) for start in following.values()]
            following = {}
        self._open = following
        return found

    def _leading_to(self, head: str) -> list[tuple[str, int]]:
        """Return the open ways that go on with a character."""
        return [way for way in self._open.items() if self._patterns.starts_with(way[0] + head)]

    def _follow(
        self, spelled: str, text: str, start: int, following: dict[str, int], found: list[Find]
    ) -> None:
        whole = spelled + text
        if self._patterns.is_open(whole):
            following[whole] = min(start, following.get(whole, start))
        matches = self._patterns.find(whole)
        found += [(start, rule) for first, end, rule in matches if first == 0 and end > len(spelled)]

    def _begin(self, text: str, number: int, following: dict[str, int], found: list[Find]) -> None:
        matches = self._patterns.find(text)
        found += [(number, rule) for _, _, rule in matches]
        first = self._patterns.open_from(text)
        for ending in (text[n:] for n in range(first, len(text))):
            if self._patterns.is_open(ending):
                following.setdefault(ending, number)
        if not matches and first == len(text):
            self._harmless.remember(text)


class _Waiting(msgspec.Struct, frozen=True):
    entry: Entry
    start: int
    end: int
    """Where its token stands in the channel."""


class TokenLane:
    """One list of log probabilities of one choice."""

    def __init__(self, compiled: CompiledPolicy, unknown: UnknownFields, name: str, choice: int) -> None:
        self._unknown = unknown
        self._place = Place(name, choice)
        self._alternative = Place(f"{name}.top_logprobs", choice)
        self._ways = (
            Ways(compiled.blocking, compiled.harmless),
            Ways(compiled.blocking_bytes, compiled.harmless_bytes),
        )
        self._waiting: deque[_Waiting] = deque()
        self._first = 0  # the number of the first one that waits
        self._hidden: set[int] = set()
        self._position = 0
        self._longest = _MAX_EMPTY + compiled.blocking_bytes.longest

    def feed(self, entries: list[Entry]) -> list[tuple[int, Rule]]:
        """Take in entries; return the rules found, with where in the channel."""
        found: set[tuple[int, Rule]] = set()
        for entry in entries:
            found |= self._take(entry, self._first + len(self._waiting))
        return sorted(found, key=lambda hit: (hit[0], hit[1].name))

    def release(self, until: int | None, *, last: bool = False) -> list[Entry]:
        """Return the entries that may leave; none that ends after `until`, a position in the channel."""
        number = self._first + len(self._waiting)
        free = number if last else max(self._open_from(number), number - self._longest)
        out: list[Entry] = []
        while self._first < free:
            waited = self._waiting.popleft()
            if self._first not in self._hidden and (until is None or waited.end <= until):
                out.append(waited.entry)
            self._hidden.discard(self._first)
            self._first += 1
        return out

    def _open_from(self, number: int) -> int:
        return min(ways.earliest(number) for ways in self._ways)

    def _take(self, entry: Entry, number: int) -> set[tuple[int, Rule]]:
        start = self._position
        self._position += len(entry.get("token") or "")
        self._waiting.append(_Waiting(entry, start, self._position))
        found = {(max(first, self._first), rule) for first, rule in self._step(entry, number)}
        for first, _ in found:
            self._hidden.update(range(first, number + 1))
        overdue = number - self._longest
        if self._open_from(number) <= overdue:
            self._hidden.add(overdue)
        return {(self._waiting[first - self._first].start, rule) for first, rule in found}

    def _step(self, entry: Entry, number: int) -> list[Find]:
        alternatives = cast("list[Entry]", entry.get("top_logprobs") or [])
        self._unknown.strip(entry, _TOKEN_FIELDS, self._place)
        for each in alternatives:
            self._unknown.strip(each, _ALTERNATIVE_FIELDS, self._alternative)
        each_of = [entry, *alternatives]
        octets = [_octets(each) for each in each_of[: MAX_ALTERNATIVES + 1]]
        found: list[Find] = []
        if len(octets) > MAX_ALTERNATIVES or None in octets:
            found.append((number, _WITHHELD))
            each_of, octets = [entry], [octets[0] or _octets({"token": entry.get("token")})]
        found += self._ways[0].step(number, {each.get("token") or "" for each in each_of})
        return found + self._ways[1].step(number, {text for text in octets if text is not None})


def _octets(entry: Entry) -> str | None:
    """Return the bytes of a token, each as the character of that number; `None` where they are none."""
    octets = entry.get("bytes")
    try:
        spelled = (entry.get("token") or "").encode() if octets is None else bytes(octets)
    except (ValueError, TypeError):
        return None
    return spelled.decode("latin-1")
