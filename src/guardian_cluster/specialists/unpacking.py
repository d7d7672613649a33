"""What becomes of a body that came compressed although none was asked for: unpacked in bounded pieces, or refused."""

import asyncio
import zlib

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.transport import Response, broken

PIECE_BYTES = 65_536
"""Unpacked at once, in 0.2 ms; others have their turn before the next. The reader counts what it is given, so a
small body that holds a huge one ends at the reader's own limit."""

_GZIP_OR_ZLIB = 47
"""zlib's window size (32 KB) and the sign to tell both wrappings by their heads."""

_PLAIN = ("", "identity")
_PACKED = ("gzip", "x-gzip", "deflate")


def readable(response: Response) -> Response:
    """Return a response whose body reads as if it had come without the coding that its head names, if it does."""
    coding = (response.header("content-encoding") or "").strip().lower()
    if coding in _PLAIN:
        return response
    return Unpacked(response) if coding in _PACKED else Unreadable(response, coding)


class Unpacked:
    """A response whose body is unpacked as it is read."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.header = response.header
        self.finish = response.finish
        self.close = response.close
        self._response = response
        self._unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._was_full = False

    async def read(self) -> bytes:
        """Return what has arrived of the body, at most `PIECE_BYTES` of it; see `Response.read`."""
        while not self._unpacker.unused_data:
            if self._was_full:  # there may be more of what was given
                await asyncio.sleep(0)
                piece = self._unpack(self._unpacker.unconsumed_tail)
            elif packed := await self._response.read():
                piece = self._unpack(packed)
            elif self._unpacker.eof:
                return b""
            else:
                raise broken("its compressed answer ended half-way")
            self._was_full = len(piece) == PIECE_BYTES
            if piece:
                return piece
        raise AttemptFailed("The model's compressed answer goes on after its end.", code="upstream_malformed")

    def _unpack(self, packed: bytes) -> bytes:
        try:
            return self._unpacker.decompress(packed, PIECE_BYTES)
        except zlib.error as error:
            raise AttemptFailed(
                "The model's answer is compressed and cannot be unpacked.", code="upstream_malformed"
            ) from error


class Unreadable:
    """A response in a coding that is not known here: its status and headers count, its body is none."""

    def __init__(self, response: Response, coding: str) -> None:
        self.status = response.status
        self.header = response.header
        self.finish = response.finish
        self.close = response.close
        self._coding = coding

    async def read(self) -> bytes:
        """Refuse to read an answer; what else an error says is left out."""
        if self.status >= 300:
            return b""
        shown = self._coding[:20] if self._coding.isprintable() else "unknown"
        raise AttemptFailed(
            f"The model's answer is compressed ({shown}), which was not asked for.", code="upstream_malformed"
        )
