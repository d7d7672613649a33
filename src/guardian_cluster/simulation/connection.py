"""One client's connection: HTTP/1.1 requests in, raw bytes out, and the means to break it anywhere."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import httptools

# SO_LINGER with a time of zero: closing then resets the connection instead of ending it in order.
_LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class RawRequest:
    """A request as parsed from the connection."""

    method: str = ""
    target: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytearray = field(default_factory=bytearray)
    keeps_alive: bool = True
    is_first: bool = True


Answering = Callable[["Connection", RawRequest], Awaitable[None]]


class Connection(asyncio.Protocol):
    """Hands each request to `answering`, one after the other, and cancels it when the client leaves.

    A client that closes its sending side counts as having left.
    """

    def __init__(
        self,
        answering: Answering,
        *,
        began: Callable[["Connection"], None],
        ended: Callable[["Connection"], None],
    ) -> None:
        self._answering = answering
        self._began = began
        self._ended = ended
        self._is_ended_here = False
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[RawRequest] = deque()
        self._request = RawRequest()
        self._requests_seen = 0
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.client_has_left = False

    async def drain(self) -> None:
        """Wait until everything written is with the operating system."""
        await self._writable.wait()

    def write(self, data: bytes) -> None:
        """Send bytes as they are; nothing happens on a connection that is closing."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Reset the connection: the client reads an error, not an end."""
        if self._transport is None:
            return
        self._is_ended_here = True
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()

    def close(self) -> None:
        """End the connection in order, after what was written."""
        self._is_ended_here = True
        if self._transport is not None:
            self._transport.close()

    async def stop(self) -> None:
        """Cancel the answer under way, drop the connection, and wait for the answer to be gone."""
        self.abort()
        if self._answer is not None:
            self._answer.cancel()
            await asyncio.gather(self._answer, return_exceptions=True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over."""
        self._transport = cast("asyncio.Transport", transport)
        # No buffer of our own: `drain` returns only when the bytes are on their way, so a reset loses none.
        self._transport.set_write_buffer_limits(high=0)
        self._began(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the answer under way: its client has left."""
        self._transport = None
        self._writable.set()
        if self._answer is None or self._answer.done():
            self._ended(self)
            return
        self.client_has_left = not self._is_ended_here
        self._answer.add_done_callback(lambda _: self._ended(self))
        self._answer.cancel()

    def pause_writing(self) -> None:
        """Hold `drain` back: the client does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `drain` go on."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Parse what came; what is no HTTP gets 400 and the end of the connection."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.close()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._request = RawRequest(is_first=self._requests_seen == 0)
        self._requests_seen += 1

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._request.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; of several with one name the last stays."""
        self._request.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Tell a client that waits for it to send its body."""
        if self._request.headers.get("expect", "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._request.body += body

    def on_message_complete(self) -> None:
        """Answer the request, after those before it on this connection."""
        self._request.method = self._parser.get_method().decode("latin-1")
        self._request.keeps_alive = self._parser.should_keep_alive()
        self._waiting.append(self._request)
        self._answer_next()

    def _answer_next(self) -> None:
        if self._answer is None and self._waiting and not self._is_ended_here:
            request = self._waiting.popleft()
            self._answer = asyncio.get_running_loop().create_task(self._answer_one(request))

    async def _answer_one(self, request: RawRequest) -> None:
        await self._answering(self, request)
        self._answer = None
        if not request.keeps_alive:
            self.close()
        self._answer_next()
