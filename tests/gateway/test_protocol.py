"""What the connection makes of bytes: offers to upgrade, and where one request ends and the next begins."""

import asyncio
from collections.abc import Mapping

import pytest
from gateway_client import HELLO, Line, head_of, line_to, request_of
from harness import base, running_gateway, specialist
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.simulation import Echoes, ModelServer

CHAT = "/v1/chat/completions"
NOWHERE = specialist("smart", "http://127.0.0.1:9/v1")
HEALTH = head_of("GET", "/health")
H2C = {
    "connection": "Upgrade, HTTP2-Settings",
    "upgrade": "h2c",
    "http2-settings": "AAMAAABkAAQAoAAAAAIAAAAA",
}
OFFERS: list[Mapping[str, str]] = [
    H2C,
    {"connection": "upgrade", "upgrade": "h2c"},
    {"Connection": "keep-alive, Upgrade", "Upgrade": "websocket, h2c"},
    {"connection": "Upgrade", "upgrade": "TLS/1.0"},
]


def ask(marker: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a question whose answer is the marker."""
    return request_of("POST", CHAT, {**HELLO, "messages": [{"role": "user", "content": marker}]}, headers)


def in_chunks(request: bytes) -> bytes:
    """Return the request with its body in chunks of seven bytes."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"content-length")]
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"\r\n".join([*lines, b"transfer-encoding: chunked", b"", b""]) + framed + b"0\r\n\r\n"


async def send_in(line: Line, data: bytes, size: int) -> None:
    """Send the data in pieces that arrive one by one."""
    for at in range(0, len(data), size):
        await line.send(data[at : at + size])
        await asyncio.sleep(0)


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: list(offer.values())[1])
async def test_a_request_that_offers_an_upgrade_is_answered_as_one_that_does_not(offer: Mapping[str, str]):
    async with ModelServer(Echoes()) as model:
        async with running_gateway(base(specialist("smart", model.url))) as gateway, line_to(gateway) as line:
            await line.send(ask("marker-1", offer))
            reply = await line.reply()

            assert (reply.status, reply.text) == (200, "marker-1")
            assert not {"upgrade", "connection"} & reply.headers.keys()


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
@pytest.mark.parametrize("framed", [bytes, in_chunks], ids=["length", "chunks"])
async def test_what_follows_an_offer_is_the_next_request_never_lost_nor_doubled(framed: type, size: int):
    requests = [ask("marker-1", H2C), ask("marker-2"), ask("marker-3", H2C), ask("marker-4", H2C)]
    async with ModelServer(Echoes()) as model:
        async with running_gateway(base(specialist("smart", model.url))) as gateway, line_to(gateway) as line:
            await send_in(line, b"".join(framed(request) for request in requests), size)
            replies = [await line.reply() for _ in requests]
            await line.send(HEALTH)

            assert (await line.reply()).status == 200
    assert [reply.text for reply in replies] == ["marker-1", "marker-2", "marker-3", "marker-4"]
    assert model.received == 4


async def test_an_offer_without_a_body_is_followed_by_the_next_request():
    offer = head_of("GET", "/health", {"connection": "Upgrade", "upgrade": "websocket"})
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(offer + head_of("GET", "/nothing") + offer)

        assert [(await line.reply()).status for _ in range(3)] == [200, 404, 200]


async def test_a_body_behind_an_offer_is_never_read_as_a_request():
    smuggled = head_of("GET", "/metrics")
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(request_of("POST", "/nothing", smuggled, H2C) + HEALTH)

        assert [(await line.reply()).status for _ in range(2)] == [404, 200]
        assert not await line.is_closed(within_s=0.2)


@pytest.mark.parametrize(
    "framing",
    [
        {"content-length": "5", "transfer-encoding": "chunked"},
        {"transfer-encoding": "chunked, nonsense"},
        {"content-length": "-1"},
        {"content-length": "5", "Content-Length": "6"},
        {"x": "folded\r\n value"},
        {"x": "split\rvalue"},
    ],
    ids=repr,
)
async def test_an_offer_excuses_no_wrong_framing(framing: Mapping[str, str]):
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(head_of("POST", CHAT, {**H2C, **framing}) + b"0\r\n\r\n" + HEALTH)
        reply = await line.reply()

        assert (reply.status, reply.error["code"]) == (400, "invalid_http")
        assert await line.is_closed()


async def test_an_offer_in_a_trailer_ends_nothing():
    trailer = b"5\r\nhello\r\n0\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(head_of("POST", "/nothing", {"transfer-encoding": "chunked"}) + trailer + HEALTH)

        assert [(await line.reply()).status for _ in range(2)] == [404, 200]


async def test_an_offer_that_also_asks_for_the_end_gets_the_end():
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(head_of("GET", "/health", {"connection": "upgrade, close", "upgrade": "h2c"}))
        reply = await line.reply()

        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert await line.is_closed()


async def test_an_offer_waits_for_its_body_to_be_asked_for():
    async with ModelServer(Echoes()) as model:
        async with running_gateway(base(specialist("smart", model.url))) as gateway, line_to(gateway) as line:
            asked, reply = await line.send_once_asked(ask("marker-1", {**H2C, "expect": "100-continue"}))

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert reply.text == "marker-1"


async def test_the_limits_on_headers_hold_for_an_offer():
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(head_of("GET", "/health", {**H2C, **{f"x-{n}": "1" for n in range(200)}}))

        assert (await line.reply()).status == 431


async def test_a_flood_of_offers_is_answered_one_by_one():
    offer = head_of("GET", "/health", {"connection": "Upgrade", "upgrade": "h2c"})
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        sending = asyncio.create_task(line.send(offer * 2_000))
        statuses = [(await line.reply()).status for _ in range(2_000)]
        await sending

    assert statuses == [200] * 2_000


async def test_who_takes_it_for_a_proxy_is_told():
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n" + HEALTH)
        reply = await line.reply()

        assert (reply.status, "no proxy" in reply.error["message"]) == (400, True)
        assert await line.is_closed()


async def test_a_body_in_one_piece_with_half_a_head_is_not_counted_as_headers():
    whole = request_of("POST", "/nothing", b"x" * 40_000) + HEALTH
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(whole[:-10])
        first = await line.reply()
        await line.send(whole[-10:])

        assert (first.status, (await line.reply()).status) == (404, 200)


@settings(max_examples=25)
@given(
    kinds=st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=6),
    size=st.integers(1, 400),
)
async def test_any_row_of_requests_in_any_pieces_is_answered_in_order(
    kinds: list[tuple[bool, bool, bool]], size: int
):
    row = [
        (in_chunks if chunked else bytes)(
            request_of("POST", "/nothing" if wrong else "/health", HEALTH, H2C if offer else None)
        )
        for offer, chunked, wrong in kinds
    ]
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await send_in(line, b"".join(row), size)
        statuses = [(await line.reply()).status for _ in row]
        await line.send(HEALTH)

        assert (await line.reply()).status == 200
    assert statuses == [404 if wrong else 405 for _, _, wrong in kinds]
