"""Reads Markdown: headings, and the paragraphs, lists, tables and fenced code under them."""

import re
from collections.abc import Iterator

from guardian_cluster.documents.block import Block
from guardian_cluster.documents.cleaning import one_line

HEADING_CHARACTERS = 120
"""A longer heading is cut: it is repeated with every passage under it."""

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def read_markdown(text: str) -> Iterator[Block]:
    """Yield the blocks of a Markdown text."""
    outline = Outline()
    paragraph: list[str] = []
    first = 1
    fence = ""
    number = 0
    for number, line in enumerate(text.split("\n"), 1):
        if fence:
            paragraph.append(line)
            fence = "" if _closes(line, fence) else fence
            continue
        level, title = _heading(line, paragraph)
        if level and title is None:  # underlined: the paragraph is the heading
            outline.enter(level, " ".join(paragraph))
            paragraph = []
        elif level or not line.strip():
            yield from outline.block(paragraph, first, number - 1)
            paragraph = []
            if level:
                outline.enter(level, title or "")
        else:
            first = first if paragraph else number
            paragraph.append(line)
            fence = _opened(line)
    yield from outline.block(paragraph, first, number)


class Outline:
    """The headings above the line that is read."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> None:
        """Begin the section of a heading; it ends those of its level and below."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self._open.append((level, one_line(title, HEADING_CHARACTERS)))

    def block(self, lines: list[str], first: int, last: int) -> Iterator[Block]:
        """Yield the block that these lines are, if they say anything."""
        text = "\n".join(lines).rstrip()
        last -= max(len(lines) - 1 - text.count("\n"), 0)  # a fence that is never closed ends in empty lines
        if text:
            yield Block(text, tuple(title for _, title in self._open if title), first, last)


def _heading(line: str, paragraph: list[str]) -> tuple[int, str | None]:
    """Return the level (0: none) and title of a heading; no title where the lines before are it."""
    found = _ATX.match(line)
    if found:
        return len(found[1]), (found[2] or "").strip().rstrip("#").rstrip()
    bare = line.strip()
    if len(paragraph) == 1 and len(bare) >= 3 and bare.strip(bare[0]) == "" and bare[0] in "=-":
        is_table = "|" in paragraph[0]
        return (0 if is_table else "=-".index(bare[0]) + 1), None
    return 0, None


def _opened(line: str) -> str:
    found = _FENCE.match(line)
    return found[1] if found else ""


def _closes(line: str, fence: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(fence) and not bare.strip(fence[0])
