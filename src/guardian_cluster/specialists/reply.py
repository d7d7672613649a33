"""What a server answers to one request, while it comes in, and how far it may get ahead of its reader."""

import asyncio
from functools import lru_cache
from typing import Protocol

from guardian_cluster.specialists.reply_parser import ReplyParser
from guardian_cluster.specialists.transport import broken

READ_BUFFER_BYTES = 2**18
"""Of an answer, before its reader takes it; then the server has to wait."""

FINISHING_S = 0.5
"""Between `[DONE]` and the end of the body. Many servers send that apart (uvicorn's do), and ending the
connection for it would make every streamed answer connect anew."""


class Wire(Protocol):
    """What a reply tells the connection that brings it."""

    def pause_reading(self) -> None:
        """Let the server wait."""
        ...

    def resume_reading(self) -> None:
        """Go on."""
        ...

    def abort(self) -> None:
        """End the connection."""
        ...


class Reply:
    """What a server answers to one request: a `Response`, and what its parser makes known."""

    __slots__ = (
        "__weakref__",
        "_error",
        "_finishing",
        "_is_paused",
        "_parser",
        "_waiter",
        "_wire",
        "blocks",
        "buffered",
        "ends_with_connection",
        "has_head",
        "headers",
        "is_complete",
        "is_heard",
        "keeps_connection",
        "status",
    )

    def __init__(self, wire: Wire, parser: ReplyParser) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.has_head = False
        self.blocks: list[bytes] = []
        self.buffered = 0
        self.is_heard = False
        """Whether any byte of it came."""
        self.is_complete = False
        self.keeps_connection = False
        self.ends_with_connection = False
        self._wire = wire
        self._parser = parser
        self._is_paused = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._finishing: asyncio.TimerHandle | None = None
        parser.begin(self)

    async def begin(self) -> None:
        """Return once the head has arrived."""
        while not self.has_head:
            if self._error is not None:
                raise broken(_reason(self._error)) from self._error
            # Here, as each reply waits at least once, and not one call further down.
            waiter = self._waiter = asyncio.get_running_loop().create_future()
            await waiter

    def header(self, name: str) -> str | None:
        """Return a header's value, whatever its spelling."""
        value = self.headers.get(_key(name))
        return None if value is None else value.decode("latin-1")

    async def read(self) -> bytes:
        """Return what has arrived of the body; see `Response.read`."""
        while not self.blocks:
            if self._error is not None:
                raise broken(_reason(self._error)) from self._error
            if self.is_complete:
                return b""
            waiter = self._waiter = asyncio.get_running_loop().create_future()
            await waiter
        blocks, self.blocks, self.buffered = self.blocks, [], 0
        self._go_on()
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def finish(self) -> None:
        """Leave the connection to the reply's end; see `Response.finish`."""
        if not self.is_complete and self._error is None:
            self._finishing = asyncio.get_running_loop().call_later(FINISHING_S, self._wire.abort)

    def close(self) -> None:
        """End the connection, unless it was given back, or is about to be."""
        if not self.is_complete and self._finishing is None:
            self._wire.abort()

    def take(self, data: "bytes | memoryview[int]") -> None:
        """Read on. What is refused is an error, unless the reply is complete, and ends the connection."""
        self.is_heard = True
        if self._error is not None:
            return
        refused = self._parser.feed(data)
        if refused is not None:
            self.keeps_connection = False
            self.end(refused)
            self._wire.abort()
        if self._finishing is not None:
            self.blocks.clear()  # nobody will read them
            if self.is_complete:
                self._finishing.cancel()
        elif self.is_complete:
            self._go_on()  # the next reply has another reader
        elif self.buffered > READ_BUFFER_BYTES and not self._is_paused:
            self._is_paused = True
            self._wire.pause_reading()
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _go_on(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._wire.resume_reading()

    def end(self, error: BaseException | None) -> None:
        """Note that the connection has ended, in good order where there is no error."""
        if self._finishing is not None:
            self._finishing.cancel()
        if error is None and self.has_head and self.ends_with_connection:
            self.is_complete = True
        elif not self.is_complete and self._error is None:
            gone = ConnectionResetError("the server closed the connection")
            self._error = error if isinstance(error, Exception) else gone
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@lru_cache(256)
def _key(name: str) -> bytes:
    return name.lower().encode()


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
