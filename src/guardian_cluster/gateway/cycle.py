"""One request and its response on a connection: uvicorn's own, with a response that leaves in one write.

uvicorn writes a response's head at once and its body after it, which is one system call more (of five for a
request), and searches every name and value of the head for what may not stand there (1 µs for each header).
Here the head waits for the body's first piece, and is searched once, whole. Added to it: an end with an error,
for an answer that outlasts the gateway.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from guardian_cluster.domain.errors import GuardianError, RequestTimeout
from guardian_cluster.gateway.headers import identity
from guardian_cluster.gateway.http import JSON_TYPE, HeaderList, encode_json, retry_headers

COPIED_BYTES = 65_536
"""A piece up to this size is copied behind its head, for one system call costs more than the copy."""

_CONTROLS = bytes(range(9)) + bytes(range(10, 32)) + b"\x7f"
"""What may not stand in a line of a head: all controls but the tab."""

_BODILESS = (204, 304)


class Cycle(RequestResponseCycle):
    """A request being answered. `receive` and `send` are those of ASGI."""

    def __init__(
        self, *, body_timeout_s: float, hang_up: Callable[[], None], reads_chunks: bool = True, **facts: Any
    ) -> None:
        super().__init__(**facts)
        self._reads_chunks = reads_chunks
        self._ends_unannounced = False
        self._problem: GuardianError | None = None
        self._body_timeout_s = body_timeout_s
        self._hang_up = hang_up
        self._body_due: float | None = None
        self._head = b""
        self._headers: dict[bytes, bytes] = {}

    async def receive(self) -> Any:
        """Return what has come of the body, waiting for some if need be; what is there already needs no timer.

        Raises:
            RequestTimeout: the body as a whole was waited for longer than its time.
            GuardianError: the connection has refused the body.
        """
        if self._problem is not None:
            raise self._problem
        if not self.more_body or self.message_event.is_set():
            return await super().receive()
        if self._body_due is None:
            self._body_due = asyncio.get_running_loop().time() + self._body_timeout_s
        try:
            async with asyncio.timeout_at(self._body_due):
                message = await super().receive()
        except TimeoutError:
            raise RequestTimeout(f"The body did not arrive within {self._body_timeout_s:g} s.") from None
        return message if self._problem is None else await self.receive()

    def refuse(self, problem: GuardianError) -> None:
        """Make the error what comes of the body; the connection ends with the response."""
        self._problem = problem
        self.keep_alive = False
        self.message_event.set()

    async def send(self, message: Any) -> None:
        """Take one message; see the ASGI specification.

        Raises:
            RuntimeError: the message is not due, its head not valid, or its body of another length than
            declared.
        """
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if self.response_complete or (message["type"] == "http.response.start") == self.response_started:
            raise RuntimeError(f"The message {message['type']} is not due.")
        if self.response_started:
            self._continue(message.get("body", b""), more=message.get("more_body", False))
        else:
            self._begin(message["status"], message["headers"])

    def stop(self, error: GuardianError) -> None:
        """End the response with an error at once; what the application still sends goes nowhere.

        As long as nothing has left the error is the response, and in a stream of events it is the last one. Any
        other response ends unfinished.
        """
        if self.response_complete or self.disconnected:
            return
        self.keep_alive = False
        if self._head or not self.response_started:
            self._refuse(error)
        elif self._headers.get(b"content-type", b"").startswith(b"text/event-stream"):
            self._continue(self._last_event(error), more=False)
        else:
            self.transport.close()
        self.disconnected = True  # as far as the application can tell
        self.message_event.set()

    def _refuse(self, error: GuardianError) -> None:
        body = encode_json(error.body())
        length = (b"content-length", b"%d" % len(body))
        who = identity(self.scope.get("request_id", ""))
        self._begin(error.http_status, [length, JSON_TYPE, *who, *retry_headers(error)])
        self._continue(body, more=False)

    def _last_event(self, error: GuardianError) -> bytes:
        """Return the error as an event, with the request's id: clients keep no header of a stream that fails."""
        body = error.body()
        body["error"]["message"] += f" (request id: {self.scope.get('request_id', '')})"
        return b"data: %b\n\n" % encode_json(body)

    def _begin(self, status: int, headers: HeaderList) -> None:
        """Make the head; it leaves with the first piece of the body."""
        self.response_started = True
        self.waiting_for_100_continue = False
        lines = [b"%b: %b\r\n" % header for header in headers]
        self._headers = dict(headers)
        self._frame(status, self._headers, lines)
        head = b"".join([STATUS_LINE[status], *lines, b"\r\n"])
        # Each line ends in two controls of our own; one more would be a value that begins a line of its own.
        if len(head) - len(head.translate(None, _CONTROLS)) != 2 * (len(lines) + 2):
            raise RuntimeError("A header of the response holds a control character.")
        self._head = head

    def _frame(self, status: int, headers: dict[bytes, bytes], lines: list[bytes]) -> None:
        """Decide how the body's end is told, and whether the connection stays."""
        length = headers.get(b"content-length")
        unannounced = length is None and status not in _BODILESS
        self.chunked_encoding = unannounced and self._reads_chunks
        # Who speaks HTTP/1.0 reads until the connection ends (RFC 9112, section 6.1).
        self._ends_unannounced = unannounced and not self._reads_chunks
        if self.chunked_encoding:
            lines.append(b"transfer-encoding: chunked\r\n")
        elif length is not None:
            self.expected_content_length = int(length)
        if headers.get(b"connection") == b"close":
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")

    def _continue(self, body: bytes, *, more: bool) -> None:
        """Write a piece of the body."""
        if self.scope["method"] == "HEAD":
            self.expected_content_length, body = 0, b""
        elif self.chunked_encoding:
            body = _chunk(body, last=not more)
        elif not self._ends_unannounced:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0 or (self.expected_content_length and not more):
                raise RuntimeError("The body of the response has another length than was declared.")
        self._write(body)
        if not more:
            self._end()

    def _write(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if len(data) > COPIED_BYTES:
            self.transport.write(head)
            head = b""
        self.transport.write(head + data)

    def _end(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self._hang_up()
        self.on_response()


def _chunk(body: bytes, *, last: bool) -> bytes:
    """Frame a piece of a body of unknown length (RFC 9112, section 7.1)."""
    framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return framed + b"0\r\n\r\n" if last else framed
