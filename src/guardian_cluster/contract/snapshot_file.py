"""The snapshot on disk: how it is handed down on one host, and what a gateway restarts from."""

import os
from pathlib import Path

import msgspec

from guardian_cluster.contract.snapshot import Snapshot

FILE_NAME = "snapshot.json"
VERSION = 1


class _Kept(msgspec.Struct, frozen=True):
    version: int
    snapshot: msgspec.Raw


def write_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """Put a snapshot in the place of the last one, whole or not at all.

    It holds endpoints' keys, so only the owner may read it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / FILE_NAME
    fresh = target.with_suffix(".new")
    content = msgspec.json.encode(_Kept(VERSION, msgspec.Raw(msgspec.json.encode(snapshot))))
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)


def read_snapshot(folder: Path) -> Snapshot:
    """Return the snapshot on disk.

    Raises:
        ValueError: it is damaged, or of another version; the message names the file.
        FileNotFoundError: there is none.
    """
    path = folder / FILE_NAME
    content = path.read_bytes()
    try:
        kept = msgspec.json.decode(content, type=_Kept)
        if kept.version != VERSION:
            raise ValueError(f"{path} is of version {kept.version}; this program reads version {VERSION}")
        return msgspec.json.decode(kept.snapshot, type=Snapshot)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not a snapshot: {error}") from error


def stamp(folder: Path) -> tuple[int, int] | None:
    """Return what changes when the snapshot on disk does; `None` where there is none."""
    try:
        found = os.stat(folder / FILE_NAME)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
