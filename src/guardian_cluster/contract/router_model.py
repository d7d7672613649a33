"""What the router has learned, as files beside the snapshot: a snapshot names one by its content.

The control process learns and writes a model; the deployment puts its name into the next snapshot; gateways read
it. A model that is damaged or gone costs what was learned, never a request.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

PREFIX = "router-"
SUFFIX = ".model"
POINTER_NAME = "router.json"
"""Which model is to be deployed: written by the control process, read by the deployment."""

VERSION = 1

MAX_MODEL_BYTES = 64_000_000
"""Sixty specialists' worth; a larger file is not read."""


class RouterModel(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned, in the encodings of statistics/."""

    version: int = VERSION
    before: bytes = b""
    """Of questions: how likely each specialist answers them well."""
    after: bytes = b""
    """Of questions with their answers: how likely those of each specialist are wrong."""


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """Which model the control process offers."""

    version: int = VERSION
    model: str = ""
    """Its content address; empty is none."""
    verdicts: int = 0
    """It has learned from so many."""


def address_of(data: bytes) -> str:
    """Return the content address of an encoded model."""
    return hashlib.sha256(data).hexdigest()[:32]


def write_model(folder: Path, model: RouterModel) -> str:
    """Write a model and return its address. Raises OSError."""
    data = msgspec.msgpack.encode(model)
    name = address_of(data)
    _write(folder / f"{PREFIX}{name}{SUFFIX}", data)
    return name


def read_model(folder: Path, address: str) -> RouterModel:
    """Return the model of that address.

    Raises:
        OSError: it is not there.
        ValueError: it is damaged, or of another version.
    """
    path = folder / f"{PREFIX}{address}{SUFFIX}"
    if path.stat().st_size > MAX_MODEL_BYTES:
        raise ValueError(f"{path} is larger than any model of the router")
    data = path.read_bytes()
    if address_of(data) != address:
        raise ValueError(f"{path} is not what its name says: it is damaged")
    try:
        model = msgspec.msgpack.decode(data, type=RouterModel)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path} is no model of the router: {error}") from error
    if model.version != VERSION:
        raise ValueError(f"{path} is of version {model.version}; this program reads version {VERSION}")
    return model


def offer(folder: Path, pointer: Pointer) -> None:
    """Offer a model for deployment. Raises OSError."""
    _write(folder / POINTER_NAME, msgspec.json.encode(pointer))


def delete_others(folder: Path, kept: Iterable[str]) -> None:
    """Delete models that no snapshot and no offer names."""
    names = {f"{PREFIX}{address}{SUFFIX}" for address in kept}
    for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
        if path.name not in names:
            path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
