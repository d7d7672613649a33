"""Reads text that has paragraphs at most: notes, logs, configuration and source code; and reStructuredText."""

from collections.abc import Iterator

from guardian_cluster.documents.block import Block
from guardian_cluster.documents.markdown import Outline

_ADORNMENTS = frozenset("=-~^\"'`#*+.:_<>")


def read_plain(text: str) -> Iterator[Block]:
    """Yield a block for each run of lines between empty ones."""
    return _paragraphs(text.split("\n"), Outline())


def read_restructured(text: str) -> Iterator[Block]:
    """Yield the blocks of a reStructuredText; a line with a line of one sign under it is a heading.

    The levels are not fixed: the sign that is used first is the outermost.
    """
    lines = text.split("\n")
    return _paragraphs(lines, Outline(), _headings(lines))


def _paragraphs(
    lines: list[str], outline: Outline, headings: dict[int, int] | None = None
) -> Iterator[Block]:
    """Yield the paragraphs; `headings` names the level by the index of a title's line, 0 of its adornment."""
    known = headings or {}
    paragraph: list[str] = []
    first = 1
    for index, line in enumerate(lines):
        if line.strip() and index not in known:
            first = first if paragraph else index + 1
            paragraph.append(line)
            continue
        yield from outline.block(paragraph, first, index)
        paragraph = []
        if known.get(index):
            outline.enter(known[index], line.strip())
    yield from outline.block(paragraph, first, len(lines))


def _headings(lines: list[str]) -> dict[int, int]:
    """Return the level of every title by the index of its line; 0 for the adornments about it."""
    found: dict[int, int] = {}
    styles: list[tuple[str, bool]] = []
    for index in range(1, len(lines)):
        title, under = lines[index - 1].strip(), lines[index].rstrip()
        if not _adorns(under, title) or index - 1 in found:
            continue
        over = index >= 2 and lines[index - 2].rstrip() == under
        style = (under[0], over)
        if style not in styles:
            styles.append(style)
        found[index - 1] = styles.index(style) + 1
        found[index] = 0
        if over:
            found[index - 2] = 0
    return found


def _adorns(line: str, title: str) -> bool:
    if not title or len(line) < 3 or line[0] not in _ADORNMENTS or line.strip(line[0]):
        return False
    # A shorter line is a mistake that readers forgive, down to a point; a title of signs alone is a table.
    return 2 * len(line) >= len(title) and any(character.isalnum() for character in title)
