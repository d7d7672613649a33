"""Finds a file of the data that sets are made of: in `$GUARDIAN_DATA`, else beside the repository, else nowhere."""

import gzip
import os
from pathlib import Path
from typing import Literal

Origin = Literal["given", "repository neighbour", "generated"]

REPOSITORY = Path(__file__).resolve().parents[2]
MAX_BYTES = 200_000_000
"""Of one file, unpacked."""


def given_file(name: str) -> tuple[Path, Origin] | None:
    """Return where a file is and how it was found; `None` where it is to be generated.

    A folder that `$GUARDIAN_DATA` names is taken at its word: a file that it lacks is an error of who named it,
    which shows when the file is read.
    """
    given = os.environ.get("GUARDIAN_DATA")
    if given:
        return Path(given) / name, "given"
    beside = REPOSITORY.parent.joinpath("shared", "data", name)
    return (beside, "repository neighbour") if beside.is_file() else None


def content_of(path: Path) -> bytes:
    """Return the bytes of a file, unpacked where its name ends in `.gz`. Raises OSError, EOFError or ValueError."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    return content
