"""Whether a text ends inside a fenced code block, by CommonMark 0.31 sections 4.5, 5.1 and 5.2.

A fence belongs to the block quote or list item that it stands in, and ends with it at the latest.
"""

import re
from dataclasses import dataclass, field

_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")
_CLOSING = re.compile(r"(`{3,}|~{3,})[ \t]*$")
_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)])(?:( {1,4})(?=\S)|(?=\s*$))")
_QUOTE = re.compile(r" {0,3}> ?")
_MOST_INDENT = 3
"""Of a fence, and of a list marker: a line with more is code by its indentation (section 4.4)."""


@dataclass(slots=True)
class _Open:
    """A fence under way, and what it stands in."""

    mark: str
    length: int
    depth: int
    offset: int


@dataclass(slots=True)
class Fences:
    """Reads whole lines, and knows whether a fence is open after them."""

    _open: _Open | None = None
    _offsets: list[int] = field(default_factory=list[int])
    """How far the contents of the list items are indented that the next line may stand in."""

    @property
    def is_open(self) -> bool:
        """Whether the next line stands in a fence."""
        return self._open is not None

    def take(self, line: str) -> None:
        """Read one line, without its end."""
        depth, rest = _unquoted(line.expandtabs(4))
        if self._open is None or self._ends(self._open, depth, rest):
            self._begin(depth, rest)

    def _ends(self, fence: _Open, depth: int, rest: str) -> bool:
        """Note whether the line ends the fence; return whether it is itself to be read as what follows it."""
        body = rest.lstrip(" ")
        indent = len(rest) - len(body)
        if depth < fence.depth or (body and indent < fence.offset):
            self._open = None
            return True
        closing = _CLOSING.match(body)
        is_in_reach = closing is not None and indent - fence.offset <= _MOST_INDENT
        if closing and is_in_reach and closing[1].startswith(fence.mark * fence.length):
            self._open = None
        return False

    def _begin(self, depth: int, rest: str) -> None:
        place = 0
        while True:
            body = rest[place:].lstrip(" ")
            indent = len(rest) - len(body)
            if not body:
                return
            while self._offsets and self._offsets[-1] > indent:
                self._offsets.pop()
            offset = self._offsets[-1] if self._offsets else 0
            if indent - offset > _MOST_INDENT:
                return
            if fence := _FENCE.match(body):
                self._open = _Open(body[0], len(fence[1]), depth, offset)
                return
            item = _ITEM.match(body)
            if item is None:
                return
            place = indent + item.end()
            self._offsets.append(place if item[1] else place + 1)


def _unquoted(line: str) -> tuple[int, str]:
    """Return how many block quotes a line stands in, and what it says there."""
    depth = place = 0
    while quote := _QUOTE.match(line, place):
        depth, place = depth + 1, quote.end()
    return depth, line[place:]


def ends_in_fence(text: str) -> bool:
    """Return whether what follows a text would stand in a fence, or may: a last line that is one is not over yet."""
    if "```" not in text and "~~~" not in text:
        return _may_be_fence(text.rpartition("\n")[2])
    fences = Fences()
    *lines, last = text.split("\n")
    for line in lines:
        fences.take(line.removesuffix("\r"))
    return fences.is_open or _may_be_fence(last)


def _may_be_fence(last: str) -> bool:
    """Return whether a last line that has not ended is a fence, or may yet become one."""
    body = last.lstrip(" \t>-+*0123456789.)")
    return body.startswith(("```", "~~~")) or (body != "" and body in ("`", "``", "~", "~~"))
