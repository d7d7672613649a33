"""Clients that are slow, greedy or speak no HTTP."""

import asyncio
import socket

import pytest
from gateway_client import HELLO, chat, head_of, line_to, request_of, send
from harness import base, running_gateway, specialist

from guardian_cluster.gateway import protocol
from guardian_cluster.simulation import Echoes, Hang, ModelServer, Pace

NOWHERE = specialist("smart", "http://127.0.0.1:9/v1")
CHAT = "/v1/chat/completions"

NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a handshake",
    b"hello\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /health HTTP/9.9\r\n\r\n",
    b"get /health HTTP/1.1\r\n\r\n",
    b"GET /he alth HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET health HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /h\xc3\xa4 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /health HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET /health HTTP/1.1\r\n: no name\r\n\r\n",
    b"GET /health HTTP/1.1\r\na b: c\r\n\r\n",
    b"GET /health HTTP/1.1\r\nx: a\0b\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 1x\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked, nonsense\r\n\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("data", NO_HTTP, ids=lambda data: repr(data[:50]))
async def test_what_is_no_http_is_refused_in_openais_shape_and_the_connection_ends(data: bytes):
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(data)
        reply = await line.reply()

        assert reply.status == 400
        assert (reply.error["type"], reply.headers["connection"]) == ("invalid_request_error", "close")
        assert await line.is_closed()


async def test_a_chunk_that_is_none_ends_the_connection():
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(head_of("POST", CHAT, {"transfer-encoding": "chunked"}) + b"zz\r\n")

        assert await line.is_closed() or (await line.reply()).status == 400
        assert gateway.collected.requests == []


async def test_too_many_headers_are_431():
    headers = {f"x-{n}": "1" for n in range(20_000)}
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(head_of("GET", "/health", headers))
        reply = await line.reply()

    assert (reply.status, reply.error["code"]) == (431, "headers_too_large")
    assert "send fewer" in reply.error["message"]


