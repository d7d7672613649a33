"""JSON text as its reader will see it: escapes undone, with where each character stands as it was written."""

import re
from bisect import bisect_left, bisect_right

import msgspec

_HEX = "[0-9a-fA-F]"
_HIGH = rf"\\u[dD][89abAB]{_HEX}{{2}}"
_LOW = rf"\\u[dD][c-fC-F]{_HEX}{{2}}"
_WHOLE = rf"{_HIGH}{_LOW}|\\u{_HEX}{{4}}|\\."
_OPEN = rf"(?:{_HIGH})?\\(?:u{_HEX}{{0,3}})?\Z|{_HIGH}\Z"
"""An escape that the end of a piece leaves open: eleven characters at most; a high surrogate waits for its
low half."""

_ESCAPE = re.compile(rf"(?P<open>{_OPEN})|{_WHOLE}", re.DOTALL)
_LAST_ESCAPE = re.compile(_WHOLE, re.DOTALL)

_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Written(msgspec.Struct, frozen=True):
    """A text and how it was written."""

    raw: str
    """As the model wrote it."""
    text: str
    """As its reader sees it; `text` and `raw` are the same where nothing is escaped."""
    marks: list[int]
    """Positions in `text` of the characters that are written as escapes."""
    ends: list[int]
    """For each mark, the position in `raw` after its escape."""
    tail: str = ""
    """The beginning of an escape, which is not in `raw`."""

    def start(self, index: int) -> int:
        """Return where in `raw` a character of `text` begins."""
        before = bisect_left(self.marks, index)
        return self.ends[before - 1] + index - self.marks[before - 1] - 1 if before else index

    def character(self, offset: int) -> int:
        """Return which character of `text` a position of `raw` belongs to."""
        before = bisect_right(self.ends, offset)
        index = self.marks[before - 1] + 1 + offset - self.ends[before - 1] if before else offset
        return min(index, self.marks[before]) if before < len(self.marks) else index


def plain(text: str) -> Written:
    """Return a text that is read as it is written."""
    return Written(text, text, [], [])


def decode(raw: str, *, last: bool = False) -> Written:
    """Undo JSON string escapes (RFC 8259, section 7) in a piece of text that begins between two of them.

    A backslash outside a string is no JSON, so whether one stands inside a string need not be known. `last`
    says that nothing follows, so that an escape left open stands for itself.
    """
    pieces: list[str] = []
    marks: list[int] = []
    ends: list[int] = []
    at = size = 0
    for found in (_LAST_ESCAPE if last else _ESCAPE).finditer(raw):
        start, end = found.span()
        if found.lastgroup == "open":
            return Written(raw[:start], "".join([*pieces, raw[at:start]]), marks, ends, raw[start:])
        size += start - at
        marks.append(size)
        ends.append(end)
        size += 1
        pieces += (raw[at:start], _character(found.group()))
        at = end
    return Written(raw, "".join([*pieces, raw[at:]]), marks, ends)


def _character(escape: str) -> str:
    if len(escape) == 2:
        return _SHORT.get(escape[1], escape[1])
    if len(escape) == 6:
        return chr(int(escape[2:], 16))
    high, low = int(escape[2:6], 16), int(escape[8:], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
