"""Reads HTML: the words a reader of the page sees, under its headings.

Not html.parser: it takes time quadratic in a page that opens comments and tags without closing them
(CVE-2025-6069). Here every character is passed over once.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from guardian_cluster.documents.block import Block
from guardian_cluster.documents.markdown import Outline

_NAME = re.compile(r"(/?)([A-Za-z][A-Za-z0-9]{0,15})")
_UNSEEN = frozenset({"script", "style", "template", "noscript", "svg", "iframe", "object"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BREAK_NAMES = (
    "address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer"
    " form head header hr html li main nav ol option p pre section summary table tbody tfoot thead title tr ul"
)
_BREAKS = frozenset(_BREAK_NAMES.split())
_CELLS = frozenset({"td", "th"})


def read_web_page(text: str) -> Iterator[Block]:
    """Yield the blocks of an HTML page; lines are those of its source."""
    page = _Page(text)
    position = 0
    while position < len(text):
        opened = page.find("<", position)
        yield from page.add(position, opened)
        if opened == len(text):
            break
        position, name, closing = page.tag(opened)
        yield from page.enter(name, closing, at=opened)
        if name in _UNSEEN and not closing:
            position = page.find(f"</{name}", position)
    yield from page.flush()


@dataclass(slots=True)
class _Page:
    """Where the reading of a page has got to."""

    text: str
    outline: Outline = field(default_factory=Outline)
    _lowered: str = ""
    _absent: set[str] = field(default_factory=set[str])
    _words: list[str] = field(default_factory=list[str])
    _level: int = 0
    _line: int = 1
    _counted: int = 0
    _first: int = 1

    def __post_init__(self) -> None:
        self._lowered = self.text.lower()
        if len(self._lowered) != len(self.text):  # a few letters of Turkish become two
            self._lowered = self.text

    def find(self, wanted: str, start: int) -> int:
        """Return where `wanted` is next, or the end; what is not there is looked for once only."""
        if wanted in self._absent:
            return len(self.text)
        found = self._lowered.find(wanted, start)
        if found < 0:
            self._absent.add(wanted)
            return len(self.text)
        return found

    def tag(self, start: int) -> tuple[int, str, bool]:
        """Return where the text goes on behind the tag or comment at `start`, its name, and whether it closes."""
        if self.text.startswith("<!--", start):
            return self.find("-->", start + 4) + 3, "", False
        name = _NAME.match(self.text, start + 1)
        if name is None and self.text[start + 1 : start + 2] not in ("!", "?", "/"):
            self._words.append("<")  # a sign of less, not a tag
            return start + 1, "", False
        end = self.find(">", start)
        if self.text.count('"', start, end) % 2:  # the sign was inside an attribute's value
            end = self.find(">", self.find('"', end))
        return end + 1, name[2].lower() if name else "", bool(name and name[1])

    def enter(self, name: str, closing: bool, *, at: int) -> Iterator[Block]:
        """Take in what a tag means: the end of a paragraph, a heading, a cell of a table."""
        if name in _CELLS:
            self._words.append(" | " if not closing and self._words else " ")
        elif name in _HEADINGS or name in _BREAKS:
            if self._level and (closing or name != "br"):
                self.outline.enter(self._level, self._taken())
                self._level = 0
            elif name != "br":
                yield from self.flush()
            else:
                self._words.append("\n")
            if name in _HEADINGS and not closing:
                self._level = _HEADINGS[name]
        self._count(at)

    def add(self, start: int, end: int) -> Iterator[Block]:
        """Take in text between tags."""
        piece = self.text[start:end]
        if piece.strip():
            if not any(word.strip() for word in self._words):
                self._count(start + len(piece) - len(piece.lstrip()))
                self._first = self._line
            self._words.append(_unescaped(piece))
        elif piece:
            self._words.append(" ")
        self._count(end)
        return iter(())

    def flush(self) -> Iterator[Block]:
        """Yield the paragraph that ends here."""
        first = self._first
        text = self._taken()
        yield from self.outline.block([text], first, self._line)

    def _taken(self) -> str:
        lines = "".join(self._words).split("\n")
        self._words = []
        return " ".join(" ".join(line.split()) for line in lines).strip()

    def _count(self, position: int) -> None:
        if position > self._counted:
            self._line += self.text.count("\n", self._counted, position)
            self._counted = position


def _unescaped(piece: str) -> str:
    try:
        return html.unescape(piece)
    except (ValueError, OverflowError):  # a character's number of thousands of digits
        return piece
