"""Finds items of several kinds in growing text, and says how much of it no item can reach any more.

Positions are tried from left to right, and the first item that starts stands: what it covers starts no other. Of
items that start together the longest is right, then the order of `KINDS`. An item is decided by characters up to
`LOOK_BACK` before it and a bounded number after it, so for every way of cutting a text the same items are found,
and none of their characters is released before (property-tested).
"""

import re
from collections.abc import Callable

from guardian_cluster.watcher.pii.card import Cards
from guardian_cluster.watcher.pii.digits import Number, NumberReader, begins_word, number_starts, number_tail
from guardian_cluster.watcher.pii.email import LOCAL, LONGEST_LOCAL, PUNCTUATION, EmailAddresses
from guardian_cluster.watcher.pii.found import KINDS, LOOK_BACK, OPEN, Answer, Found, Kind, Reader
from guardian_cluster.watcher.pii.iban import Ibans
from guardian_cluster.watcher.pii.national_id import NationalIds
from guardian_cluster.watcher.pii.network_address import IPv4Addresses, IPv6Addresses
from guardian_cluster.watcher.pii.phone import PhoneNumbers
from guardian_cluster.watcher.pii.social_security import SocialSecurityNumbers

_READERS: tuple[tuple[Kind, Callable[[], Reader]], ...] = (
    ("iban", Ibans),
    ("national_id", NationalIds),
    ("ip", IPv6Addresses),
    ("email", EmailAddresses),
)
_NUMBER_READERS: tuple[tuple[Kind, Callable[[], NumberReader]], ...] = (
    ("card", Cards),
    ("us_ssn", SocialSecurityNumbers),
    ("ip", IPv4Addresses),
    ("phone", PhoneNumbers),
)
_RANK = {kind: rank for rank, kind in enumerate(reversed(KINDS))}

_ENDINGS: dict[str, str] = {
    "iban": r"(?<![A-Za-z0-9_])[A-Za-z]{1,2}",
    "national_id": r"(?<![A-Za-z0-9_])[A-Z]{1,6}[ -]?",
    "ip": r":|(?<![A-Za-z0-9_])[A-Fa-f]{1,4}",
    "email": r"[A-Za-z_.%+-]",
    "phone": r"[(+]",
}
"""What every text ends in that is the beginning of an item and has neither a digit nor an "@"."""
_GOES_ON = frozenset(LOCAL + ":")
"""What stands before a word that is not the whole of what may be an item."""
_LONGEST_ENDING = 7


class PiiDetector:
    """Finds personal data of the kinds it is made for. It keeps nothing, so one serves every channel.

    Making one for "phone" or "national_id" loads a library (60 and 35 ms), so it is made at start, not in a request.
    """

    def __init__(self, kinds: frozenset[str]) -> None:
        """Prepare for the kinds.

        Raises:
            ValueError: a kind is none of `KINDS`.
        """
        unknown = sorted(kinds.difference(KINDS))
        if unknown:
            raise ValueError(
                f"no kind of personal data is named {unknown[0]!r}; there are {', '.join(KINDS)}"
            )
        self.kinds = kinds
        self._readers = [make() for kind, make in _READERS if kind in kinds]
        self._number_readers = [make() for kind, make in _NUMBER_READERS if kind in kinds]
        self._prefixed = any(reader.prefixed for reader in self._number_readers)
        self._email = "email" in kinds
        endings = "|".join(pattern for kind, pattern in _ENDINGS.items() if kind in kinds)
        self._ending = re.compile(rf"(?:{endings})\Z" if endings else r"(?!)").search
        self._live = frozenset(
            c for c in map(chr, range(128)) if self._ending(f" {c}") or self._ending(f"A{c}")
        )
        self._trigger = re.compile("[0-9@]" if kinds else r"(?!)").search

    def find(self, text: str, *, last: bool, before: str = "") -> list[Found]:
        """Return the items in the text that nothing which may follow can change, leftmost first.

        `before` is what stands before the text, `LOOK_BACK` characters of it or all; no item starts in it. `last`
        says that nothing follows.
        """
        if self._trigger(text) is None:
            return []
        return self._scan(text, before, last=last)[0]

    def open_from(self, text: str, *, before: str = "") -> int:
        """Return the first position from which an item may begin or go on in what follows, or the text's length.

        Every item that starts before it ends before it, and `find` returns it.
        """
        if self._trigger(text) is None:
            return self._open_from_word(text, before)
        return self._scan(text, before, last=False)[1]

    def scan(self, text: str, *, last: bool, before: str = "") -> tuple[list[Found], int]:
        """Return what `find` and `open_from` do in one look."""
        if self._trigger(text) is None:
            return [], len(text) if last else self._open_from_word(text, before)
        return self._scan(text, before, last=last)

    def _open_from_word(self, text: str, before: str) -> int:
        """Do as `open_from` in a text with neither a digit nor an "@": only its last word matters."""
        size = len(text)
        if text[-1:] not in self._live:
            return size
        if self._email:  # nearly always its start, and what else may begin there begins no earlier
            rest = text.rstrip(LOCAL)
            start = len(rest)
            bounded = (rest[-1:] or before[-1:]) not in _GOES_ON
            if bounded and size - LONGEST_LOCAL <= start < size and text[start] not in PUNCTUATION:
                return start
        if self._ending(text, max(0, size - _LONGEST_ENDING)) is None:
            return size
        skipped = max(0, size - LONGEST_LOCAL - 1)
        return skipped + self._scan(text[skipped:], before + text[:skipped], last=False)[1]

    def _scan(self, text: str, before: str, *, last: bool) -> tuple[list[Found], int]:
        near = before[-LOOK_BACK:]
        view, base = near + text, len(near)
        found: list[Found] = []
        done = base
        for start in self._starts(view, base, last=last):
            if start < done:
                continue
            answer = self._at(view, start, last=last)
            if answer is OPEN:
                return found, start - base
            if answer is not None:
                found.append(answer._replace(start=start - base, end=answer.end - base))
                done = answer.end
        return found, len(text)

    def _starts(self, view: str, base: int, *, last: bool) -> list[int]:
        starts: set[int] = set()
        for reader in self._readers:
            starts.update(reader.starts(view, base))
        if self._number_readers:
            starts.update(number_starts(view, base, prefixed=self._prefixed))
        if not last:
            tails = [reader.tail(view) for reader in self._readers]
            tails.append(number_tail(view, prefixed=self._prefixed))
            starts.update(tail for tail in tails if base <= tail < len(view))
        return sorted(starts)

    def _at(self, view: str, start: int, *, last: bool) -> Answer:
        best: Found | None = None
        if self._number_readers and view[start] in "0123456789(+" and begins_word(view, start):
            number = Number(view, start)
            if not last and number.is_open():
                return OPEN
            best = self._number_at(number)
        for reader in self._readers:
            answer = reader.at(view, start, last=last)
            if answer is OPEN:
                return OPEN
            if answer is not None:
                best = _better(best, answer)
        return best

    def _number_at(self, number: Number) -> Found | None:
        best: Found | None = None
        for reader in self._number_readers:
            if not number.prefix or reader.prefixed:
                found = reader.read(number)
                if found is not None:
                    best = _better(best, found)
        return best


def _better(one: Found | None, other: Found) -> Found:
    if one is None:
        return other
    return max(one, other, key=lambda found: (found.end, _RANK[found.kind]))
