"""Server-sent events, read the way model servers write them: blocks of bytes in, `data:` payloads out."""

from collections.abc import Sequence

from guardian_cluster.domain.errors import AttemptFailed


class EventReader:
    """Splits a stream of blocks into events, for any cutting of the stream into blocks.

    Follows the event stream format of the HTML standard, section 9.2, as far as model servers use it: `data:`
    lines (several make one payload), comments and other fields skipped, lines ended by LF or CRLF.
    """

    def __init__(self, max_bytes: int, max_event_bytes: int) -> None:
        self._open: list[bytes] = []  # the pieces of the line that has not ended yet
        self._open_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._room_bytes = max_bytes
        self._max_bytes = max_bytes
        self._max_event_bytes = max_event_bytes

    def feed(self, block: bytes) -> list[bytes]:
        """Return the payloads completed by this block.

        Raises:
            AttemptFailed: the stream is larger than `max_bytes`, or one event than `max_event_bytes`.
        """
        self._room_bytes -= len(block)
        if self._room_bytes < 0:
            raise too_large("answer", self._max_bytes)
        first, newline, rest = block.partition(b"\n")
        self._open.append(first)
        self._open_bytes += len(first)
        if self._open_bytes + self._data_bytes > self._max_event_bytes:
            raise too_large("event", self._max_event_bytes)
        payloads: list[bytes] = []
        if newline:
            # Joined once a line, not once a block: a line of megabytes would otherwise be copied again and
            # again.
            lines = [b"".join(self._open), *rest.split(b"\n")]
            last = lines.pop()
            self._open, self._open_bytes = [last], len(last)
            self._read(lines, payloads)
        return payloads

    def finish(self) -> list[bytes]:
        """Return the payload that the end of the stream completes: some servers leave out the last empty line."""
        payloads: list[bytes] = []
        self._read([b"".join(self._open), b""], payloads)
        self._open.clear()
        return payloads

    def _read(self, lines: Sequence[bytes], payloads: list[bytes]) -> None:
        """Read whole lines; an empty one completes what was said since the one before."""
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[5:].strip())
                self._data_bytes += len(line)
            elif data and not line.strip():
                payloads.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
                self._data_bytes = 0


def too_large(what: str, limit: int) -> AttemptFailed:
    """Return the failure of an answer, or an event of it, that is over a limit in bytes."""
    return AttemptFailed(f"The model's {what} is over {limit} bytes.", code="upstream_answer_too_large")
