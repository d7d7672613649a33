"""How much of what comes is parsed at once, and that what waits is neither lost nor doubled."""

import asyncio
import itertools
from typing import Any

import pytest
import uvicorn
from gateway_client import HELLO, head_of, line_to, request_of
from harness import base, running_gateway, specialist
from uvicorn.server import ServerState

from guardian_cluster.gateway.pieces import FREE_CHUNKS, MAX_WAITING, PIECE_BYTES, TURN_CHUNKS
from guardian_cluster.gateway.protocol import BoundedProtocol
from guardian_cluster.simulation import Echoes, ModelServer

NOWHERE = specialist("smart", "http://127.0.0.1:9/v1")
SMALLEST = b"GET / HTTP/1.1\r\n\r\n"
IN_A_PIECE = PIECE_BYTES // len(SMALLEST) + 1
CHUNKED = {"transfer-encoding": "chunked"}


class Wire(asyncio.Transport):
    """A connection's other end: what was written to it, and whether it is being read."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True
        self.closing = False

    def write(self, data: Any) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True


class Application:
    """Answers nothing before it may, and remembers what it was asked."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope)
        await receive()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def connection() -> tuple[BoundedProtocol, Wire, Application]:
    application, wire = Application(), Wire()
    config = uvicorn.Config(application, http=BoundedProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    protocol = BoundedProtocol(config, ServerState(), {})
    protocol.connection_made(wire)
    return protocol, wire, application


async def answered(application: Application, count: int) -> None:
    """Let the application answer until it was asked so often, for some turns of the loop."""
    application.may_answer.set()
    for _ in range(20 * count):
        if len(application.asked) == count:
            break
        await asyncio.sleep(0)
    for _ in range(20):  # the last answer, and what should not be there
        await asyncio.sleep(0)


async def test_of_a_row_of_requests_only_some_are_parsed_while_the_first_is_answered():
    protocol, wire, application = connection()

    protocol.data_received(SMALLEST * 13_000)
    for _ in range(50):
        await asyncio.sleep(0)

    assert len(protocol.pipeline) <= MAX_WAITING + IN_A_PIECE
    assert (wire.reading, len(application.asked)) == (False, 1)


async def test_requests_that_waited_are_all_answered_once_and_in_order():
    protocol, wire, application = connection()
    row = b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(1_500))

    protocol.data_received(row[:20_011])
    protocol.data_received(row[20_011:])  # on its way when reading was paused
    await answered(application, 1_500)

    assert [scope["path"] for scope in application.asked] == [f"/{number}" for number in range(1_500)]
    assert wire.written.count(b"HTTP/1.1 204") == 1_500
    assert wire.reading


async def test_who_asks_for_a_body_lets_nothing_more_in_while_enough_waits():
    protocol, wire, application = connection()

    protocol.data_received(request_of("POST", "/", b"x") + SMALLEST * 5_000)
    await asyncio.sleep(0)  # the first request is read, by which reading is resumed otherwise

    assert (len(application.asked), wire.reading) == (1, False)


async def test_a_client_is_not_too_slow_in_asking_while_its_requests_wait_for_us():
    protocol, wire, application = connection()
    half = head_of("GET", "/last")
    protocol.data_received(SMALLEST * 2_000 + half[:-2])

    protocol.check(asyncio.get_running_loop().time() + 1_000)
    await answered(application, 2_000)
    protocol.data_received(half[-2:])
    await answered(application, 2_001)

    assert application.asked[-1]["path"] == "/last"
    assert not wire.closing


async def test_of_many_chunks_only_some_are_parsed_in_a_turn_of_the_loop():
    protocol, wire, _ = connection()
    most = TURN_CHUNKS + PIECE_BYTES // len(b"1\r\na\r\n") + 1

    protocol.data_received(head_of("POST", "/", CHUNKED) + b"1\r\na\r\n" * 9_000)
    at_first = len(protocol.cycle.body)
    taken = [len(protocol.cycle.body)]
    while not wire.reading:
        protocol._read_on()
        taken.append(len(protocol.cycle.body))

    assert at_first <= most
    assert max(after - before for before, after in itertools.pairwise(taken)) <= most
    assert taken[-1] == 9_000


async def test_a_body_of_a_declared_length_is_not_cut_up():
    protocol, _, application = connection()
    pieces: list[int] = []
    take = protocol._read_piece
    protocol._read_piece = lambda piece: (pieces.append(len(piece)), take(piece))[1]  # type: ignore[method-assign]

    protocol.data_received(request_of("POST", "/", b"x" * 200_000))
    await answered(application, 1)

    assert (len(pieces), len(application.asked)) == (2, 1)


async def test_what_a_trailer_says_is_none_of_the_requests_headers():
    protocol, _, application = connection()

    trailer = b"1\r\na\r\n0\r\nauthorization: Bearer x\r\ncontent-length: 9999999\r\n\r\n"
    protocol.data_received(head_of("POST", "/", CHUNKED) + trailer + SMALLEST * 5_000)
    await asyncio.sleep(0)

    assert [name for name, _ in application.asked[0]["headers"]] == [b"host", b"transfer-encoding"]
    assert len(protocol.pipeline) <= MAX_WAITING + IN_A_PIECE


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/nothing"])
async def test_a_body_of_nothing_but_tiny_chunks_is_refused_and_the_connection_ends(path: str):
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        sending = asyncio.create_task(line.send(head_of("POST", path, CHUNKED) + b"1\r\na\r\n" * 200_000))
        reply = await line.reply()

        assert (reply.status, reply.error["code"]) in ((400, "chunks_too_small"), (404, "not_found"))
        assert await line.is_closed()
        await sending


@pytest.mark.parametrize(("count", "size"), [(FREE_CHUNKS - 1, 1), (20_000, 100)])
async def test_small_chunks_are_served_if_they_are_few_or_not_tiny(count: int, size: int):
    whole = request_of("POST", "/", HELLO).partition(b"\r\n\r\n")[2]
    padded = whole + b" " * ((count - 1) * size - len(whole))
    pieces = [padded[at : at + size] for at in range(0, len(padded), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    async with (
        ModelServer(Echoes()) as model,
        running_gateway(base(specialist("smart", model.url))) as gateway,
        line_to(gateway) as line,
    ):
        await line.send(head_of("POST", "/v1/chat/completions", CHUNKED) + framed)
        reply = await line.reply()

    assert (reply.status, reply.text) == (200, "hello")


async def test_who_speaks_http_1_0_gets_a_stream_that_the_end_of_the_connection_ends():
    question = request_of("POST", "/v1/chat/completions", {**HELLO, "stream": True})
    async with (
        ModelServer(Echoes()) as model,
        running_gateway(base(specialist("smart", model.url))) as gateway,
        line_to(gateway) as line,
    ):
        await line.send(question.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        head, _, body = (await asyncio.wait_for(line.reader.read(), 10)).partition(b"\r\n\r\n")

    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    assert body.startswith(b"data: {")
    assert body.endswith(b"\n\ndata: [DONE]\n\n")
