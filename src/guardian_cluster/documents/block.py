"""What a document becomes on its way to memory: blocks as its format knows them, passages as they are kept."""

from dataclasses import dataclass


class Unreadable(Exception):
    """A file gives no text; the message says why and goes behind its name."""


class Wordless(Unreadable):
    """A file has nothing in it to find; no fault of anybody's."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, table or record: what is not cut unless it is too long."""

    text: str
    heading: tuple[str, ...] = ()
    """The headings above it, outermost first; of a data file the keys that lead to it."""
    first_line: int = 0
    """Counted from 1; 0 where a format has no lines that mean anything to a reader."""
    last_line: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that is found and quoted as one."""

    text: str
    heading: tuple[str, ...]
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read and split."""

    origin: str
    """The absolute path it was read from: what makes it the same document when it is read again."""
    names: tuple[str, ...]
    """What it may be called, shortest first; the first that no other document has is its name."""
    digest: str
    """Of its bytes and of how they were read; the same digest means that nothing has to be done."""
    modified: float
    """Unix time."""
    size: int
    """Bytes."""
    passages: tuple[Passage, ...]
