"""Log probabilities under watch: an entry leaves whole, or not at all.

An entry stays behind where any way through the tokens and their alternatives, one of each entry, spells a
rule's text through it: alternatives are words of the model too. Tokens and their bytes are watched apart, for
a server may send them different. What has no beginning of its own, personal data and what only words before
it tell, is looked for in the tokens as one text, in their bytes as one text, and in each alternative by itself.
"""

import codecs
import re
from collections import deque
from typing import Any, cast

import msgspec

from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.rule import Rule
from guardian_cluster.watcher.unknown import Place, UnknownFields
from guardian_cluster.watcher.ways import WITHHELD, Find, Ways

Entry = dict[str, Any]
"""One token of `logprobs.content` or `logprobs.refusal`."""

MAX_ALTERNATIVES = 256
"""An entry with more is withheld: the work grows with alternatives times open ways. OpenAI sends 20 at
most."""

_MAX_EMPTY = 64
"""Entries that wait beyond the longest rule's length: those without text, which could be sent without end."""

_BEFORE = 512
"""Characters of the tokens that are kept until bytes differ from them: a word that tells of a secret may be there."""

_MAY_BE_PERSONAL = re.compile(r"[@:\d]")
"""All personal data holds one of these; nearly no alternative does."""

_TOKEN_FIELDS = frozenset({"token", "bytes", "top_logprobs"})
_ALTERNATIVE_FIELDS = frozenset({"token", "bytes"})


class _Waiting(msgspec.Struct, frozen=True):
    entry: Entry
    start: int
    end: int
    """Where its token stands in the channel."""
    bytes_start: int
    bytes_end: int
    """The same, had the bytes been sent rather than the tokens."""

    def position(self, in_bytes: int) -> int:
        """Return what position in the channel one in the text of the bytes is."""
        return min(self.start + max(0, in_bytes - self.bytes_start), self.end)


