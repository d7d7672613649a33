"""What a server answers to one request, while it comes in. What frames it is llhttp's to decide."""

import asyncio

import httptools

from guardian_cluster.specialists.transport import broken

READ_BUFFER_BYTES = 2**18
"""Of an answer, before its reader takes it; then the server has to wait."""

MAX_HEAD_BYTES = 65_536
"""Of a head that has not ended with the block it came in; servers send less than 2 KB."""

MAX_HEADERS = 256
"""In all heads and trailers of a reply: 256 take llhttp and us 0.1 ms."""

FINISHING_S = 0.5
"""Between `[DONE]` and the end of the body. Many servers send that apart (uvicorn's do), and ending the
connection for it would make every streamed answer connect anew."""

_BODILESS = (204, 304)


class Reply:
    """What a server answers to one request: a `Response`, and what httptools calls while it reads."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.status = 0
        self.is_complete = False
        self.keeps_connection = False
        self._transport = transport
        # It holds the reply's methods: a circle that is opened at the end, for it would wait for the collector.
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._seen_headers = 0
        self._head_bytes = 0
        self._has_head = False
        self._ends_with_connection = False
        self._blocks: list[bytes] = []
        self._buffered = 0
        self._is_paused = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._finishing: asyncio.TimerHandle | None = None

    async def begin(self) -> None:
        """Return once the head has arrived."""
        while not self._has_head:
            if self._error is not None:
                raise broken(_reason(self._error)) from self._error
            await self._change()

    def header(self, name: str) -> str | None:
        """Return a header's value, whatever its spelling."""
        value = self._headers.get(name.lower().encode())
        return None if value is None else value.decode("latin-1")

    async def read(self) -> bytes:
        """Return what has arrived of the body; see `Response.read`."""
        while not self._blocks:
            if self._error is not None:
                raise broken(_reason(self._error)) from self._error
            if self.is_complete:
                return b""
            await self._change()
        blocks, self._blocks, self._buffered = self._blocks, [], 0
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def finish(self) -> None:
        """Leave the connection to the reply's end; see `Response.finish`."""
        if not self.is_complete and self._error is None:
            self._finishing = asyncio.get_running_loop().call_later(FINISHING_S, self._transport.abort)

    def close(self) -> None:
        """End the connection, unless it was given back, or is about to be."""
        if not self.is_complete and self._finishing is None:
            self._transport.abort()

    def take(self, data: bytes) -> None:
        """Read on. What is no HTTP, or too much of it, is an error, and ends the connection."""
        if self._parser is None:
            return
        self._head_bytes += 0 if self._has_head else len(data)
        try:
            self._parser.feed_data(data)
            if not self._has_head and self._head_bytes > MAX_HEAD_BYTES:
                raise ValueError("the head of the reply is too long")
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError) as error:
            self.end(error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else error)
            self._transport.abort()
        if self.is_complete:
            self._parser = None
        if self._finishing is not None:
            self._blocks.clear()  # nobody will read them
            if self.is_complete:
                self._finishing.cancel()
        elif self._buffered > READ_BUFFER_BYTES and not self._is_paused and not self.is_complete:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def end(self, error: BaseException | None) -> None:
        """Note that the connection has ended, in good order where there is no error."""
        if self._finishing is not None:
            self._finishing.cancel()
        if error is None and self._has_head and self._ends_with_connection:
            self.is_complete = True
        elif not self.is_complete and self._error is None:
            gone = ConnectionResetError("the server closed the connection")
            self._error = error if isinstance(error, Exception) else gone
            self.keeps_connection = False
        self._parser = None
        self._wake()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those of the trailer are counted only."""
        self._count_header()
        if not self._has_head:
            self._headers.setdefault(name.lower(), value)

    def on_headers_complete(self) -> None:
        """Note how the body will end; a reply that only informs is passed over (RFC 9110, section 15.2)."""
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status < 200:
            self._headers.clear()
            self._count_header()  # as one, so that they end, too
            return
        self.status, self._has_head = status, True
        self.keeps_connection = self._parser.should_keep_alive()
        coding = self._headers.get(b"transfer-encoding")
        is_framed = coding.lower().endswith(b"chunked") if coding else b"content-length" in self._headers
        self._ends_with_connection = not is_framed and status not in _BODILESS

    def on_body(self, block: bytes) -> None:
        """Keep a piece of the body for its reader."""
        self._blocks.append(block)
        self._buffered += len(block)

    def on_message_begin(self) -> None:
        """Refuse what follows a reply that is complete: nobody asked for it."""
        if self.is_complete:
            self.keeps_connection = False
            raise ValueError("the server said more than it was asked")

    def on_message_complete(self) -> None:
        """Note the end of the body."""
        self.is_complete = self._has_head

    def _count_header(self) -> None:
        self._seen_headers += 1
        if self._seen_headers > MAX_HEADERS:
            raise ValueError("the reply has too many headers")

    async def _change(self) -> None:
        """Wait for something to arrive, or for the end."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
