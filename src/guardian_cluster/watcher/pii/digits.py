"""Reads groups of digits with what may stand between them: cards, telephone numbers and addresses are such groups."""

import re
from functools import cached_property
from typing import Protocol

from guardian_cluster.watcher.pii.context import said_before
from guardian_cluster.watcher.pii.found import Found, Kind

WINDOW = 48
"""Characters from a number's start within which everything is decided, so at most so many are held for digits.
A telephone number takes 22, and whether a card begins in it, 25 more."""

BLANKS = " \u00a0\u202f"
DASHES = "-\u2010\u2011\u2013"
"""Models write numbers with no-break hyphens and en dashes, too."""

_BETWEEN = re.escape(BLANKS + DASHES) + "./()"
AFTERWARDS = ("office", "phone", "mobile", "cell", "home", "work", "direct", "fax", "tel")
"""Words that say after a number what it is, as in lists of addresses: "-Fax", " (mobile)"."""


def _beginning(word: str) -> str:
    return word[0] + (f"(?:{_beginning(word[1:])})?" if len(word) > 1 else "")


_LABEL = "|".join(map(_beginning, AFTERWARDS))
_CHAIN = re.compile(
    rf"[(+]{{0,2}}[0-9]*(?:[{_BETWEEN}]{{1,3}}[0-9]+)*[{_BETWEEN}]{{0,3}}"
    rf"(?:(?i:{_LABEL})|(?:(?:[eE](?:xt?)?\.?|x|\#) ?)?[0-9]*)"
)
_GROUP = re.compile(rf"([0-9]+)([{_BETWEEN}]{{0,3}})")
_MOST_GROUPS = 9
"""One more than any item has: a French number with its country's code and "(0)" has seven."""
_STARTS = re.compile(r"(?<![0-9])[0-9]")
_WORD = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_DIGITS = frozenset("0123456789")


class Number:
    """The groups of digits that follow a position, as far as they are told apart by one to three separators."""

    def __init__(self, view: str, start: int) -> None:
        self.view = view
        self.start = start
        self.limit = start + WINDOW
        self.prefix = 0  # characters of "(" and "+" that stand before the first digit
        while self.prefix < 2 and view[start + self.prefix : start + self.prefix + 1] in ("(", "+"):
            self.prefix += 1

    def is_open(self) -> bool:
        """Whether what follows the view could add to the number or change what it is."""
        size = len(self.view)
        if size >= self.limit:
            return False
        chain = _CHAIN.match(self.view, self.start, self.limit)
        return chain is not None and chain.end() == size

    @cached_property
    def groups(self) -> list[tuple[int, int]]:
        """Start and end of each group of digits."""
        return [(m.start(1), m.end(1)) for m in self._matches]

    @cached_property
    def between(self) -> list[str]:
        """What follows each group: one to three separators, or nothing where the number ends."""
        return [m.group(2) for m in self._matches]

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """How many digits each group has."""
        return tuple(end - start for start, end in self.groups)

    @cached_property
    def _matches(self) -> list[re.Match[str]]:
        found: list[re.Match[str]] = []
        at = self.start + self.prefix
        while len(found) < _MOST_GROUPS and (match := _GROUP.match(self.view, at, self.limit)) is not None:
            found.append(match)
            at = match.end()
            if not match.group(2):
                break
        return found

    def digits(self, count: int) -> str:
        """Return the digits of the first groups."""
        return "".join(self.view[start:end] for start, end in self.groups[:count])

    def end(self, count: int) -> int:
        """Return where the first groups end."""
        return self.groups[count - 1][1]

    def alike(self, count: int, allowed: str) -> bool:
        """Return whether the same single separator, one of those allowed, stands between the first groups."""
        separators = set(self.between[: count - 1])
        return len(separators) <= 1 and all(len(each) == 1 and each in allowed for each in separators)

    def ends_word(self, count: int) -> bool:
        """Return whether neither a letter nor a decimal place follows the first groups."""
        return ends_word(self.view, self.end(count))

    def goes_on(self, count: int) -> str:
        """Return what stands between the first groups and another group of digits; nothing where none follows."""
        return self.between[count - 1] if len(self.groups) > count else ""

    def before(self, characters: int) -> str:
        """Return what stands directly before the number."""
        return self.view[max(0, self.start - characters) : self.start]

    def said(self, words: re.Pattern[str]) -> bool:
        """Return whether one of the words announces the number."""
        return said_before(self.view, self.start, words)


class NumberReader(Protocol):
    """Recognises items of one kind that begin with a group of digits, or with "+" or "(" and one."""

    kind: Kind
    prefixed: bool
    """Whether an item may begin with "+" or "("."""

    def read(self, number: Number) -> Found | None:
        """Return the item that begins the number; it is asked only when nothing that follows can matter."""
        ...


def begins_word(view: str, start: int) -> bool:
    """Return whether neither a letter, a digit, "_" nor a decimal point with its digits stands before a position.

    Letters of other scripts are boundaries: in Chinese a number follows the word directly.
    """
    before = view[start - 1 : start] if start else ""
    if before in _WORD:
        return False
    return not (before == "." and start > 1 and view[start - 2] in _DIGITS)


def ends_word(view: str, end: int) -> bool:
    """Return whether neither a letter, a digit, "_" nor a decimal point with its digits follows a position."""
    after = view[end : end + 2]
    if not after:
        return True
    if after[0] in _WORD:
        return False
    return not (after[0] == "." and after[1:] in _DIGITS)


def number_starts(view: str, base: int, *, prefixed: bool) -> list[int]:
    """Return where groups of digits start from `base` on, and up to two of "+" and "(" before them where wanted."""
    starts: list[int] = []
    for match in _STARTS.finditer(view, base):
        at = match.start()
        if prefixed:
            back = at
            while back > base and at - back < 2 and view[back - 1] in "(+":
                back -= 1
            if back < at:
                starts.append(back)
        starts.append(at)
    return starts


def number_tail(view: str, *, prefixed: bool) -> int:
    """Return where "+" or "(" at the end of the view may begin a number, or the view's length."""
    size = len(view)
    if not prefixed:
        return size
    return size - min(2, size - len(view.rstrip("(+")))
