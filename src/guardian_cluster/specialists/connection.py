"""One connection of HTTP/1.1 to a server: one request at a time.

It is free for another request from the moment its reply's end has arrived in good order, and never otherwise.
"""

import asyncio
import socket
from typing import Protocol, cast

import msgspec

from guardian_cluster.specialists.reply import Reply

COPIED_BYTES = 65_536
"""A body up to this size is copied behind its head: one system call more costs more than the copy."""


class Origin(msgspec.Struct, frozen=True):
    """Where a connection leads."""

    host: str
    port: int
    is_secure: bool


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

    def __init__(self, origin: Origin, keeper: Keeper) -> None:
        self.origin = origin
        self.idle_since = 0.0
        """The event loop's time at which it was freed last."""
        self._keeper = keeper
        self._transport: asyncio.Transport
        self._reply: Reply | None = None

    @property
    def is_open(self) -> bool:
        """Whether a request may be written."""
        return not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; small requests leave at once."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by name
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None and opened.family in (socket.AF_INET, socket.AF_INET6):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._keeper.opened(self)

    async def ask(self, head: bytes, body: bytes) -> Reply:
        """Send a request and return its reply once the head of that has arrived. `head` lacks the length.

        Raises:
            AttemptFailed: the connection broke, or what came is no HTTP. It must be ended then, and where this
                is cancelled.
        """
        head = b"%bcontent-length: %d\r\n\r\n" % (head, len(body))
        reply = self._reply = Reply(self._transport)
        if len(body) <= COPIED_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)
        await reply.begin()
        return reply

    def data_received(self, data: bytes) -> None:
        """Take what the server sends; what nobody asked for ends the connection."""
        reply = self._reply
        if reply is None:
            self.abort()
            return
        reply.take(data)
        if reply.is_complete:
            self._reply = None
            # Where the request is still on its way, the reply came before its end: the rest of it follows.
            if reply.keeps_connection and not self._transport.get_write_buffer_size():
                self._keeper.freed(self)
            else:
                self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the reply under way, if there is one."""
        self._keeper.lost(self)
        if self._reply is not None:
            self._reply.end(exc)
            self._reply = None

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()
