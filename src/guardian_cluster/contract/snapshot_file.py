"""Snapshots on disk: the one handed down on this host, and the last one served, to fall back on.

Both hold endpoints' keys, so only the owner may read them.
"""

import logging
import os
from pathlib import Path

import msgspec

from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.action import known_moves

log = logging.getLogger("guardian.contract")

FILE_NAME = "snapshot.json"
"""What is deployed: written by the deployment alone."""

SERVED_NAME = "snapshot.served.json"
"""What a gateway last served: written by gateways alone, once they do."""

VERSION = 1


class _Kept(msgspec.Struct, frozen=True):
    version: int
    snapshot: msgspec.Raw


def write_snapshot(folder: Path, snapshot: Snapshot, name: str = FILE_NAME) -> None:
    """Put a snapshot in the place of the last one, whole or not at all. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / name
    fresh = target.with_suffix(".new")
    content = msgspec.json.encode(_Kept(VERSION, msgspec.Raw(msgspec.json.encode(snapshot))))
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)


def keep_served(folder: Path, snapshot: Snapshot) -> None:
    """Keep a snapshot that is served, unless it is the one kept. Raises OSError."""
    try:
        if read_snapshot(folder, SERVED_NAME) == snapshot:
            return
    except (ValueError, FileNotFoundError):
        pass  # damaged, of another version, or not there: this one takes its place
    write_snapshot(folder, snapshot, SERVED_NAME)


def read_snapshot(folder: Path, name: str = FILE_NAME) -> Snapshot:
    """Return the snapshot on disk.

    Raises:
        ValueError: it is damaged, or of another version; the message names the file.
        FileNotFoundError: there is none.
    """
    path = folder / name
    content = path.read_bytes()
    try:
        kept = msgspec.json.decode(content, type=_Kept)
        if kept.version != VERSION:
            raise ValueError(f"{path} is of version {kept.version}; this program reads version {VERSION}")
        return _snapshot(kept.snapshot)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not a snapshot: {error}") from error


def _snapshot(content: msgspec.Raw) -> Snapshot:
    """Return a snapshot without the moves in force that only a newer control process knows: the rest is obeyed."""
    try:
        return msgspec.json.decode(content, type=Snapshot)
    except msgspec.ValidationError:
        plain = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        overlay = msgspec.json.decode(plain.get("overlay", msgspec.Raw(b"{}")), type=dict[str, msgspec.Raw])
        moves = msgspec.json.decode(overlay.get("moves", msgspec.Raw(b"[]")), type=list[msgspec.Raw])
        known = known_moves(moves)
        if len(known) < len(moves):
            log.warning("moves in force are not known here", extra={"passed_over": len(moves) - len(known)})
        overlay["moves"] = msgspec.Raw(msgspec.json.encode(known))
        plain["overlay"] = msgspec.Raw(msgspec.json.encode(overlay))
        return msgspec.json.decode(msgspec.json.encode(plain), type=Snapshot)


def stamp(folder: Path) -> tuple[int, int] | None:
    """Return what changes when the deployed snapshot does; `None` where there is none."""
    try:
        found = os.stat(folder / FILE_NAME)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
