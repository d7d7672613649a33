"""HTTP/1.1 on uvicorn's protocol, with the bounds that a public listener needs.

Added to it: limits on headers and on the time they may take, errors in OpenAI's shape, the end of a request's work when its client
leaves, and the end of connections whose client does not read.
"""

import asyncio
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from guardian_cluster.contract.snapshot import GatewayLimits
from guardian_cluster.domain.errors import GuardianError, HeadersTooLarge, InvalidRequest
from guardian_cluster.gateway.http import encode_json

SWEEP_S = 0.5
"""How often connections are checked for being too slow: one look at all of them costs less than a timer for each request."""

STALLED_WRITE_S = 60.0
"""A client that takes nothing for this long is not reading any more."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    limits: ClassVar[GatewayLimits] = GatewayLimits()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to count the time until the first request's headers are complete."""
        super().connection_made(transport)
        self._task: asyncio.Task[None] | None = None
        self._reading_since: float | None = self.loop.time()
        self._blocked_since: float | None = None
        self._header_bytes = 0
        self._header_count = 0
        self._problem: GuardianError | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """End the work on a request whose client has left."""
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Read on; headers that are still open must stay within their limit."""
        if self._reading_since is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._reading_since is None or self.transport.is_closing():
            return
        if self._header_bytes > self.limits.max_header_bytes:
            self._problem = _too_large(self.limits)
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        if self._reading_since is None:
            self._reading_since = self.loop.time()
            self._header_bytes = 0
        self._header_count = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in one header.

        Raises:
            HeadersTooLarge: there are too many, or they are too long; the parser stops at once.
        """
        self._header_count += 1
        self._header_bytes += len(name) + len(value)
        if self._header_count > self.limits.max_headers or self._header_bytes > 2 * self.limits.max_header_bytes:
            self._problem = _too_large(self.limits)
            raise self._problem
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request."""
        self._reading_since = None
        try:
            super().on_headers_complete()
        except (httptools.HttpParserError, ValueError) as error:
            self._problem = InvalidRequest(f"The request line is not valid: {error}.", code="invalid_http")
            raise

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
        self._task = task

    def on_response_complete(self) -> None:
        """Wait for the next request, without a limit on its headers until it begins."""
        self._task = None
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not understood, in OpenAI's shape, and close."""
        if self.transport.is_closing():
            return
        problem = self._problem or InvalidRequest("This is not a valid HTTP/1.1 request.", code="invalid_http")
        body = encode_json(problem.body())
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[problem.http_status] + head + body)
        self.transport.close()

    def pause_writing(self) -> None:
        """Note that the client does not keep up."""
        self._blocked_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        self._blocked_since = None
        super().resume_writing()

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow in asking or in reading."""
        if self._blocked_since is not None and now - self._blocked_since > STALLED_WRITE_S:
            self.transport.abort()
        elif self._reading_since is not None and now - self._reading_since > self.limits.header_timeout_s:
            self.transport.close()


def _too_large(limits: GatewayLimits) -> HeadersTooLarge:
    return HeadersTooLarge(
        f"The headers are over {limits.max_headers} in number or {limits.max_header_bytes} bytes in size; send fewer."
    )
