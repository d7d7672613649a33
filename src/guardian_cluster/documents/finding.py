"""Decides which files are meant by the paths a person names: what is in a folder, and what of it is left alone."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from guardian_cluster.documents.formats import Format, format_named, format_of, why_not

MOST_FILES = 100_000
"""In one go; a path that gives more is most likely the wrong one, such as `/`."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read, or the reason why it is not read."""

    path: Path
    format: Format | None
    reason: str = ""
    """Empty where it is read."""
    named: bool = False
    """Whether a person named this very file: that it is not read is then a failure."""


def find_files(paths: Iterable[Path]) -> Iterator[Found]:
    """Yield every file at and under the paths once, in order of their names; hidden ones only where named.

    A folder's links are followed to files inside that folder alone.
    """
    seen: set[str] = set()
    for path in paths:
        for found in _in_folder(path) if path.is_dir() else _named(path):
            real = os.path.realpath(found.path)
            if real not in seen:
                seen.add(real)
                yield found


def _named(path: Path) -> Iterator[Found]:
    reason = why_not(path)
    real = Path(os.path.realpath(path))  # who names a link means what it leads to
    yield Found(real, None if reason else format_named(path), reason, named=True)


def _in_folder(top: Path) -> Iterator[Found]:
    home = os.path.realpath(top)
    for folder, folders, files in os.walk(home, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield _judged(Path(folder, name), home)


def _judged(path: Path, home: str) -> Found:
    real = os.path.realpath(path)
    if not real.startswith(home.rstrip("/") + "/"):
        return Found(path, None, "is a link that leads out of the folder")
    form = format_of(path)
    if form is None:
        return Found(path, None, why_not(path) or "is of no format that is read")
    return Found(Path(real), form)
