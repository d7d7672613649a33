"""Decides where a document is cut into passages: at headings, between paragraphs, and only then inside one."""

import re
from collections.abc import Iterable, Iterator, Sequence

from guardian_cluster.documents.block import Block, Passage, Unreadable, Wordless

TARGET_CHARACTERS = 900
"""Paragraphs under one heading are joined up to this: as much as answers one question, about 200 tokens."""

MOST_CHARACTERS = 1_500
"""No passage is longer."""

OVERLAP_CHARACTERS = 150
"""Repeated where a paragraph had to be cut, so that a sentence at the cut stands whole in one of the two."""

MOST_PASSAGES = 20_000
"""18 MB of words; beyond it a file is a database, or was made to become larger by being read."""

_SENTENCE_END = re.compile(r"[.!?。！？][\"')\]»”’]{0,3}\s|[。！？]|\n")


def split(blocks: Iterable[Block]) -> tuple[Passage, ...]:
    """Return the passages of a document in order; raises Unreadable where they are far too many, or none (Wordless)."""
    passages: list[Passage] = []
    for passage in _packed(_cut(blocks)):
        passages.append(passage)
        if len(passages) > MOST_PASSAGES:
            raise Unreadable(
                f"gives more than {MOST_PASSAGES:,} passages; split it, or load it into a database"
            )
    if not passages:
        raise Wordless("holds no words")
    return tuple(passages)


def _packed(blocks: Iterable[Block]) -> Iterator[Passage]:
    """Join neighbours under the same heading while they stay short."""
    together: list[Block] = []
    size = 0
    for block in blocks:
        joins = together and together[0].heading == block.heading and bool(block.first_line)
        if together and not (joins and size + len(block.text) <= TARGET_CHARACTERS):
            yield _passage(together)
            together, size = [], 0
        together.append(block)
        size += len(block.text) + 2
    if together:
        yield _passage(together)


def _passage(blocks: Sequence[Block]) -> Passage:
    text = "\n\n".join(block.text for block in blocks)
    return Passage(text, blocks[0].heading, blocks[0].first_line, blocks[-1].last_line)


def _cut(blocks: Iterable[Block]) -> Iterator[Block]:
    """Cut the blocks that are too long, and leave out those without a letter or digit."""
    for block in blocks:
        if len(block.text) <= MOST_CHARACTERS:
            if any(map(str.isalnum, block.text)):
                yield block
        else:
            yield from _pieces(block)


def _pieces(block: Block) -> Iterator[Block]:
    text = block.text
    start = 0
    line, counted = block.first_line, 0
    while start < len(text):
        end = _end(text, start)
        line, counted = line + text.count("\n", counted, start), start
        piece = text[start:end].strip()
        if any(map(str.isalnum, piece)):
            above = text.count("\n", start, text.index(piece[0], start))
            yield Block(piece, block.heading, *_lines(block, line + above, piece.count("\n")))
        if end == len(text):
            return
        start = _restart(text, start, end)


def _lines(block: Block, first: int, further: int) -> tuple[int, int]:
    """Return the lines of a piece; those of the block where its text is not laid out as in the file."""
    if not block.first_line or block.text.count("\n") != block.last_line - block.first_line:
        return block.first_line, block.last_line
    return first, first + further


def _end(text: str, start: int) -> int:
    """Return where a piece ends: behind the last sentence or line that fits, else word, else anywhere."""
    limit = start + MOST_CHARACTERS
    if limit >= len(text):
        return len(text)
    least = start + MOST_CHARACTERS // 2
    ends = [found.end() for found in _SENTENCE_END.finditer(text, least, limit)]
    if ends:
        return ends[-1]
    space = text.rfind(" ", least, limit)
    return space + 1 if space >= 0 else limit


def _restart(text: str, start: int, end: int) -> int:
    """Return where the next piece begins: at a sentence within the overlap, else at a word."""
    earliest = max(end - OVERLAP_CHARACTERS, start + 1)
    found = _SENTENCE_END.search(text, earliest, end)
    if found and found.end() < end:
        return found.end()
    space = text.find(" ", earliest, end)
    return space + 1 if 0 <= space < end - 1 else end
