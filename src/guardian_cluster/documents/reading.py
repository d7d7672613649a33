"""Reads one file into a document: what is opened, how much of it, and what identifies it."""

import errno
import hashlib
import os
import stat
from pathlib import Path

from guardian_cluster.documents.block import Document, Unreadable
from guardian_cluster.documents.cleaning import clean, one_line
from guardian_cluster.documents.decoding import decode
from guardian_cluster.documents.formats import Format
from guardian_cluster.documents.splitting import split

MOST_BYTES = 16_000_000
"""A file of more is not read: it would hold the words of twenty novels."""

READER_VERSION = b"1"
"""Part of every digest: counted up when files are to be read anew because they would be split differently."""

_NAME_CHARACTERS = 200


def read_document(
    path: Path, form: Format, *, known: str | None = None, most_bytes: int = MOST_BYTES
) -> Document | None:
    """Return the document in a file; `None` where its digest is the `known` one.

    Raises:
        Unreadable: it cannot be opened, is no file, too large, binary, or not of its format.
    """
    content, facts = _content(path, most_bytes)
    digest = hashlib.sha256(READER_VERSION + form.name.encode() + b"\0" + content).hexdigest()
    if digest == known:
        return None
    try:
        passages = split(form.read(clean(decode(content))))
    except RecursionError:
        raise Unreadable("is nested too deeply") from None
    return Document(
        origin=origin_of(path),
        names=names_of(Path(os.path.realpath(path))),
        digest=digest,
        modified=facts.st_mtime,
        size=len(content),
        passages=passages,
    )


def origin_of(path: Path) -> str:
    """Return the absolute path by which a file is known again, without links, as text any database takes."""
    return clean(os.fsencode(os.path.realpath(path)).decode(errors="backslashreplace"))


def names_of(path: Path) -> tuple[str, ...]:
    """Return what a file may be called: its name, then with ever more of the folders above it."""
    parts = [part for part in path.parts if part != path.anchor]
    names = ("/".join(parts[-count:]) for count in range(1, len(parts) + 1))
    return tuple(
        one_line(os.fsencode(name).decode(errors="backslashreplace"), _NAME_CHARACTERS) for name in names
    )


def _content(path: Path, most_bytes: int) -> tuple[bytes, os.stat_result]:
    try:
        # Not blocking: a pipe by that name would have us wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        with open(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise Unreadable("is no file")
            content = file.read(most_bytes + 1)
    except OSError as error:
        what = "is a link" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise Unreadable(what) from None
    if len(content) > most_bytes:
        raise Unreadable(f"is larger than {most_bytes:,} bytes")
    return content, facts
