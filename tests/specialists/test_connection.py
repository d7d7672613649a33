"""One connection and its reply, without a network: the bytes are handed in."""

import asyncio
import gc
import weakref
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.connection import SLICE_BYTES, Connection
from guardian_cluster.specialists.reply import READ_BUFFER_BYTES, Reply
from guardian_cluster.specialists.reply_parser import MAX_HEAD_BYTES, MAX_HEADERS

CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nx: 1\r\n\r\n"
)
COUNTED = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world"
INFORMED = b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + COUNTED


class Wire(asyncio.Transport):
    """What a connection writes to; `buffered` stands for what has not left yet."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.buffered = 0
        self.aborted = False
        self.reading = True

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Keeper:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def opened(self, connection: Connection) -> None:
        self.told.append("opened")

    def freed(self, connection: Connection) -> None:
        self.told.append("freed")

    def lost(self, connection: Connection) -> None:
        self.told.append("lost")


class Asked:
    """A connection with a request under way."""

    def __init__(self) -> None:
        self.wire, self.keeper = Wire(), Keeper()
        self.connection = Connection(self.keeper)
        self.connection.connection_made(self.wire)
        self._reply = self.connection.ask(b"POST / HTTP/1.1\r\n", b"{}")

    async def hear(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.connection.data_received(piece)

    async def reply(self) -> Reply:
        await asyncio.wait_for(self._reply.begin(), 5)
        return self._reply


async def body_of(reply: Reply) -> bytes:
    blocks: list[bytes] = []
    while block := await asyncio.wait_for(reply.read(), 5):
        blocks.append(block)
    return b"".join(blocks)


async def test_a_request_has_its_length():
    asked = Asked()
    await asked.hear(COUNTED)

    await asked.reply()
    assert asked.wire.written == b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"


@given(st.sampled_from([CHUNKED, COUNTED, INFORMED]), st.lists(st.integers(1, 120), max_size=12))
def test_a_reply_is_the_same_however_it_is_cut(whole: bytes, cuts: list[int]):
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})

    async def heard() -> tuple[int, bytes, list[str]]:
        asked = Asked()
        await asked.hear(*(whole[start:end] for start, end in pairwise(places)))
        reply = await asked.reply()
        return reply.status, await body_of(reply), asked.keeper.told

    assert asyncio.run(heard()) == (200, b"hello world", ["opened", "freed"])


@pytest.mark.parametrize(
    "surplus", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"x"]
)
async def test_a_connection_that_says_more_than_was_asked_is_not_used_again(surplus: bytes):
    asked = Asked()
    await asked.hear(COUNTED + surplus)

    assert asked.wire.aborted
    assert "freed" not in asked.keeper.told


async def test_a_reply_that_has_ended_leaves_nothing_to_the_garbage_collector():
    connection = Connection(Keeper())
    connection.connection_made(Wire())
    asyncio.get_running_loop().call_soon(connection.data_received, COUNTED)
    reply = connection.ask(b"POST / HTTP/1.1\r\n", b"{}")
    await body_of(reply)

    gc.disable()
    try:
        forgotten = weakref.ref(reply)
        del reply
        assert forgotten() is None
    finally:
        gc.enable()


async def test_what_comes_unasked_ends_an_idle_connection():
    asked = Asked()
    await asked.hear(COUNTED, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    assert asked.wire.aborted


async def test_a_reply_to_half_a_request_ends_the_connection():
    asked = Asked()
    asked.wire.buffered = 1
    await asked.hear(COUNTED)

    assert asked.wire.aborted
    assert await body_of(await asked.reply()) == b"hello world"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 11\r\n\r\nhello world",
        b"HTTP/1.0 200 OK\r\ncontent-length: 11\r\n\r\nhello world",
    ],
)
async def test_a_connection_that_its_server_closes_is_not_used_again(head: bytes):
    asked = Asked()
    await asked.hear(head)

    assert asked.wire.aborted
    assert await body_of(await asked.reply()) == b"hello world"


async def test_a_slow_reader_lets_the_server_wait():
    asked = Asked()
    await asked.hear(b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n", b"x" * (READ_BUFFER_BYTES + 1))
    reply = await asked.reply()
    assert not asked.wire.reading

    assert len(await reply.read()) == READ_BUFFER_BYTES + 1
    assert asked.wire.reading


@pytest.mark.parametrize(
    "flood",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_HEADERS + 1),
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (MAX_HEADERS + 2),
        b"HTTP/1.1 200 OK\r\na: " + b"b" * MAX_HEAD_BYTES,
        CHUNKED[:-2] + b"a: b\r\n" * (MAX_HEADERS + 2),
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ],
)
async def test_a_flood_of_headers_ends_the_connection(flood: bytes):
    asked = Asked()
    await asked.hear(flood)

    assert asked.wire.aborted
    with pytest.raises(AttemptFailed, match="The connection to the model broke"):
        await body_of(await asked.reply())


@pytest.mark.parametrize("chunks", [1, 2_000, 30_000])
async def test_a_body_in_very_many_pieces_lets_others_run_between(chunks: int):
    body = b"1\r\nx\r\n" * chunks + b"0\r\n\r\n"
    asked = Asked()
    await asked.hear(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + body)
    turns = 0
    while "freed" not in asked.keeper.told and turns < 1_000:
        await asyncio.sleep(0)
        turns += 1

    assert await body_of(await asked.reply()) == b"x" * chunks
    assert turns >= len(body) // SLICE_BYTES
    assert asked.wire.reading


async def test_what_has_arrived_counts_when_the_connection_ends_before_it_is_read():
    asked = Asked()
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    await asked.hear(head + b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n")

    asked.connection.connection_lost(None)

    assert await body_of(await asked.reply()) == b"x" * 20_000


async def test_surplus_after_very_many_pieces_ends_the_connection():
    asked = Asked()
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    await asked.hear(head + b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n" + COUNTED)
    for _ in range(100):
        await asyncio.sleep(0)

    assert asked.wire.aborted
    assert "freed" not in asked.keeper.told


async def test_a_large_plain_body_is_taken_at_once_and_nothing_waits_for_its_reader():
    asked = Asked()
    await asked.hear(b"HTTP/1.1 200 OK\r\ncontent-length: 400000\r\n\r\n" + b"x" * 400_000)

    assert asked.keeper.told == ["opened", "freed"]
    assert asked.wire.reading
    assert len(await body_of(await asked.reply())) == 400_000


async def test_a_second_reply_over_one_connection_knows_nothing_of_the_first():
    asked = Asked()
    await asked.hear(
        b"HTTP/1.1 200 OK\r\nx: 1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\ny: 2\r\n\r\n"
    )
    first = await asked.reply()

    second = asked.connection.ask(b"POST / HTTP/1.1\r\n", b"{}")
    await asked.hear(b"HTTP/1.1 429 No\r\ncontent-length: 6\r\n\r\nsecond")
    await second.begin()

    assert [await body_of(first), await body_of(second)] == [b"first", b"second"]
    assert [(each.status, each.header("x"), each.header("y")) for each in (first, second)] == [
        (200, "1", None),
        (429, None, None),
    ]


async def test_a_body_without_length_ends_with_its_connection_but_not_with_a_fault():
    for error, ends_well in ((None, True), (ConnectionResetError("reset"), False)):
        asked = Asked()
        await asked.hear(b"HTTP/1.1 200 OK\r\n\r\nhello")
        reply = await asked.reply()
        assert await reply.read() == b"hello"

        asked.connection.connection_lost(error)

        if ends_well:
            assert await reply.read() == b""
        else:
            with pytest.raises(AttemptFailed):
                await reply.read()
