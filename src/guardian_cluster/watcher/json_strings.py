"""Where the strings of a JSON text are, as it grows: so that what takes a text's place leaves it JSON.

A channel counts as JSON when it begins with an object, an array or a figure. Where it is none in truth, no more comes
of it than a mark in quotation marks.
"""

import re
from bisect import bisect_left

from guardian_cluster.watcher.escapes import Written, quotation_marks

LONGEST_SCALAR = 128
"""Characters of a number, or another word outside of strings, that is replaced as a whole: so many are held at most.
A double-precision number has 24 of them."""

_SCALAR = "0123456789+-.ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SCALARS = frozenset(_SCALAR)
_RUN = re.compile(f"[{re.escape(_SCALAR)}]*")
_BLANK = " \t\r\n"
_BEGINS = frozenset("{[123456789")


def begins_json(text: str) -> bool | None:
    """Return whether a text that begins so is taken for JSON; `None` where nothing but blanks has come."""
    first = text.lstrip(_BLANK)[:1]
    return first in _BEGINS if first else None


class JsonStrings:
    """Follows one channel of JSON: what has passed, and the text at hand behind that."""

    def __init__(self) -> None:
        self.is_inside = False
        """Whether what is at hand begins inside a string."""
        self._before = 0  # characters of a number, or the like, that passed before what is at hand
        self._text = ""
        self._quotes: list[int] = []

    def passing(self, held: Written, until: int, *, last: bool) -> int:
        """Return up to where a text may pass, `until` at most, and take note that it has."""
        if not held.marks:
            return self.passing_plain(held.text, until, last=last)
        self.look(held)
        until = self.open_from(until, last=last)
        self.passed(until)
        return until

    def passing_plain(self, text: str, until: int, *, last: bool) -> int:
        """Do the same for a text without escapes."""
        if self.is_inside ^ text.count('"', 0, until) & 1:
            self.is_inside, self._before = True, 0
            return until
        until = self._scalar_from(text, until, last=last)
        self._note(text, until, inside=False)
        return until

    def passes(self, text: str, until: int, quotes: int, *, last: bool) -> bool:
        """Return whether so much of a text may pass, and take note that it has.

        `quotes` says how many of its quotation marks are not escaped.
        """
        inside = bool(self.is_inside ^ quotes & 1)
        if not inside and self._scalar_from(text, until, last=last) < until:
            return False
        self._note(text, until, inside=inside)
        return True

    def look(self, held: Written) -> None:
        """Take in the text at hand; the positions that follow are in it as it is read."""
        self._text, self._quotes = held.text, quotation_marks(held)

    def inside(self, at: int) -> bool:
        """Return whether a position is inside a string."""
        return bool(self.is_inside ^ bisect_left(self._quotes, at) & 1)

    def open_from(self, until: int, *, last: bool) -> int:
        """Return where the number begins that a position cuts off, the position itself where it cuts off none."""
        return until if self.inside(until) else self._scalar_from(self._text, until, last=last)

    def scalar(self, at: int) -> tuple[int, int]:
        """Return from where to where a number reaches around a position; from and to there where none does."""
        text = self._text
        if not 0 <= at < len(text) or text[at] not in _SCALARS or self.inside(at):
            return at, at
        start = _run_before(text, at)
        end = _RUN.match(text, at, start + LONGEST_SCALAR + 1)
        stop = end.end() if end else at
        return (at, at) if self._size(start, stop) > LONGEST_SCALAR else (start, stop)

    def passed(self, until: int) -> None:
        """Take note that so much of what is at hand has passed; the rest of it is to be looked at again."""
        self._note(self._text, until, inside=self.inside(until))
        self._text, self._quotes = "", []

    def _note(self, text: str, until: int, *, inside: bool) -> None:
        self.is_inside = inside
        if not until:
            return
        if inside or text[until - 1] not in _SCALARS:
            self._before = 0
        else:
            self._before = self._size(_run_before(text, until), until)

    def _scalar_from(self, text: str, until: int, *, last: bool) -> int:
        if not until or text[until - 1] not in _SCALARS:
            return until
        if last if until == len(text) else text[until] not in _SCALARS:
            return until
        start = _run_before(text, until)
        end = _RUN.match(text, until, start + LONGEST_SCALAR + 1)
        stop = end.end() if end else until
        return until if self._size(start, stop) > LONGEST_SCALAR else start

    def _size(self, start: int, stop: int) -> int:
        return stop - start + (self._before if start == 0 else 0)


def _run_before(text: str, at: int) -> int:
    """Return from where on, so far back at most, there is nothing but a number before a position."""
    first = max(0, at - LONGEST_SCALAR - 1)
    return first + len(text[first:at].rstrip(_SCALAR))
