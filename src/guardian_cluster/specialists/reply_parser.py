"""Where a reply begins and ends in what a connection brings, and what of it is refused. llhttp frames it."""

from collections.abc import Sequence
from typing import Protocol

import httptools

MAX_HEAD_BYTES = 65_536
"""Of a head, a trailer or a chunk's extension, as far as it does not come in one block with some of the body; servers
send less than 2 KB."""

MAX_HEADERS = 256
"""In all heads and trailers of a reply: 256 take llhttp and us 0.1 ms."""

_BODILESS = (204, 304)


class Parsed(Protocol):
    """What becomes known of a reply."""

    status: int
    headers: dict[bytes, bytes]
    """Their names in small letters; of several with one name the first."""
    has_head: bool
    blocks: list[bytes]
    """The pieces of its body that nobody has read yet."""
    buffered: int
    """Their bytes."""
    is_complete: bool
    keeps_connection: bool
    """Whether the server takes another request after it."""
    ends_with_connection: bool
    """Whether the end of the connection is that of its body."""


class ReplyParser:
    """One for each connection, and all its replies: to make one costs as much as to read one.

    A connection whose reply was refused, or was followed by anything, must be ended.
    """

    __slots__ = ("_bodiless_bytes", "_lines", "_parser", "_passed_over", "_reply")

    def __init__(self) -> None:
        self._reply: Parsed | None = None
        self._lines: list[tuple[bytes, bytes]] = []
        """The headers, and then the trailer, as they come."""
        self._passed_over = 0
        """Replies that only informed, and their headers."""
        self._bodiless_bytes = 0
        # It holds the methods of this object: a circle that `close` opens, for it would wait for the collector.
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    def begin(self, reply: Parsed) -> None:
        """Take what comes from now on for this reply."""
        self._reply = reply
        self._lines = []
        self._passed_over = self._bodiless_bytes = 0

    def close(self) -> None:
        """Let go: the connection has ended."""
        self._parser = self._reply = None

    def feed(self, data: "bytes | memoryview[int]") -> Exception | None:
        """Read on; return why what came is refused, if it is. A reply may be complete and its surplus refused."""
        reply, parser = self._reply, self._parser
        if reply is None or parser is None:
            return ValueError("the server said more than it was asked")
        pieces = len(reply.blocks)
        try:
            parser.feed_data(data)
            if len(reply.blocks) == pieces and not reply.is_complete:
                self._count_bodiless(len(data), reply)
        except httptools.HttpParserCallbackError as error:
            return error.__context__ if isinstance(error.__context__, ValueError) else error
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError) as error:
            return error
        return None

    def on_message_begin(self) -> None:
        """Refuse what follows a reply that is complete: nobody asked for it."""
        if self._reply is None:
            raise ValueError("the server said more than it was asked")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a line of a head or trailer."""
        lines = self._lines
        lines.append((name, value))
        if len(lines) > MAX_HEADERS:
            raise ValueError("the reply has too many headers")

    def on_headers_complete(self) -> None:
        """Note how the body will end; a reply that only informs is passed over (RFC 9110, section 15.2)."""
        reply, parser = self._reply, self._parser
        assert reply is not None
        assert parser is not None
        status = parser.get_status_code()
        if status < 200:
            self._pass_over(status)
            return
        # The first of several with one name counts, so it comes last.
        reply.headers = headers = {name.lower(): value for name, value in reversed(self._lines)}
        if b"transfer-encoding" in headers:
            check_codings([value for name, value in self._lines if name.lower() == b"transfer-encoding"])
        elif b"content-length" not in headers:
            reply.ends_with_connection = status not in _BODILESS
        reply.status, reply.has_head = status, True
        reply.keeps_connection = parser.should_keep_alive()

    def on_body(self, block: bytes) -> None:
        """Keep a piece of the body for its reader; one that only informs has none, whatever length it names."""
        reply = self._reply
        if reply is None or not reply.has_head:
            raise ValueError("a reply that only informs has a body")
        reply.blocks.append(block)
        reply.buffered += len(block)
        self._bodiless_bytes = 0

    def on_message_complete(self) -> None:
        """Note the end of the body."""
        reply = self._reply
        if reply is not None and reply.has_head:
            reply.is_complete = True
            self._reply = None

    def _pass_over(self, status: int) -> None:
        if status < 100 or status == 101:
            raise ValueError(f"status {status} is no answer to this request")
        self._passed_over += 1 + len(self._lines)
        self._lines.clear()
        if self._passed_over > MAX_HEADERS:
            raise ValueError("the server informs without end")

    def _count_bodiless(self, size: int, reply: Parsed) -> None:
        """Bound what httptools keeps for itself, the line of a head or trailer, and what it passes over."""
        self._bodiless_bytes += size
        if self._bodiless_bytes > MAX_HEAD_BYTES:
            raise ValueError(f"the {'trailer' if reply.has_head else 'head'} of the reply is too long")


def check_codings(codings: Sequence[bytes]) -> None:
    """Raise ValueError for transfer codings that are not `chunked` alone.

    What llhttp takes for an unknown coding it reads to the connection's end, chunk sizes and all, and what is packed
    before it is chunked would come out packed: such a body is refused (RFC 9112, section 6.1).
    """
    if len(codings) != 1 or codings[0].rstrip(b" ").lower() != b"chunked":
        raise ValueError("the reply's transfer coding is not known here")
