"""One connection of HTTP/1.1 to a server: one request at a time.

It is free for another request from the moment its reply's end has arrived in good order, and never otherwise.
"""

import asyncio
import select
import socket
from typing import Protocol, cast

import msgspec

from guardian_cluster.specialists.reply import Reply
from guardian_cluster.specialists.reply_parser import ReplyParser
from guardian_cluster.specialists.transport import closed_idle

COPIED_BYTES = 65_536
"""A body up to this size is copied behind its head: one system call more costs more than the copy."""

SLICE_BYTES = 16_384
"""Parsed in one go: cut into chunks of one byte, which no model's server does, this takes 0.7 ms."""

UNANSWERED_MS = 10_000
"""How long what was sent may go unacknowledged before the connection has ended (TCP_USER_TIMEOUT): its server, or the
way to it, is gone without a word, and the reply would be waited for as long as for a model that thinks."""

MANY_PIECES = 256
"""Of a slice: words come in pieces of a hundred bytes and more."""

_TCP_OPTIONS = {"TCP_USER_TIMEOUT": UNANSWERED_MS, "TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""After 15 s of silence the system asks the server's whether it is there: a model may think for minutes."""


class Origin(msgspec.Struct, frozen=True):
    """Where a connection leads, and by which authority it was verified."""

    host: str
    port: int
    is_secure: bool
    ca_file: str | None = None


class Keeper(Protocol):
    """Who is told what becomes of a connection."""

    def opened(self, connection: "Connection") -> None:
        """Note that it is there."""
        ...

    def freed(self, connection: "Connection") -> None:
        """Note that it takes the next request."""
        ...

    def lost(self, connection: "Connection") -> None:
        """Note that it has ended."""
        ...


class Connection(asyncio.Protocol):
    """A connection that is open, or was. One request at a time."""

    def __init__(self, keeper: Keeper) -> None:
        self.is_made = False
        self.is_in_use = True
        """Whether it has its keeper's place: from its making until it is freed or lost."""
        self.has_served = False
        """Whether it has carried a request before the one under way."""
        self.idle_since = 0.0
        """The event loop's time at which it was freed last."""
        self.was_closed_idle = False
        """Whether it ended as one does that was closed while idle, when the next request was just written."""
        self.keeper = keeper
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._reply: Reply | None = None
        self._parser = ReplyParser()
        self._asked_at = 0.0
        self._poll: select.poll | None = None
        self._is_held = False
        """Whether the reply's reader has to catch up first."""
        self._rest: memoryview[int] | None = None
        """What has arrived and is not parsed yet."""

    @property
    def is_open(self) -> bool:
        """Whether a request may be written."""
        return not self._transport.is_closing()

    @property
    def is_usable(self) -> bool:
        """Whether a request may be written, and nothing has come since the last reply: no end, and no word unasked.

        The system is asked, for the event loop may not have come to read it yet.
        """
        return not self._transport.is_closing() and not (self._poll is not None and self._poll.poll(0))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; small requests leave at once."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by name
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None:
            _prepare(opened)
            if hasattr(select, "poll"):
                self._poll = select.poll()
                self._poll.register(opened.fileno(), select.POLLIN)
        self.is_made = True
        self.keeper.opened(self)

    def ask(self, head: bytes, body: bytes | None) -> Reply:
        """Send a request and return its reply, of which nothing has come. `head` lacks the length; `None` is no body.

        The connection must be ended where what follows fails, or is not awaited.
        """
        self._asked_at = self._loop.time()
        reply = self._reply = Reply(self, self._parser)
        if body is None:
            self._transport.write(head + b"\r\n")
            return reply
        if len(body) <= COPIED_BYTES:
            self._transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
        else:
            self._transport.write(b"%bcontent-length: %d\r\n\r\n" % (head, len(body)))
            self._transport.write(body)
        return reply

    def data_received(self, data: "bytes | memoryview[int]") -> None:
        """Take what the server sends; what nobody asked for ends the connection."""
        reply = self._reply
        if reply is None:
            self.abort()
            return
        if len(data) > SLICE_BYTES:
            self._rest = memoryview(data)
            self._take_slices()
            return
        reply.take(data)
        if reply.is_complete:
            self._reply = None
            # Where the request is still on its way, the reply came before its end: the rest of it follows.
            if reply.keeps_connection and self._rest is None and not self._transport.get_write_buffer_size():
                self.has_served = True
                self.keeper.freed(self)
            else:
                self.abort()

    def _take_slices(self) -> None:
        """Take what came at once in slices; where one is of very many pieces, others have their turn first."""
        while (rest := self._rest) is not None:
            self._rest = rest[SLICE_BYTES:] if len(rest) > SLICE_BYTES else None
            before = 0 if self._reply is None else len(self._reply.blocks)
            self.data_received(rest[:SLICE_BYTES])
            if self._rest and self._reply is not None and len(self._reply.blocks) > before + MANY_PIECES:
                self._transport.pause_reading()
                self._loop.call_soon(self._take_slices)
                return
        if not self._is_held and self.is_open:
            self._transport.resume_reading()

    def pause_reading(self) -> None:
        """Let the server wait until its reader has caught up."""
        self._is_held = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on; what has arrived already comes first."""
        self._is_held = False
        if self._rest is None:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the reply under way, if there is one, when it has all that came before."""
        self.keeper.lost(self)
        rest, self._rest = self._rest, None
        if self._reply is not None and rest:
            self._reply.take(rest)
        if self._reply is not None:
            if self.has_served and not self._reply.is_heard:
                self.was_closed_idle = closed_idle(exc, self._loop.time() - self._asked_at)
            self._reply.end(exc)
            self._reply = None
        self._parser.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._rest = None
        self._transport.abort()


def has_come(descriptor: int) -> bool:
    """Return whether bytes, or the end, wait to be read from a socket."""
    if not hasattr(select, "poll"):  # not on Windows
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _prepare(opened: socket.socket) -> None:
    """Let small requests leave at once, and the system notice a server that is gone without a word."""
    if opened.family not in (socket.AF_INET, socket.AF_INET6):
        return
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _TCP_OPTIONS.items():
        if hasattr(socket, name):  # most are Linux's
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
