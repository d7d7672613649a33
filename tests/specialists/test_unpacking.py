"""Bodies that come compressed although none was asked for."""

import asyncio
import gzip
import zlib

import pytest
from raw_server import raw_server, says

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport
from guardian_cluster.specialists.transport import Call
from guardian_cluster.specialists.unpacking import PIECE_BYTES

TEXT = b"hello world " * 1_000


async def read(
    body: bytes, coding: bytes, *, status: bytes = b"200 OK", most: int = 10**9
) -> tuple[int, list[bytes]]:
    """Return the status and the pieces of the body, up to so many bytes."""
    head = b"HTTP/1.1 %b\r\ncontent-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (status, coding, len(body))
    transport = HttptoolsTransport()
    try:
        async with raw_server(says(head + body)) as url, asyncio.timeout(10):
            response = await transport.send(Call(url, {}, b"{}", 2.0))
            pieces: list[bytes] = []
            while sum(map(len, pieces)) < most and (piece := await response.read()):
                pieces.append(piece)
            response.close()
            return response.status, pieces
    finally:
        await transport.close()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", gzip.compress(TEXT)),
        (b"GZIP", gzip.compress(TEXT)),
        (b"x-gzip", gzip.compress(TEXT)),
        (b"deflate", zlib.compress(TEXT)),
        (b"identity", TEXT),
        (b"", TEXT),
    ],
    ids=["gzip", "capitals", "x-gzip", "deflate", "identity", "empty"],
)
async def test_a_compressed_body_reads_like_any_other(coding: bytes, body: bytes):
    status, pieces = await read(body, coding)

    assert (status, b"".join(pieces)) == (200, TEXT)


async def test_a_body_that_grows_without_end_grows_piece_by_piece_and_lets_others_run():
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(others())
    _, pieces = await read(gzip.compress(b"\0" * 100_000_000, 1), b"gzip", most=5_000_000)
    running.cancel()

    assert max(map(len, pieces)) <= PIECE_BYTES
    assert turns >= len(pieces)


@pytest.mark.parametrize(
    ("coding", "body", "code"),
    [
        (b"gzip", b"this is none", "upstream_malformed"),
        (b"gzip", gzip.compress(TEXT)[:-10], "upstream_disconnected"),
        (b"gzip", gzip.compress(TEXT) + b"more", "upstream_malformed"),
        (b"br", b"whatever", "upstream_malformed"),
        (b"gzip, gzip", gzip.compress(gzip.compress(TEXT)), "upstream_malformed"),
    ],
    ids=["none", "half", "more", "unknown", "twice"],
)
async def test_what_cannot_be_unpacked_is_a_failure(coding: bytes, body: bytes, code: str):
    with pytest.raises(AttemptFailed) as caught:
        await read(body, coding)

    assert caught.value.code == code


async def test_an_error_that_cannot_be_read_keeps_its_status():
    assert await read(b"\x8b\x02\x80", b"br", status=b"429 Slow Down") == (429, [])
