"""Replies to try transports with: well-formed ones in every framing, the same mutated, and what may follow them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import hypothesis.strategies as st
from raw_server import raw_server, read_request

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.transport import Call, Response, Transport

Make = Callable[[], Transport]
Read = tuple[int, bytes] | None
"""Status and body; `None` is a failure."""

NEXT = b"the next call's own answer"
NEXT_REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(NEXT), NEXT)

_token = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).map(
    lambda name: f"x-{name}"
)
_value = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
_header = st.tuples(_token, _value).map(lambda pair: f"{pair[0]}: {pair[1]}\r\n".encode())
_headers = st.lists(_header, max_size=4).map(b"".join)
_extension = st.sampled_from([b"", b";a", b";a=b", b";a=b;c=d"])

INSERTED = (
    *(b"\r\n", b"\n", b"\r", b" ", b"\0", b"\t", b":", b";", b"0\r\n\r\n", b"5\r\n", b"ffffffffffffffff\r\n"),
    *(
        b"content-length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"transfer-encoding: chunked\r\n",
        b"-1",
        b"+5",
        b"0x5",
    ),
    *(b"transfer-encoding: identity\r\n", b"transfer-encoding: gzip, chunked\r\n", b"connection: close\r\n"),
    *(b"connection: upgrade\r\nupgrade: x\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    *(
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/2.0 ",
        b"1",
        b"\xff",
        b"content-length",
    ),
)


@dataclass(frozen=True)
class WellFormed:
    """A reply that every client has to read in one way."""

    data: bytes
    status: int
    body: bytes


@st.composite
def well_formed(draw: st.DrawFn) -> WellFormed:
    """Draw a reply in some framing."""
    status = draw(st.sampled_from([200, 201, 404, 429, 500, 503]))
    body = draw(st.binary(max_size=200))
    interim = b"".join(
        b"HTTP/1.1 %d Wait\r\n%b\r\n" % (code, draw(_headers))
        for code in draw(st.lists(st.sampled_from([100, 102, 103]), max_size=2))
    )
    version, framing, content = draw(st.sampled_from([_counted, _chunked, _to_the_end]))(draw, body)
    before, after = draw(_headers), draw(_headers)
    head = b"HTTP/%b %d Said\r\n%b%b%b\r\n" % (version, status, before, framing, after)
    return WellFormed(interim + head + content, status, body)


def _counted(draw: st.DrawFn, body: bytes) -> tuple[bytes, bytes, bytes]:
    name = draw(st.sampled_from([b"content-length", b"Content-Length", b"CONTENT-LENGTH"]))
    return b"1.1", b"%b: %d\r\n" % (name, len(body)), body


def _chunked(draw: st.DrawFn, body: bytes) -> tuple[bytes, bytes, bytes]:
    places = draw(st.lists(st.integers(1, max(1, len(body))), max_size=5))
    edges = sorted({0, len(body), *(place for place in places if place < len(body))})
    chunks = b"".join(
        b"%x%b\r\n%b\r\n" % (end - start, draw(_extension), body[start:end]) for start, end in pairwise(edges)
    )
    return (
        b"1.1",
        b"transfer-encoding: chunked\r\n",
        chunks + b"0%b\r\n%b\r\n" % (draw(_extension), draw(_headers)),
    )


def _to_the_end(draw: st.DrawFn, body: bytes) -> tuple[bytes, bytes, bytes]:
    version = draw(st.sampled_from([b"1.0", b"1.1"]))
    return version, b"" if version == b"1.0" else b"connection: close\r\n", body


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw a reply and change it in one to four places."""
    data = draw(well_formed()).data
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 40))
        match draw(st.sampled_from(["cut", "copy", "put", "swap"])):
            case "cut":
                data = data[:at] + data[at + length :]
            case "copy":
                data = data[: at + length] + data[at:]
            case "put":
                data = data[:at] + draw(st.sampled_from(INSERTED)) + data[at:]
            case _:
                data = data[:at] + draw(st.binary(max_size=3)) + data[at + 1 :]
    return data


surplus = st.one_of(
    st.sampled_from(
        [b"\r\n", b"\n", b"0", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"]
    ),
    st.binary(min_size=1, max_size=40),
    well_formed().map(lambda reply: reply.data),
)
places = st.lists(st.integers(0, 2_000), max_size=6)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """Return the data in pieces."""
    edges = sorted({0, len(data), *(place for place in at if place < len(data))})
    return [data[start:end] for start, end in pairwise(edges)]


class Server:
    """Answers the first request with given bytes, and all that come later as they should be."""

    def __init__(self, pieces: list[bytes], *, closes: bool) -> None:
        self.written = asyncio.Event()
        self._pieces: list[bytes] | None = pieces
        self._closes = closes

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while True:
            await read_request(reader)
            pieces, self._pieces = self._pieces, None
            try:
                for piece in pieces if pieces is not None else [NEXT_REPLY]:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
            finally:
                self.written.set()  # also where the client has left
            if pieces is not None and self._closes:
                return


async def read(transport: Transport, url: str) -> Read:
    """Return what a transport reads, in no more than 5 s; it may fail in no other way than by `AttemptFailed`."""
    async with asyncio.timeout(5):
        response: Response | None = None
        try:
            response = await transport.send(Call(f"{url}/x", {}, b"{}", 2.0))
            blocks: list[bytes] = []
            while block := await response.read():
                blocks.append(block)
            return response.status, b"".join(blocks)
        except AttemptFailed:
            return None
        finally:
            if response is not None:
                response.close()


async def reads(make: Make, pieces: list[bytes], *, closes: bool) -> tuple[Read, Read]:
    """Return what a transport reads of the pieces, and what the call after it gets."""
    server, transport = Server(pieces, closes=closes), make()
    try:
        async with raw_server(server) as url:
            first = await read(transport, url)
            await server.written.wait()
            return first, await read(transport, url)
    finally:
        await transport.close()