@pytest.mark.parametrize("ended", [True, False])
async def test_a_header_of_a_megabyte_is_431(ended: bool):
    data = head_of("GET", "/health", {"x": "y" * 1_000_000})
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(data if ended else data[:-4])
        reply = await line.reply()

    assert (reply.status, reply.error["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"GET /health HTTP/1.1\r\nx: " + b"y" * 8_000_000, 431), (b"nonsense" * 1_000_000, 400)],
    ids=["headers", "nonsense"],
)
async def test_a_client_that_listens_only_when_it_has_spoken_hears_the_refusal(data: bytes, status: int):
    def speak_then_listen(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(data)
            return connection.recv(12)

    async with running_gateway(base(NOWHERE)) as gateway:
        heard = await asyncio.to_thread(speak_then_listen, gateway.port)

    assert heard == f"HTTP/1.1 {status}".encode()


async def test_a_refused_client_cannot_speak_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(protocol, "LINGER_S", 0.1)
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(b"nonsense")
        await line.reply()
        async with asyncio.timeout(5):
            while not line.writer.transport.is_closing():
                line.writer.write(b"x")
                await asyncio.sleep(0.02)  # what is under test is time


async def test_an_endless_address_is_refused():
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(head_of("GET", "/" + "x" * 1_000_000))

        assert (await line.reply()).status in (414, 431)


async def test_as_many_headers_as_the_limits_allow_pass():
    headers = {f"x-{n}": "1" for n in range(99)}  # and one for the host
    async with running_gateway(base(NOWHERE, max_headers=100)) as gateway:
        assert (await send(gateway, "GET", "/health", headers=headers)).status == 200
        assert (await send(gateway, "GET", "/health", headers={**headers, "y": "1"})).status == 431


async def test_headers_count_anew_for_each_request():
    headers = {f"x-{n}": "y" * 1_000 for n in range(20)}
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        for _ in range(5):
            await line.send(head_of("GET", "/health", headers))

            assert (await line.reply()).status == 200


async def test_headers_that_do_not_come_in_time_end_the_connection():
    async with running_gateway(base(NOWHERE, header_timeout_s=0.2)) as gateway, line_to(gateway) as line:
        await line.send(b"GET /health HTTP/1.1\r\nhost: ")

        assert await line.is_closed(within_s=3)


async def test_headers_that_drip_end_the_connection():
    async with running_gateway(base(NOWHERE, header_timeout_s=0.3)) as gateway, line_to(gateway) as line:

        async def drip() -> None:
            for byte in b"GET /health HTTP/1.1\r\n" + b"x: y\r\n" * 1_000:
                await line.send(bytes([byte]))
                await asyncio.sleep(0.02)  # what is under test is slowness itself

        dripping = asyncio.create_task(drip())
        assert await line.is_closed(within_s=3)
        dripping.cancel()


async def test_a_connection_that_says_nothing_ends():
    async with running_gateway(base(NOWHERE, header_timeout_s=0.2)) as gateway, line_to(gateway) as line:
        assert await line.is_closed(within_s=3)


async def test_an_idle_connection_ends():
    async with running_gateway(base(NOWHERE, keep_alive_s=0.2)) as gateway, line_to(gateway) as line:
        await line.send(head_of("GET", "/health"))
        await line.reply()

        assert await line.is_closed(within_s=3)


@pytest.mark.parametrize("path", [CHAT, "/v1/embeddings"])
@pytest.mark.parametrize("sent", [b"", b'{"model": "smart"'])
async def test_a_body_that_does_not_come_in_time_is_408(path: str, sent: bytes):
    async with running_gateway(base(NOWHERE, body_timeout_s=0.1)) as gateway, line_to(gateway) as line:
        await line.send(head_of("POST", path, {"content-length": "1000"}) + sent)
        reply = await line.reply()

        assert (reply.status, reply.error["code"]) == (408, "request_timeout")
        assert reply.headers["connection"] == "close"


async def test_a_body_that_drips_is_408():
    async with running_gateway(base(NOWHERE, body_timeout_s=0.2)) as gateway, line_to(gateway) as line:
        await line.send(head_of("POST", CHAT, {"content-length": "1000"}))

        async def drip() -> None:
            while True:
                await line.send(b" ")
                await asyncio.sleep(0.02)  # what is under test is slowness itself

        dripping = asyncio.create_task(drip())
        reply = await line.reply()
        dripping.cancel()

    assert reply.status == 408


async def test_a_slow_client_does_not_hold_up_others():
    async with (
        ModelServer("hello") as server,
        running_gateway(base(specialist("smart", server.url))) as gateway,
    ):
        async with line_to(gateway) as slow:
            await slow.send(head_of("POST", CHAT, {"content-length": "1000"}) + b"{")

            assert (await chat(gateway)).text == "hello"


async def test_requests_in_a_row_are_answered_in_their_order():
    async with ModelServer(Echoes(), pace=Pace(0.01)) as server:
        async with (
            running_gateway(base(specialist("smart", server.url))) as gateway,
            line_to(gateway) as line,
        ):
            bodies = [{**HELLO, "messages": [{"role": "user", "content": f"marker-{n}"}]} for n in range(5)]
            await line.send(b"".join(request_of("POST", CHAT, body) for body in bodies))
            replies = [await line.reply() for _ in bodies]

    assert [reply.text for reply in replies] == [f"marker-{n}" for n in range(5)]


async def test_a_flood_of_requests_in_a_row_is_answered():
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        sending = asyncio.create_task(line.send(head_of("GET", "/health") * 3_000))
        statuses = {(await line.reply()).status for _ in range(3_000)}
        await sending

    assert statuses == {200}


async def test_a_client_that_leaves_with_requests_in_a_row_ends_them_all():
    async with ModelServer(faults=Hang("request")) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            async with line_to(gateway) as line:
                await line.send(request_of("POST", CHAT, HELLO) * 3)
                await server.until(lambda: server.open_requests == 1)
                line.abort()
            await server.until(lambda: server.open_requests == 0)

    assert server.received == 1
    assert gateway.gateway.in_flight == 0


async def test_a_body_is_asked_for_where_the_client_waits_to_be_asked():
    async with (
        ModelServer("hello") as server,
        running_gateway(base(specialist("smart", server.url))) as gateway,
    ):
        async with line_to(gateway) as line:
            whole = request_of("POST", CHAT, HELLO, {"expect": "100-continue"})
            asked, reply = await line.send_once_asked(whole)

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert reply.text == "hello"


async def test_a_body_in_pieces_is_put_together():
    content = request_of("POST", CHAT, HELLO).partition(b"\r\n\r\n")[2]
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\nx-trailer: 1\r\n\r\n"
    async with (
        ModelServer("hello") as server,
        running_gateway(base(specialist("smart", server.url))) as gateway,
    ):
        async with line_to(gateway) as line:
            await line.send(head_of("POST", CHAT, {"transfer-encoding": "chunked"}) + chunks)
            reply = await line.reply()

    assert reply.text == "hello"


async def test_an_upgrade_is_passed_over():
    headers = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-key": "x"}
    async with running_gateway(base(NOWHERE)) as gateway:
        assert (await send(gateway, "GET", "/health", headers=headers)).status == 200


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
async def test_a_client_that_asks_for_the_end_gets_it(version: bytes):
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(b"GET /health " + version + b"\r\nhost: x\r\nconnection: close\r\n\r\n")
        reply = await line.reply()

        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert await line.is_closed()


async def test_a_connection_is_used_again_after_an_error():
    async with (
        ModelServer("hello") as server,
        running_gateway(base(specialist("smart", server.url))) as gateway,
    ):
        async with line_to(gateway) as line:
            for body, status in (({}, 400), ({**HELLO, "model": "x"}, 404), (HELLO, 200)):
                await line.send(request_of("POST", CHAT, body))

                assert (await line.reply()).status == status


async def test_a_body_behind_a_wrong_address_is_passed_over():
    async with running_gateway(base(NOWHERE)) as gateway, line_to(gateway) as line:
        await line.send(request_of("POST", "/nothing", b"x" * 300_000))
        first = await line.reply()
        await line.send(head_of("GET", "/health"))

        assert (first.status, (await line.reply()).status) == (404, 200)


async def test_the_body_of_a_refused_request_is_never_read_as_another():
    smuggled = head_of("GET", "/metrics")
    async with running_gateway(base(NOWHERE, max_body_bytes=10)) as gateway, line_to(gateway) as line:
        await line.send(request_of("POST", CHAT, smuggled))
        refused = await line.reply()

        assert refused.status == 413
        assert await line.is_closed()
