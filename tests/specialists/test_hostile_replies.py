"""What any server may send, cut anywhere: never a wrong body, never a hang, never another error than ours."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reply_cases import NEXT, Make, WellFormed, cut, mutated, places, reads, surplus, well_formed

from guardian_cluster.specialists.aiohttp_transport import AiohttpTransport
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport

TRANSPORTS: list[Make] = [HttptoolsTransport, AiohttpTransport]
CORPUS = Path(__file__).parents[1] / "fuzz" / "replies"
OK = b"HTTP/1.1 200 OK\r\n"
HELLO = b"content-length: 5\r\n\r\nhello"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"

both = pytest.mark.parametrize("make", TRANSPORTS)


@both
@settings(max_examples=60)
@given(reply=well_formed(), at=places)
def test_a_well_formed_reply_is_read_in_one_way_however_it_is_cut(
    make: Make, reply: WellFormed, at: list[int]
):
    said, following = asyncio.run(reads(make, cut(reply.data, at), closes=True))

    assert said == (reply.status, reply.body)
    assert following == (200, NEXT)


@settings(max_examples=150)
@given(data=mutated(), at=places)
def test_whatever_comes_is_read_as_aiohttp_reads_it_or_refused(data: bytes, at: list[int]):
    ours, after_ours = asyncio.run(reads(HttptoolsTransport, cut(data, at), closes=True))
    theirs, after_theirs = asyncio.run(reads(AiohttpTransport, cut(data, at), closes=True))

    assert ours is None or theirs is None or ours == theirs
    assert (after_ours, after_theirs) == ((200, NEXT), (200, NEXT))


@both
@settings(max_examples=60)
@given(reply=well_formed(), more=surplus, at=st.integers(0, 50))
@example(WellFormed(OK + HELLO, 200, b"hello"), OK + b"content-length: 6\r\n\r\nforged", 0)
def test_what_follows_a_reply_is_never_the_answer_to_the_next_call(
    make: Make, reply: WellFormed, more: bytes, at: int
):
    if b"connection: close" in reply.data or b"HTTP/1.0" in reply.data:
        return  # all that follows is its body
    whole = len(reply.data)

    said, following = asyncio.run(
        reads(make, cut(reply.data + more, [whole, whole + at] if at else []), closes=False)
    )

    # aiohttp refuses a reply with whatever comes in one block with its end.
    assert said == (reply.status, reply.body) or (said is None and make is AiohttpTransport)
    assert following == (200, NEXT)


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*.bin")), ids=lambda file: file.stem)
def test_what_fuzzing_found_stays_mended(file: Path):
    data = file.read_bytes()
    for at in ([], [*range(len(data))]):
        ours, after = asyncio.run(reads(HttptoolsTransport, cut(data, at), closes=True))
        theirs, _ = asyncio.run(reads(AiohttpTransport, cut(data, at), closes=True))

        assert ours is None or theirs is None or ours == theirs
        assert after == (200, NEXT)


REFUSED = {
    "length-and-chunked": OK
    + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunked-and-length": OK
    + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "two-lengths": OK + b"content-length: 5\r\n" + HELLO,
    "list-of-lengths": OK + b"content-length: 5, 5\r\n\r\nhello",
    "signed-length": OK + b"content-length: +5\r\n\r\nhello",
    "empty-length": OK + b"content-length:\r\n\r\nhello",
    "endless-length": OK + b"content-length: 18446744073709551616\r\n\r\nhello",
    "unknown-coding": OK + b"transfer-encoding: gzip\r\n\r\nhello",
    "packed-and-chunked": CHUNKED.replace(b"chunked", b"gzip, chunked") + b"5\r\nhello\r\n0\r\n\r\n",
    "chunked-not-last": CHUNKED.replace(b"chunked", b"chunked, gzip") + b"5\r\nhello\r\n0\r\n\r\n",
    "nearly-chunked": CHUNKED.replace(b"chunked", b"xchunked") + b"5\r\nhello\r\n0\r\n\r\n",
    "two-codings": OK
    + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-overflows": CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk-longer-than-said": CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
    "no-last-chunk": CHUNKED + b"5\r\nhello\r\n",
    "trailer-without-end": CHUNKED + b"5\r\nhello\r\n0\r\nx: 1\r\n",
    "shorter-than-said": OK + b"content-length: 6\r\n\r\nhello",
    "head-without-end": OK + b"content-length: 5\r\n",
    "switched": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello",
    "informs-for-ever": b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
    "nothing": b"",
}


@both
@pytest.mark.parametrize("case", REFUSED)
def test_a_reply_whose_end_is_in_doubt_is_refused(make: Make, case: str):
    assert asyncio.run(reads(make, [REFUSED[case]] if REFUSED[case] else [b"\r\n"], closes=True)) == (
        None,
        (200, NEXT),
    )


OURS_REFUSES = {
    "chunked-and-a-tab": CHUNKED.replace(b"chunked", b"chunked\t") + b"5\r\nhello\r\n0\r\n\r\n",
    "space-before-colon": OK + b"content-length : 5\r\n\r\nhello",
    "bare-line-feeds": OK.replace(b"\r\n", b"\n") + b"content-length: 5\n\nhello",
    "bare-line-feeds-in-chunks": CHUNKED + b"5\nhello\n0\n\n",
    "folded-line": OK + b"x: a\r\n b\r\n" + HELLO,
    "folded-length": OK + b"content-length:\r\n 5\r\n\r\nhello",
    "an-informing-reply-with-a-body": b"HTTP/1.1 150 Hm\r\ncontent-length: 3\r\n\r\nbad" + OK + HELLO,
    "status-below-100": b"HTTP/1.1 099 Hm\r\n" + HELLO,
    "long-head": OK + b"x: " + b"y" * 100_000 + b"\r\n" + HELLO,
    "long-trailer": CHUNKED + b"5\r\nhello\r\n" + b"0\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    "endless-extension": CHUNKED + b"5;" + b"y" * 200_000 + b"\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("at", [[], [*range(0, 300_000, 1_000)]], ids=["whole", "in-pieces"])
@pytest.mark.parametrize("case", OURS_REFUSES)
def test_what_clients_read_in_different_ways_is_refused(case: str, at: list[int]):
    pieces = cut(OURS_REFUSES[case], at)

    assert asyncio.run(reads(HttptoolsTransport, pieces, closes=True)) == (None, (200, NEXT))


READ = {
    "no-content": (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
    "no-content-with-a-body": (b"HTTP/1.1 204 No Content\r\n" + HELLO, (204, b"")),
    "upgrade-offered": (OK + b"connection: upgrade\r\nupgrade: h2c\r\n" + HELLO, (200, b"hello")),
    "extensions-and-trailers": (CHUNKED + b"5;a=b\r\nhello\r\n0;c\r\nx: 1\r\n\r\n", (200, b"hello")),
    "empty-lines-before": (b"\r\n\r\n" + OK + HELLO, (200, b"hello")),
    "no-reason": (b"HTTP/1.1 200 \r\n" + HELLO, (200, b"hello")),
    "to-the-end": (OK + b"\r\nhello", (200, b"hello")),
}


@both
@pytest.mark.parametrize("case", READ)
def test_what_is_odd_and_clear_is_read(make: Make, case: str):
    data, expected = READ[case]

    assert asyncio.run(reads(make, cut(data, [*range(len(data))]), closes=True)) == (expected, (200, NEXT))
