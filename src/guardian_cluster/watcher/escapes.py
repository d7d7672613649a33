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

LONGEST_ESCAPE = 12
"""Characters of a surrogate pair."""

_TRIES = 50

_QUOTE = re.compile('"')

_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_QUICK = [("\\" + letter, _SHORT.get(letter, letter)) for letter in 'nt"/rbf']


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

    def since_escape(self, index: int, before: int) -> int:
        """Return how many characters of `text` stand between a position and the last escape before it.

        `before` says how many stood there before this text.
        """
        escapes = bisect_left(self.marks, index)
        return index - self.marks[escapes - 1] - 1 if escapes else before + index


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


def read_plainly(raw: str) -> str | None:
    """Return what `decode` reads in a text that ends between two escapes, many times as fast.

    `None` stands for texts that are not read so: those with an escape that JSON does not know, or that none ends.
    """
    if "\0" in raw or "\\u0000" in raw:
        return None
    text = raw.replace("\\\\", "\0")  # so that every backslash left begins an escape
    for escape, character in _QUICK:
        text = text.replace(escape, character)
    if "\\" in text:
        try:
            units = text.encode("raw_unicode_escape").decode("raw_unicode_escape")
            text = units.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        except UnicodeError:
            return None
        if "\\" in text or "\\U" in raw or "\ud800" <= text[-1] <= "\udbff":
            return None
    return text.replace("\0", "\\")


def quotation_marks(held: Written) -> list[int]:
    """Return where in `text` the quotation marks stand that are not escaped: they begin and end strings."""
    found = [each.start() for each in _QUOTE.finditer(held.text)]
    if not held.marks or not found:
        return found
    escaped = set(held.marks)
    return [at for at in found if at not in escaped]


def quotes_in(raw: str) -> int:
    """Return how many quotation marks in a piece that begins between two escapes are not escaped."""
    text = raw.replace("\\\\", "")
    return text.count('"') - text.count('\\"')


def between_escapes(raw: str, before: int) -> int | None:
    """Return a position up to `before` that no escape stands around: its text can be read from there on.

    `None` says that none was found soon.
    """
    for _ in range(_TRIES):
        if before <= 0:
            return 0
        escape = raw.rfind("\\", max(0, before - LONGEST_ESCAPE), before)
        if escape < 0:
            return before
        before = escape
    return None


def _character(escape: str) -> str:
    if len(escape) == 2:
        return _SHORT.get(escape[1], escape[1])
    if len(escape) == 6:
        return chr(int(escape[2:], 16))
    high, low = int(escape[2:6], 16), int(escape[8:], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
