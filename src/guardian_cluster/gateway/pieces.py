"""Parses what comes on a connection in pieces, so that no block of bytes, however dense, holds up the others.

A read brings up to 256 KB. As requests of 18 bytes, or as chunks of one, that is 50 ms of parsing. What is more than
a turn's work waits, unparsed, with reading paused; nothing is lost and nothing is read twice.
"""

import asyncio

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.gateway.cycle import Cycle

PIECE_BYTES = 4_096
"""Parsed in one go: 1 ms if it is nothing but requests without headers, 227 of them. Most requests are smaller."""

MAX_WAITING = 16
"""Requests behind the one being answered from which on no more are parsed; one piece may go beyond it."""

TURN_CHUNKS = 256
"""Chunks of bodies after which the rest waits for the loop's next turn, 0.1 ms."""

FREE_CHUNKS = 10_000
"""Chunks that may be of any size: some clients send a chunk for each token of their JSON."""

MEAN_CHUNK_BYTES = 64
"""Of more chunks, the least on average: one of a byte costs as much as one of thousands."""


class Flow(FlowControl):
    """Reading and writing, paused and resumed; nothing is read while something read before is unparsed."""

    held = False

    def resume_reading(self) -> None:
        """Read on, unless there is enough to do."""
        if not self.held:
            super().resume_reading()


class PiecewiseProtocol(HttpToolsProtocol):
    """The parsing of one connection; what the pieces mean is its heir's affair."""

    flow: Flow  # pyright: ignore[reportIncompatibleVariableOverride]
    cycle: Cycle  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin with nothing."""
        super().connection_made(transport)
        self.flow = Flow(transport)  # pyright: ignore[reportIncompatibleVariableOverride]
        self._unread: bytes | memoryview = b""
        self._reads_on = False
        self._ignores = False
        self._declared = self._body_bytes = self._chunks = self._turn_chunks = 0

    def data_received(self, data: bytes) -> None:
        """Parse as much as a turn of the loop allows; the rest is parsed later."""
        if self._ignores:
            return
        if self._unread:
            self._unread = b"".join((self._unread, data))  # it was on its way when reading was paused
        elif len(data) <= PIECE_BYTES and not self.pipeline:  # as nearly always
            self._turn_chunks = 0
            self._read_piece(data)
        else:
            self._read(memoryview(data))

    def _read(self, data: bytes | memoryview) -> None:
        at, self._turn_chunks = 0, 0
        while at < len(data) and not self._has_enough():
            # The body of a declared length is one callback, whatever is in it.
            size = max(PIECE_BYTES, self._declared - self._body_bytes)
            self._read_piece(data[at : at + size])
            at += size
        if at < len(data) and not self._ignores:
            self._hold(data[at:])

    def _has_enough(self) -> bool:
        return self._ignores or len(self.pipeline) >= MAX_WAITING or self._turn_chunks >= TURN_CHUNKS

    def _read_piece(self, piece: bytes | memoryview) -> None:
        raise NotImplementedError

    def _hold(self, rest: bytes | memoryview) -> None:
        """Keep the rest for a later turn: the next one, or when enough of the waiting requests are answered."""
        self._unread = rest
        self.flow.pause_reading()
        self.flow.held = True
        self._read_on_soon()

    def _read_on_soon(self) -> None:
        """Parse on in the loop's next turn if there is room for it."""
        if not self._reads_on and len(self.pipeline) < MAX_WAITING:
            self._reads_on = True
            self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._reads_on = False
        if self.transport.is_closing():
            self._unread = b""
        rest, self._unread = self._unread, b""
        self.flow.held = False
        if not rest:
            return
        self._read(rest)
        if not self.pipeline and len(self.cycle.body) <= HIGH_WATER_LIMIT:
            self.flow.resume_reading()

    def _ignore_rest(self) -> None:
        """Parse nothing more of what has come or will come."""
        self._ignores = True
        self._unread = b""
        self.flow.held = False

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._declared = self._body_bytes = self._chunks = 0

    def on_chunk_header(self) -> None:
        """Count a chunk of a body.

        Raises:
            InvalidRequest: they are many and small; the parser stops at once.
        """
        self._turn_chunks += 1
        self._chunks += 1
        if self._chunks > FREE_CHUNKS and self._body_bytes < self._chunks * MEAN_CHUNK_BYTES:
            problem = InvalidRequest(
                f"The body's {self._chunks} chunks have less than {MEAN_CHUNK_BYTES} bytes each; "
                "send larger ones, or the body with its content-length.",
                code="chunks_too_small",
            )
            self._refuse_body(problem)
            raise problem

    def _refuse_body(self, problem: InvalidRequest) -> None:
        raise NotImplementedError

    def on_body(self, body: bytes) -> None:
        """Keep a part of a body until it is asked for."""
        self._body_bytes += len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()
