"""What leaves for a client at the head of a response."""

import asyncio
import logging
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from guardian_cluster.gateway.cycle import COPIED_BYTES, Cycle


class Written:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.pieces.append(data)


def cycle_on(transport: Any, method: str = "POST") -> Cycle:
    log = logging.getLogger("test")
    facts: dict[str, Any] = {"logger": log, "access_logger": log, "access_log": False, "default_headers": []}
    return Cycle(
        scope={"method": method},
        transport=transport,
        flow=FlowControl(transport),
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=True,
        on_response=lambda: None,
        body_timeout_s=1.0,
        hang_up=lambda: None,
        **facts,
    )


async def respond(cycle: Cycle, headers: list[tuple[bytes, bytes]], *pieces: bytes) -> None:
    await cycle.send({"type": "http.response.start", "status": 200, "headers": headers})
    for number, piece in enumerate(pieces, 1):
        await cycle.send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})


async def test_a_small_response_leaves_in_one_write():
    transport = Written()
    await respond(cycle_on(transport), [(b"content-length", b"2")], b"hi")

    assert transport.pieces == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"]


async def test_a_stream_is_framed_piece_by_piece():
    transport = Written()
    await respond(cycle_on(transport), [], b"one", b"two", b"")

    framing = b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n"
    assert transport.pieces == [b"HTTP/1.1 200 OK\r\n" + framing, b"3\r\ntwo\r\n", b"0\r\n\r\n"]


async def test_a_large_body_is_not_copied_behind_its_head():
    transport, body = Written(), b"x" * (COPIED_BYTES + 1)
    await respond(cycle_on(transport), [(b"content-length", b"%d" % len(body))], body)

    assert transport.pieces[1] is not None
    assert [len(piece) for piece in transport.pieces[1:]] == [len(body)]


@pytest.mark.parametrize("value", [b"a\r\nx-forged: 1", b"a\nb", b"a\rb", b"a\0b", b"\x7f", b"a\r\n\r\nbody"])
@pytest.mark.parametrize("forged", ["name", "value"])
async def test_no_header_can_begin_another_line(forged: str, value: bytes):
    transport = Written()
    header = (value, b"1") if forged == "name" else (b"x-fine", value)

    with pytest.raises(RuntimeError, match="control character"):
        await respond(cycle_on(transport), [header], b"hi")
    assert transport.pieces == []


@pytest.mark.parametrize("body", [b"h", b"hi!"])
async def test_a_body_of_another_length_than_declared_is_a_fault(body: bytes):
    with pytest.raises(RuntimeError, match="another length"):
        await respond(cycle_on(Written()), [(b"content-length", b"2")], body)


async def test_a_second_head_is_a_fault():
    cycle = cycle_on(Written())
    await respond(cycle, [])

    with pytest.raises(RuntimeError, match="not due"):
        await respond(cycle, [])
