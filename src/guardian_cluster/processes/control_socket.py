"""Holds a data folder for one control process, and listens where gateways of that folder look for it."""

import fcntl
import os
import socket
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from guardian_cluster.errors import CannotCreate, Problem
from guardian_cluster.telemetry.address import PATH_NAME, SOCKET_NAME, socket_path

LOCK_NAME = "control.lock"

LONGEST_SOCKET_PATH = 100
"""In bytes; Linux allows 107, macOS 103."""


@contextmanager
def locked(data_folder: Path) -> Generator[None, None, None]:
    """Hold the data folder for this process alone."""
    try:
        data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data_folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        message = f"{data_folder} cannot be written: {error}"
        raise _folder_problem(message, "Check its owner and mode.") from error
    try:
        _lock(descriptor, data_folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data_folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 20).decode("ascii", "replace") or "unknown"
        message = f"{data_folder} is in use by another control process (pid {holder})"
        raise _folder_problem(message, "Stop that one, or name another data folder.") from error
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())


def _folder_problem(message: str, hint: str) -> CannotCreate:
    return CannotCreate(Problem("data-folder", message, hint=hint, see="docs/design/storage.md"))


@contextmanager
def listening(data_folder: Path) -> Generator[socket.socket, None, None]:
    """Listen where gateways of this data folder look; what a killed process left there is removed first."""
    _remove_socket(data_folder)
    path = data_folder / SOCKET_NAME
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        path = _short_path(data_folder)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.setblocking(False)
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen(64)
            yield listener
    finally:
        _remove_socket(data_folder)


def _short_path(data_folder: Path) -> Path:
    """Make a private folder with a short path for the socket, and say in the data folder where it is."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or None
    path = Path(tempfile.mkdtemp(prefix="guardian-", dir=runtime)) / SOCKET_NAME
    fresh = data_folder / f"{PATH_NAME}.new"
    fresh.write_text(str(path), "utf-8")
    fresh.replace(data_folder / PATH_NAME)
    return path


def _remove_socket(data_folder: Path) -> None:
    """Remove the socket of a data folder, and the folder that was made for it, if any."""
    path = Path(socket_path(data_folder))
    with suppress(OSError):
        if path.is_socket():
            path.unlink()
        if path.parent != data_folder:
            path.parent.rmdir()
    (data_folder / PATH_NAME).unlink(missing_ok=True)
