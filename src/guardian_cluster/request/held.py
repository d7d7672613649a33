"""What is held of a stream before its first content: little, for a server may send no end of chunks without any."""

import msgspec

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.specialist import Chunk

MAX_HELD_CHUNKS = 1_024
"""An opening with the role, an empty one, the filter's and the counts, for each of 128 choices, twice over."""

MAX_HELD_BYTES = 2_000_000
"""As JSON. The largest opening known is that of a server which names its prompt's tokens: 0.9 MB for 128,000."""

_encode = msgspec.json.Encoder().encode


class Held:
    """The chunks of one attempt that wait for its first content."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self._bytes = 0

    def add(self, released: list[Chunk], *, bounded: bool) -> None:
        """Hold what a watcher released; an opening is bounded here, an answer by whoever holds it.

        Raises:
            AttemptFailed: it is more than any opening holds.
        """
        self.chunks += released
        if not bounded:
            return
        self._bytes += sum(len(_encode(chunk)) for chunk in released)
        if len(self.chunks) > MAX_HELD_CHUNKS or self._bytes > MAX_HELD_BYTES:
            raise AttemptFailed(
                f"The model sent {len(self.chunks)} chunks of {self._bytes} bytes without any content.",
                code="upstream_malformed",
            )

    def take(self) -> list[Chunk]:
        """Return what is held, and hold it no longer."""
        chunks, self.chunks = self.chunks, []
        return chunks
