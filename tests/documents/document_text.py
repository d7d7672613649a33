"""Reads texts in tests of documents."""

from pathlib import Path

from guardian_cluster.documents.block import Block, Document
from guardian_cluster.documents.finding import find_files
from guardian_cluster.documents.formats import format_named
from guardian_cluster.documents.reading import read_document


def read(path: Path, content: bytes | str = b"") -> Document:
    """Write a file and return the document in it."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    document = read_document(path, format_named(path))
    assert document is not None
    return document


def shape(blocks: list[Block]) -> list[tuple[str, str, int, int]]:
    return [(" > ".join(each.heading), each.text, each.first_line, each.last_line) for each in blocks]


def found(*paths: Path) -> dict[str, str]:
    """Return the names of the files that are found, and why each is not read."""
    return {each.path.name: each.reason for each in find_files(paths)}
