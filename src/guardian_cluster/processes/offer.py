"""Decides which model of the router is to be deployed: the one on offer, as far as its offer can be read."""

import re
from pathlib import Path

import msgspec

from guardian_cluster.contract.router_model import POINTER_NAME, PREFIX, SUFFIX, VERSION, Pointer

_ADDRESS = re.compile(r"[0-9a-f]{32}")


def read_offer(folder: Path) -> Pointer | None:
    """Return the offer of the control process; `None` where there is none, or none that can be read.

    An offer without a model withdraws the one before it, which a damaged offer must not do.
    """
    try:
        pointer = msgspec.json.decode((folder / POINTER_NAME).read_bytes(), type=Pointer)
    except (OSError, ValueError, RecursionError):
        return None
    return pointer if pointer.version == VERSION else None


def is_there(folder: Path, model: str) -> bool:
    """Return whether there is a file of the model of that address."""
    return _ADDRESS.fullmatch(model) is not None and (folder / f"{PREFIX}{model}{SUFFIX}").is_file()
