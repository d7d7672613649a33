"""Keeps encoded batches on disk while nobody takes them: bounded, in order, and still there after a restart.

A folder for each boot of a gateway holds numbered segments of frames, which are deleted once all their frames
were taken. A gateway that starts takes over the folders of those that have ended, which it knows by their
lock (docs/design/storage.md). Everything here blocks and is meant for one thread. Imports no database.
"""

import fcntl
import os
import struct
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SEGMENT_BYTES = 4 * 1024 * 1024
"""The grain in which disk space is given back."""

_HEADER = struct.Struct(">II")
"""Length and CRC-32 of the frame that follows: the end of a file may be torn when the machine stops."""

Opener = Callable[[Path], BinaryIO]


def open_segment(path: Path) -> BinaryIO:
    """Open a new segment for appending; unbuffered, so that a full disk shows at once."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0)


@dataclass(slots=True)
class _Segment:
    path: Path
    size: int
    """Bytes of whole frames; what lies beyond is torn."""
    taken: int = 0
    """Bytes of frames that were released."""


class Spool:
    """A first-in-first-out queue of frames in files under `folder`.

    Opening it takes over what ended gateways left there, which comes first.
    """

    def __init__(
        self,
        folder: Path,
        boot_id: str,
        *,
        limit_bytes: int,
        segment_bytes: int = SEGMENT_BYTES,
        opener: Opener = open_segment,
    ) -> None:
        self._folder = folder
        self._own = folder / boot_id
        self._limit_bytes = limit_bytes
        self._segment_bytes = segment_bytes
        self._opener = opener
        self._locks: dict[Path, int] = {}
        self._segments: deque[_Segment] = deque()
        self._writing: BinaryIO | None = None
        self._number = 0
        self._first_size = 0
        self.damaged = 0
        """Segments whose rest was unreadable and is lost."""

    def open(self) -> None:
        """Take over the folders of gateways that have ended, oldest first."""
        with suppress(OSError):
            shown = (path for path in self._folder.iterdir() if not path.name.startswith("."))
            folders = [path for path in shown if path.is_dir()]
            for path in sorted(folders, key=lambda path: path.stat().st_mtime):
                self._take_over(path)

    def append(self, frame: bytes) -> bool:
        """Keep a frame at the end; false where the limit or the disk does not allow it."""
        size = _HEADER.size + len(frame)
        if self.size_bytes + size > self._limit_bytes:
            return False
        try:
            whole = self._write(frame) == size
        except OSError:
            whole = False
        if whole:
            self._segments[-1].size += size
        elif self._writing is not None:
            self._take_back()
        return whole

    def first(self) -> bytes | None:
        """Return the oldest frame that was not released; `None` when there is none.

        Raises `OSError` where the disk cannot be read for now.
        """
        while self._segments:
            frame = self._read(self._segments[0])
            if frame is not None:
                self._first_size = _HEADER.size + len(frame)
                return frame
            self._drop_segment()
        return None

    def release(self) -> None:
        """Forget the frame that `first` returned last: somebody else has it now."""
        if not self._first_size:
            return
        segment = self._segments[0]
        segment.taken += self._first_size
        self._first_size = 0
        if segment.taken >= segment.size:
            self._drop_segment()

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(segment.size for segment in self._segments)

    def close(self) -> None:
        """Leave everything to the next gateway that starts."""
        self._stop_writing()
        for folder in list(self._locks):
            self._let_go(folder)

    def _write(self, frame: bytes) -> int:
        """Write a frame behind its header and return how much of both was written."""
        if self._writing is None or self._segments[-1].size >= self._segment_bytes:
            self._writing = self._start_segment()
        header = _HEADER.pack(len(frame), zlib.crc32(frame))
        # Not joined: the copy would hold up the event loop, though this is another thread.
        return self._writing.write(header) + self._writing.write(frame)

    def _take_back(self) -> None:
        """Undo a write that failed half-way, and write no more to that file, whatever is in it now."""
        segment = self._segments[-1]
        with suppress(OSError):
            os.truncate(segment.path, segment.size)
        self._stop_writing()
        if not segment.size:
            self._segments.pop()
            with suppress(OSError):
                segment.path.unlink()

    def _start_segment(self) -> BinaryIO:
        self._stop_writing()
        self._make_own_folder()
        self._number += 1
        path = self._own / f"{self._number:06d}.frames"
        opened = self._opener(path)
        self._segments.append(_Segment(path, 0))
        return opened

    def _make_own_folder(self) -> None:
        """Make this boot's folder, locked before anybody can see it under its name."""
        if self._own in self._locks:
            return
        hidden = self._folder / f".{self._own.name}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        hidden.mkdir(mode=0o700, exist_ok=True)
        descriptor = _lock(hidden)
        if descriptor is None:
            raise BlockingIOError(f"{hidden} is locked")
        hidden.rename(self._own)
        self._locks[self._own] = descriptor

    def _stop_writing(self) -> None:
        if self._writing is not None:
            with suppress(OSError):
                self._writing.close()
        self._writing = None

    def _take_over(self, folder: Path) -> None:
        descriptor = _lock(folder)
        if descriptor is None:
            return
        self._locks[folder] = descriptor
        for path in sorted(folder.glob("*.frames")):
            self._segments.append(_Segment(path, path.stat().st_size))
        if not any(segment.path.parent == folder for segment in self._segments):
            self._let_go(folder)

    def _read(self, segment: _Segment) -> bytes | None:
        """Return the frame at the segment's reading position; `None` at its end or where it is unreadable."""
        if segment.taken >= segment.size:
            return None
        try:
            with segment.path.open("rb") as file:
                file.seek(segment.taken)
                length, checksum = _HEADER.unpack(file.read(_HEADER.size))
                frame = file.read(min(length, segment.size))
        except (FileNotFoundError, struct.error):
            frame, length, checksum = b"", -1, 0
        if len(frame) == length and zlib.crc32(frame) == checksum:
            return frame
        self.damaged += 1
        return None

    def _drop_segment(self) -> None:
        segment = self._segments.popleft()
        if not self._segments:
            self._stop_writing()
        with suppress(OSError):
            segment.path.unlink()
        folder = segment.path.parent
        if folder != self._own and all(other.path.parent != folder for other in self._segments):
            self._let_go(folder)

    def _let_go(self, folder: Path) -> None:
        """Unlock a folder, and remove it if nothing is left in it."""
        descriptor = self._locks.pop(folder)
        if not any(folder.glob("*.frames")):
            with suppress(OSError):
                (folder / "lock").unlink()
                folder.rmdir()
        os.close(descriptor)


def _lock(folder: Path) -> int | None:
    """Return the descriptor that holds a folder's lock; `None` where it cannot be had."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