class TokenLane:
    """One list of log probabilities of one choice."""

    def __init__(self, compiled: CompiledPolicy, unknown: UnknownFields, name: str, choice: int) -> None:
        self._unknown = unknown
        self._place = Place(name, choice)
        self._alternative = Place(f"{name}.top_logprobs", choice)
        self._ways = (
            Ways(compiled.blocking.beginnings(), compiled.harmless_tokens),
            Ways(compiled.blocking_bytes, compiled.harmless_bytes),
        )
        self._waiting: deque[_Waiting] = deque()
        self._first = 0  # the number of the first one that waits
        self._hidden: set[int] = set()
        self._position = 0
        self._noted: set[tuple[int, Rule]] = set()  # what was found in the entries that wait
        self._longest = _MAX_EMPTY + compiled.blocking_bytes.longest
        self._personal = compiled.blocking.personal
        self._inexact = inexact = compiled.inexact
        self._gate = Gate(inexact) if inexact else None  # over the tokens as one text
        # Over the bytes as one text, from where they differ from the tokens; until then the end of that.
        self._bytes_gate: Gate | None = None
        self._bytes_from = 0
        self._bytes_position = 0
        self._recent = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, entries: list[Entry]) -> list[tuple[int, Rule]]:
        """Take in entries; return the rules found, with where in the channel, each of them once."""
        noted: list[tuple[int, Rule]] = []
        for entry in entries:
            token = entry.get("token") or ""
            spelled = token if self._gate is None else self._spelled(entry, token)
            found = self._take(entry, self._first + len(self._waiting), spelled)
            found |= self._read(token, spelled)
            if found:
                # By entry, so that their order is the same however many come at once.
                noted += sorted(found - self._noted, key=lambda hit: (hit[0], hit[1].name))
                self._noted |= found
        return noted

    def release(self, until: int | None, *, held_from: int | None = None, last: bool = False) -> list[Entry]:
        """Return the entries that may leave; none that ends after `until`, a position in the channel.

        Those that end after `held_from` wait.
        """
        number = self._first + len(self._waiting)
        if last:
            self._read("", "", last=True)
        free = number if last else max(self._open_from(number), number - self._longest)
        if held_from is not None and not last:
            free = self._before(held_from, free)
        out: list[Entry] = []
        while self._first < free:
            waited = self._waiting.popleft()
            if self._first not in self._hidden and (until is None or waited.end <= until):
                out.append(waited.entry)
            self._hidden.discard(self._first)
            self._first += 1
        if self._noted:
            begun = self._waiting[0].start if self._waiting else self._position
            self._noted = {hit for hit in self._noted if hit[0] >= begun}
        return out

    def _open_from(self, number: int) -> int:
        number = min(ways.earliest(number) for ways in self._ways)
        if self._gate is not None:
            number = self._before(self._gate.settled, number)
        if self._bytes_gate is not None:
            settled = self._bytes_from + self._bytes_gate.settled
            while number > self._first and self._waiting[number - self._first - 1].bytes_end > settled:
                number -= 1
        return number

    def _before(self, position: int, number: int) -> int:
        """Return the first entry, `number` at most, that ends after a position."""
        while number > self._first and self._waiting[number - self._first - 1].end > position:
            number -= 1
        return number

    def _spelled(self, entry: Entry, token: str) -> str:
        """Return what an entry's bytes spell; from the first that differ from their token on, they are read too."""
        octets = _octets(entry)
        if octets is None:
            return token
        if self._bytes_gate is None:
            if octets == token or octets.encode("latin-1") == token.encode(errors="replace"):
                self._recent = (self._recent + token)[-_BEFORE:]
                return token
            self._bytes_from = self._position - len(self._recent)
            self._bytes_gate = Gate(self._inexact)
            self._bytes_gate.feed(self._recent)
            self._bytes_gate.hits = []
        return self._decoder.decode(octets.encode("latin-1"))

    def _read(self, token: str, spelled: str, *, last: bool = False) -> set[tuple[int, Rule]]:
        """Read on; hide the entries that hold what must not leave, and return what was found."""
        if self._gate is None:
            return set()
        found, first, end = _read_on(self._gate, token, last=last)
        for number, waiting in enumerate(self._waiting, self._first) if first < end else ():
            if waiting.end > first and waiting.start < end:
                self._hidden.add(number)
        if self._bytes_gate is None:
            return found
        hits, first, end = _read_on(self._bytes_gate, spelled, last=last)
        first, end = first + self._bytes_from, end + self._bytes_from
        for number, waiting in enumerate(self._waiting, self._first) if first < end else ():
            if waiting.bytes_end > first and waiting.bytes_start < end:
                self._hidden.add(number)
        return found | {(self._in_tokens(position + self._bytes_from), rule) for position, rule in hits}

    def _in_tokens(self, position: int) -> int:
        within = (waiting for waiting in self._waiting if waiting.bytes_end > position)
        return next((waiting.position(position) for waiting in within), self._position)

    def _take(self, entry: Entry, number: int, spelled: str) -> set[tuple[int, Rule]]:
        start, bytes_start = self._position, self._bytes_position
        self._position += len(entry.get("token") or "")
        self._bytes_position += len(spelled)
        self._waiting.append(_Waiting(entry, start, self._position, bytes_start, self._bytes_position))
        overdue = number - self._longest
        oldest = max(self._first, overdue)  # what is older has left, or would have, had each entry come alone
        found = {(max(first, oldest), rule) for first, rule in self._step(entry, number)}
        for first, _ in found:
            self._hidden.update(range(first, number + 1))
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
            found.append((number, WITHHELD))
            each_of, octets = [entry], [octets[0] or _octets({"token": entry.get("token")})]
        found += [(number, rule) for rule in self._personal_in(each_of)]
        found += self._ways[0].step(number, {each.get("token") or "" for each in each_of})
        return found + self._ways[1].step(number, {text for text in octets if text is not None})

    def _personal_in(self, each_of: list[Entry]) -> set[Rule]:
        """Return the personal data that alternatives hold by themselves. The entry's own token is read elsewhere."""
        if self._personal is None:
            return set()
        own, *alternatives = each_of
        texts = {text for each in alternatives for text in _texts_of(each)} - _texts_of(own)
        found: set[Rule] = set()
        for text in filter(_MAY_BE_PERSONAL.search, texts):
            found |= {rule for _, _, rule in self._personal.scan(text, "", last=True)[0]}
        return found


def _texts_of(entry: Entry) -> set[str]:
    """Return what a token is by its text, and by its bytes."""
    octets = _octets(entry) or ""
    return {entry.get("token") or "", octets.encode("latin-1").decode(errors="replace")}


def _read_on(gate: Gate, text: str, *, last: bool) -> tuple[set[tuple[int, Rule]], int, int]:
    """Return what a gate finds in more text, and from where to where that stands."""
    before, redacting = gate.settled, gate.redacting
    gate.feed(text, last=last)
    if not gate.hits and not redacting:
        return set(), 0, 0
    found = set(gate.hits)
    gate.hits = []
    first = before if redacting else min(position for position, _ in found)
    return found, first, max(gate.settled, first + 1)


def _octets(entry: Entry) -> str | None:
    """Return the bytes of a token, each as the character of that number; `None` where they are none."""
    octets = entry.get("bytes")
    try:
        spelled = (entry.get("token") or "").encode() if octets is None else bytes(octets)
    except (ValueError, TypeError):
        return None
    return spelled.decode("latin-1")
