"""A small file that several processes change: under a lock, and each time as a whole.

Two changes at once lose nothing, and a crash leaves the file as it was or as it is to be.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_LOCK_POLL_S = 0.02
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


class LockedFile:
    """One file, with a lock file of its own beside it, because the file itself is replaced."""

    def __init__(self, path: Path, *, most_bytes: int, lock_timeout_s: float = 10.0) -> None:
        self.path = path
        self.lock = path.with_suffix(".lock")
        self._most_bytes = most_bytes
        self._lock_timeout_s = lock_timeout_s

    def read(self) -> bytes | None:
        """Return what is in it; `None` where there is no file.

        Raises:
            OSError: it cannot be read.
            ValueError: it is larger than it may be.
        """
        try:
            with self.path.open("rb") as file:
                content = file.read(self._most_bytes + 1)
        except FileNotFoundError:
            return None
        if len(content) > self._most_bytes:
            raise ValueError(f"is larger than {self._most_bytes:,} bytes")
        return content

    def write(self, content: bytes) -> None:
        """Replace the file as a whole; only while it is locked. It outlives a power cut. Raises OSError."""
        new = self.path.with_suffix(f"{self.path.suffix}.new")
        new.unlink(missing_ok=True)  # what a killed process may have left
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep all others out who ask for the lock. Raises OSError, TimeoutError among them."""
        self.path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        try:
            self._wait_for(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _wait_for(self, descriptor: int) -> None:
        deadline = time.monotonic() + self._lock_timeout_s
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    message = f"{self.lock} has been locked by another process for {self._lock_timeout_s:g} s"
                    raise TimeoutError(message) from None
            time.sleep(_LOCK_POLL_S)
