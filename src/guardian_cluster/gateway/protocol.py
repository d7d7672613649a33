"""HTTP/1.1 on uvicorn's protocol, with the bounds that a public listener needs.

Added to it: limits on headers and on the time they may take, errors in OpenAI's shape, the end of a request's
work when its client leaves, and the end of connections whose client does not read. Offers to speak another
protocol are passed over. How much is parsed at a time is decided in pieces.py.
"""

import asyncio
from typing import Any, ClassVar
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from guardian_cluster.contract.snapshot import GatewayLimits
from guardian_cluster.domain.errors import GuardianError, HeadersTooLarge, InvalidRequest
from guardian_cluster.gateway.cycle import Cycle
from guardian_cluster.gateway.http import encode_json
from guardian_cluster.gateway.pieces import PiecewiseProtocol

SWEEP_S = 0.5
"""How often connections are checked for being too slow: cheaper than a timer for each request."""

STALLED_WRITE_S = 60.0
"""A client that takes nothing for this long is not reading any more."""


LINGER_S = 5.0
"""How long a client that was refused may go on sending: closing under it would take the refusal from it."""


class BoundedProtocol(PiecewiseProtocol):
    """One connection."""

    limits: ClassVar[GatewayLimits] = GatewayLimits()
    app: Any  # uvicorn's is a union of all it can wrap an application in
    parser: Any

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to count the time until the first request's headers are complete."""
        super().connection_made(transport)
        self._task: asyncio.Task[None] | None = None
        self._answering: Cycle
        self._reading_since: float | None = self.loop.time()
        self._blocked_since: float | None = None
        self._idle_since: float | None = None
        self._lingering_since: float | None = None
        self._open_bytes = 0
        self._header_bytes = 0
        self._content_length = 0
        self._request_ended = False
        self._head_without_upgrade = b""
        self._problem: GuardianError | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """End the work on a request whose client has left."""
        super().connection_lost(exc)
        self.pipeline.clear()
        self._ignore_rest()
        if self._task is not None:
            self._task.cancel()

    def _read_piece(self, piece: bytes | memoryview) -> None:
        """Read on; headers that are still open must stay within their limit."""
        self._request_ended = False
        try:
            self._parse(piece)
        except httptools.HttpParserError:
            if not self._ignores:
                self.send_400_response("")
        if self._reading_since is None or self._request_ended or self.transport.is_closing():
            return
        # All that came is headers, unless the request before ended in it; where they are complete, `on_header`
        # has counted them and the rest is body.
        self._open_bytes += len(piece)
        if self._open_bytes > self.limits.max_header_bytes:
            self._problem = _too_large(self.limits)
            self.send_400_response("")

    def _read_on(self) -> None:
        """Read what had to wait; where that is headers, their time begins anew, for the wait was ours."""
        if self._reading_since is not None:
            self._reading_since = self.loop.time()
        super()._read_on()

    def _parse(self, data: bytes | memoryview) -> None:
        """Read on. A request that offers an upgrade is read again without the offer.

        Whom an offer does not suit may ignore it (RFC 9110, section 7.8). The parser takes it for accepted: it
        stops behind the head, as if neither a body nor another request followed.
        """
        rest: bytes | memoryview = data
        while rest:
            try:
                self.parser.feed_data(rest)
                rest = b""
            except httptools.HttpParserUpgrade as stopped:
                rest = memoryview(rest)[stopped.args[0] :]
                self._read_again(self._head_without_upgrade)

    def _read_again(self, head: bytes) -> None:
        self.parser = httptools.HttpRequestParser(self)  # the old one may have heard that nothing follows
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.parser.feed_data(head)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._open_bytes = self._header_bytes = self._content_length = 0
        self._idle_since = None
        if self._reading_since is None:
            self._reading_since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in one header.

        Raises:
            HeadersTooLarge: there are too many, or they are too long; the parser stops at once.
        """
        self._header_bytes += len(name) + len(value)
        if (
            len(self.headers) >= self.limits.max_headers
            or self._header_bytes > 2 * self.limits.max_header_bytes
        ):
            self._problem = _too_large(self.limits)
            raise self._problem
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        elif name == b"content-length":
            self._content_length = int(value)  # the parser has read it and found it a number
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Start the request, or let it wait for the answer to the one before."""
        if self.parser.should_upgrade():
            self._head_without_upgrade = self._head_again()
            return
        self._reading_since = None
        try:
            scope = self._request_scope()
        except (httptools.HttpParserError, ValueError) as error:
            self._problem = InvalidRequest(f"The request line is not valid: {error}.", code="invalid_http")
            raise
        before: Any = self.cycle  # none yet at first
        self.cycle = self._cycle(scope)
        self._declared = self._content_length
        self.headers = []  # what trailers say is none of the request's headers
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _head_again(self) -> bytes:
        """Return the request's head as it came, but for its offer to speak another protocol."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":  # the parser takes it for an upgrade whatever its headers say
            self._problem = InvalidRequest(
                "This is no proxy: send requests to it, not through it.", code="invalid_http"
            )
            raise self._problem
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def on_message_complete(self) -> None:
        """Take in the end of a request; the parser also sees one behind a head that offers an upgrade."""
        if not self.parser.should_upgrade():
            self._request_ended = True
            super().on_message_complete()

    def _request_scope(self) -> Any:
        """Return what the gateway reads of a request; the rest of an ASGI scope is not made."""
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        return {
            "type": "http",
            "method": self.parser.get_method().decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "query_string": url.query or b"",
            "headers": self.headers,
        }

    def _cycle(self, scope: Any) -> Cycle:
        version = self.parser.get_http_version()
        return Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
            reads_chunks=version >= "1.1",
            body_timeout_s=self.limits.body_timeout_s,
            hang_up=self._hang_up,
        )

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
        self._task, self._answering = task, cycle

    def on_response_complete(self) -> None:
        """Turn to the next request, or wait for it: the limit on its headers counts from its beginning."""
        self._task = None
        self.server_state.total_requests += 1
        if self.transport.is_closing() or self._lingering_since is not None:
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_since = self.loop.time()
        if self._unread:
            self._read_on_soon()

    def _refuse_body(self, problem: InvalidRequest) -> None:
        """Answer a request with an error because of its body, and read no more."""
        self._ignore_rest()
        if self.cycle.response_complete:
            self._hang_up()
        else:
            self.cycle.refuse(problem)

    def stop(self, error: GuardianError) -> "asyncio.Task[None] | None":
        """End the answer under way with an error, and return the work on it; requests behind it are not begun."""
        self.pipeline.clear()
        self._ignore_rest()
        work = self._task
        if work is None:
            self.transport.close()
        else:
            self._answering.stop(error)
            work.cancel()
        return work

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not understood, in OpenAI's shape, and close."""
        self._ignore_rest()
        if self.transport.is_closing():
            return
        if self._task is not None:
            self.transport.close()  # what has been written belongs to the answer before
            return
        problem = self._problem or InvalidRequest(
            "This is not a valid HTTP/1.1 request.", code="invalid_http"
        )
        body = encode_json(problem.body())
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(
            body
        )
        self.transport.write(STATUS_LINE[problem.http_status] + head + body)
        self._linger()

    def _hang_up(self) -> None:
        """End the connection after a response; where the request is still on its way, not at once."""
        if self.cycle.more_body:
            self._linger()
        else:
            self.transport.close()

    def _linger(self) -> None:
        """Say that nothing more will come, and pass over what the client sends until it has heard that."""
        self._lingering_since = self.loop.time()
        self._reading_since = None
        self._ignore_rest()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def pause_writing(self) -> None:
        """Note that the client does not keep up."""
        self._blocked_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        self._blocked_since = None
        super().resume_writing()

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow in asking or in reading, or has asked nothing for long."""
        if self._blocked_since is not None and now - self._blocked_since > STALLED_WRITE_S:
            self.transport.abort()
        elif self._asks_slowly(now):
            self.transport.close()
        elif self._lingering_since is not None and now - self._lingering_since > LINGER_S:
            self.transport.abort()
        elif self._idle_since is not None and now - self._idle_since > self.limits.keep_alive_s:
            self.transport.close()

    def _asks_slowly(self, now: float) -> bool:
        if self._reading_since is None or self.flow.held:  # what is held has come, and waits for us
            return False
        return now - self._reading_since > self.limits.header_timeout_s


def _too_large(limits: GatewayLimits) -> HeadersTooLarge:
    return HeadersTooLarge(
        f"The headers are over {limits.max_headers} in number or {limits.max_header_bytes} bytes in size; send fewer."
    )
