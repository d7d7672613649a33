"""What every Transport promises; a new implementation is added to `TRANSPORTS` and must pass unchanged."""

import asyncio
import gzip
import json
import os
import socket
import ssl
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import msgspec
import pytest
import trustme
from raw_server import raw_server, read_request, says

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.simulation import (
    BreakOff,
    Drip,
    Fault,
    GarbleHandshake,
    Giant,
    Hang,
    Interim,
    ModelServer,
    Raw,
    Refuse,
    Reset,
    StaleConnection,
    Status,
    in_turn,
)
from guardian_cluster.specialists import transport as transports
from guardian_cluster.specialists.aiohttp_transport import AiohttpTransport
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport
from guardian_cluster.specialists.pool import ConnectionLimits
from guardian_cluster.specialists.transport import Call, Response, Transport

Make = Callable[..., Transport]
TRANSPORTS: list[Make] = [HttptoolsTransport, AiohttpTransport]
"""Each is called with `tls=`, the context to verify servers with, and `limits=` of its connections, or without."""


@pytest.fixture(params=TRANSPORTS)
def make(request: pytest.FixtureRequest) -> Make:
    return request.param


@pytest.fixture
async def transport(make: Make) -> AsyncGenerator[Transport]:
    transport = make()
    yield transport
    await transport.close()


def call(url: str, *, stream: bool = False, text: str = "hi", connect_timeout_s: float = 2.0) -> Call:
    content = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}
    return Call(
        url=f"{url}/chat/completions",
        headers={"content-type": "application/json"},
        body=json.dumps(content).encode(),
        connect_timeout_s=connect_timeout_s,
        endpoint="m/1",
    )


async def read_all(response: Response) -> bytes:
    parts: list[bytes] = []
    async with asyncio.timeout(10):
        while block := await response.read():
            parts.append(block)
    return b"".join(parts)


async def exchange(transport: Transport, sent: Call) -> tuple[int, bytes]:
    response = await transport.send(sent)
    try:
        return response.status, await read_all(response)
    finally:
        response.close()


async def failure(transport: Transport, sent: Call) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        await exchange(transport, sent)
    return caught.value


async def test_a_connection_is_used_again(transport: Transport):
    async with ModelServer("hello") as server:
        for stream in (False, True, False):
            await exchange(transport, call(server.url, stream=stream))

        await server.until(lambda: server.answered == 3)
        assert server.connections_opened == 1


async def test_a_call_arrives_as_it_was_given(transport: Transport):
    async with ModelServer() as server:
        sent = call(server.url, text="grüezi")
        await exchange(transport, sent)

    (received,) = server.requests
    assert (received.method, received.path) == ("POST", "/v1/chat/completions")
    assert received.raw == sent.body
    assert received.headers["content-type"] == "application/json"
    assert received.headers["content-length"] == str(len(sent.body))


async def test_a_trace_goes_along_with_its_own_call_alone(transport: Transport):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with ModelServer() as server:
        plain = call(server.url)
        for sent in (msgspec.structs.replace(plain, traceparent=trace), plain):
            await exchange(transport, sent)

    assert [request.headers.get("traceparent") for request in server.requests] == [trace, None]


async def test_a_call_whose_used_connection_was_closed_under_it_is_sent_once_more(transport: Transport):
    async with ModelServer("hello", faults=in_turn(None, StaleConnection())) as server:
        await exchange(transport, call(server.url))

        status, body = await exchange(transport, call(server.url, text="again"))

        assert (status, b"hello" in body, transport.repeated) == (200, True, 1)
        assert [request.on_reused_connection for request in server.requests] == [False, True, False]
        assert server.requests[1].raw == server.requests[2].raw


@pytest.mark.parametrize("fault", [BreakOff("request"), Reset("request")])
async def test_a_call_is_sent_no_more_than_twice(transport: Transport, fault: Fault):
    async with ModelServer(faults=in_turn(None, fault, fault)) as server:
        await exchange(transport, call(server.url))

        error = await failure(transport, call(server.url))

        assert (error.code, server.received, transport.repeated) == ("upstream_disconnected", 3, 1)


@pytest.mark.parametrize("fault", [BreakOff("request"), Reset("request")])
async def test_a_call_over_a_fresh_connection_is_not_repeated(transport: Transport, fault: Fault):
    async with ModelServer(faults=in_turn(fault)) as server:
        assert (await failure(transport, call(server.url))).code == "upstream_disconnected"

        assert (server.received, transport.repeated) == (1, 0)


@pytest.mark.parametrize("begun", [b"H", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"])
async def test_a_call_of_whose_reply_a_byte_came_is_not_repeated(transport: Transport, begun: bytes):
    replies = [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", begun]

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while replies:
            await read_request(reader)
            writer.write(replies.pop(0))
            await writer.drain()

    async with raw_server(converse) as url:
        await exchange(transport, call(url))

        assert (await failure(transport, call(url))).code == "upstream_disconnected"
        assert transport.repeated == 0


async def test_a_connection_that_ends_late_may_have_been_at_work_and_its_call_is_not_repeated(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transports, "REPEATED_WITHIN_S", -1.0)  # every end is late
    async with ModelServer(faults=in_turn(None, StaleConnection())) as server:
        await exchange(transport, call(server.url))

        assert (await failure(transport, call(server.url))).code == "upstream_disconnected"
        assert (server.received, transport.repeated) == (2, 0)


@pytest.mark.parametrize("left_over", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged", b"\r\n"])
async def test_a_connection_on_which_something_came_unread_is_never_used(
    transport: Transport, left_over: bytes
):
    loop = asyncio.get_running_loop()

    async def serve(body: bytes) -> socket.socket:
        connection, _ = await loop.sock_accept(listening)
        connection.setblocking(False)
        await loop.sock_recv(connection, 65_536)
        await loop.sock_sendall(connection, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n" + body)
        return connection

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        first, said = await asyncio.gather(serve(b"mine"), exchange(transport, call(url)))
        assert said == (200, b"mine")

        first.send(left_over) if left_over else first.close()  # the event loop has not seen it yet
        second, said = await asyncio.gather(serve(b"next"), exchange(transport, call(url)))

        assert (said, transport.repeated) == ((200, b"next"), 0)
        first.close()
        second.close()


async def test_a_call_may_ask_for_a_connection_of_its_own(transport: Transport):
    async with ModelServer("hello") as server:
        for is_fresh in (False, True):
            sent = msgspec.structs.replace(call(server.url), is_fresh=is_fresh)
            assert (await exchange(transport, sent))[0] == 200

        assert server.connections_opened == 2


async def test_a_call_may_be_a_get_which_has_no_body(transport: Transport):
    async with ModelServer() as server:
        sent = Call(f"{server.url}/models", {"x-a": "b"}, b"", 2.0, method="GET")
        status, body = await exchange(transport, sent)

    (received,) = server.requests
    assert (status, received.method, received.path) == (200, "GET", "/v1/models")
    assert b"simulated-1" in body
    assert "content-length" not in received.headers


async def test_connections_to_a_server_are_limited_and_an_error_says_so(make: Make):
    transport = make(limits=ConnectionLimits(per_origin=2))
    async with ModelServer(faults=Hang("request")) as server, asyncio.timeout(10):
        asking = [asyncio.create_task(exchange(transport, call(server.url))) for _ in range(2)]
        await server.until(lambda: server.open_requests == 2)

        error = await failure(transport, call(server.url, connect_timeout_s=0.05))

        assert (error.code, error.rests, error.elsewhere) == ("upstream_connections_busy", False, True)
        assert "m/1 was not asked: all 2 connections that it may have are in use" in error.message
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        assert (server.received, server.connections_opened) == (2, 2)
    await transport.close()


async def test_who_waits_for_a_connection_is_served_in_turn(make: Make):
    transport = make(limits=ConnectionLimits(per_origin=1))
    async with ModelServer("hello") as server, asyncio.timeout(10):
        asking: list[asyncio.Task[tuple[int, bytes]]] = []
        for number in range(6):
            asking.append(asyncio.create_task(exchange(transport, call(server.url, text=str(number)))))
            await asyncio.sleep(0)
        asking[2].cancel()  # it leaves the queue
        await asyncio.gather(*asking, return_exceptions=True)

        asked = [request.body["messages"][0]["content"] for request in server.requests]
        assert asked == ["0", "1", "3", "4", "5"]
        assert server.connections_opened == 1
    await transport.close()


async def test_after_an_idle_connection_was_closed_another_is_opened(transport: Transport):
    async with ModelServer("still here") as server:
        await exchange(transport, call(server.url))
        server.fault = Refuse()  # resets what is open
        await server.until(lambda: server.open_connections == 0)
        server.fault = None

        assert (await exchange(transport, call(server.url)))[0] == 200


async def test_informational_replies_are_passed_over(transport: Transport):
    async with ModelServer("hello", faults=Interim(3)) as server:
        status, body = await exchange(transport, call(server.url))

    assert status == 200
    assert b"hello" in body


BODIES = {
    "length": b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world",
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
    "extended": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb;a\r\nhello world\r\n0\r\nx: 1\r\n\r\n",
    "to-the-end": b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello world",
    "old": b"HTTP/1.0 200 OK\r\n\r\nhello world",
}


@pytest.mark.parametrize("form", BODIES)
async def test_every_framing_of_a_body_is_read(transport: Transport, form: str):
    async with raw_server(says(BODIES[form])) as url:
        assert await exchange(transport, call(url)) == (200, b"hello world")


@pytest.mark.parametrize("bytes_at_once", [1, 7, 100])
async def test_a_body_is_the_same_however_it_is_cut(transport: Transport, bytes_at_once: int):
    async with ModelServer("one two three " * 5) as server:
        server.fault = Drip(bytes_at_once)
        _, body = await exchange(transport, call(server.url, stream=True))

    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")]
    said = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
    assert said == "one two three " * 5
    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", [BreakOff(1), Reset(1), BreakOff("headers"), Reset("headers")])
async def test_half_a_body_is_a_failure_and_no_end(transport: Transport, fault: Fault, stream: bool):
    async with ModelServer("one two three four five six", faults=fault) as server:
        error = await failure(transport, call(server.url, stream=stream))

    assert error.code == "upstream_disconnected"
    assert error.http_status == 502


@pytest.mark.parametrize("fault", [BreakOff("request"), Reset("request")])
async def test_a_connection_that_breaks_before_the_head_is_a_failure(transport: Transport, fault: Fault):
    async with ModelServer(faults=fault) as server:
        error = await failure(transport, call(server.url))

    assert error.code == "upstream_disconnected"


async def test_a_refused_connection_is_told_from_a_broken_one(
    transport: Transport, caplog: pytest.LogCaptureFixture
):
    async with ModelServer(faults=Refuse()) as server:
        error = await failure(transport, call(server.url))

    assert error.code == "upstream_unreachable"
    assert error.message == "The endpoint m/1 cannot be reached: the connection was refused."
    assert [vars(record)["url"] for record in caplog.records] == [f"{server.url}/chat/completions"]


async def test_a_name_that_does_not_resolve_is_unreachable(transport: Transport):
    error = await failure(transport, call("http://no-such-model.invalid/v1", connect_timeout_s=5))

    assert error.code == "upstream_unreachable"
    assert "invalid" not in error.message


async def test_connecting_has_a_time_limit(transport: Transport):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        address = listening.getsockname()
        waiting = [socket.socket() for _ in range(4)]  # fill the queue: further ones get no answer at all
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        async with asyncio.timeout(5):
            error = await failure(transport, call(f"http://127.0.0.1:{address[1]}/v1", connect_timeout_s=0.1))
        for one in waiting:
            one.close()

    assert error.code == "upstream_unreachable"


async def test_a_handshake_that_never_ends_is_within_the_time_to_connect(transport: Transport):
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass

    async with raw_server(silent) as url, asyncio.timeout(5):
        error = await failure(transport, call(url.replace("http:", "https:"), connect_timeout_s=0.1))

    assert error.code == "upstream_unreachable"


def tls_of(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.example"])
async def test_tls_is_used_only_with_the_server_that_was_meant(make: Make, name: str):
    authority, trusting = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(trusting)
    transport = make(tls=trusting)

    async with ModelServer("hello", tls=tls_of(authority, name)) as server:
        if name == "127.0.0.1":
            assert (await exchange(transport, call(server.url)))[0] == 200
        else:
            assert (await failure(transport, call(server.url))).code == "upstream_unreachable"
            assert server.received == 0
    await transport.close()


async def test_a_certificate_of_an_unknown_authority_is_not_accepted(transport: Transport):
    async with ModelServer("hello", tls=tls_of(trustme.CA(), "127.0.0.1")) as server:
        error = await failure(transport, call(server.url))

        assert error.code == "upstream_unreachable"
        assert server.received == 0


async def test_what_is_no_handshake_is_unreachable(transport: Transport):
    async with ModelServer(faults=GarbleHandshake()) as server:
        error = await failure(transport, call(server.url.replace("http:", "https:")))

    assert error.code == "upstream_unreachable"


async def test_an_authority_of_ones_own_is_trusted_for_its_calls_alone(transport: Transport, tmp_path: Path):
    authority, file = trustme.CA(), str(tmp_path / "ca.pem")
    authority.cert_pem.write_to_path(file)
    async with ModelServer("hello", tls=tls_of(authority, "127.0.0.1")) as server:
        plain = call(server.url)
        trusting = msgspec.structs.replace(plain, ca_file=file)

        assert [(await exchange(transport, trusting))[0] for _ in range(2)] == [200, 200]
        assert (await failure(transport, plain)).code == "upstream_unreachable"
        assert server.received == 2
        trustme.CA().cert_pem.write_to_path(file)
        os.utime(file, (1, 1))
        fresh = msgspec.structs.replace(trusting, is_fresh=True)
        assert (await failure(transport, fresh)).code == "upstream_unreachable"


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_file_without_an_authority_makes_its_endpoint_unreachable(
    transport: Transport, tmp_path: Path, content: str | None
):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    async with ModelServer(tls=tls_of(trustme.CA(), "127.0.0.1")) as server:
        error = await failure(transport, msgspec.structs.replace(call(server.url), ca_file=str(file)))

    assert error.code == "upstream_unreachable"
    assert str(tmp_path) not in error.message


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed(transport: Transport, status: int):
    async with ModelServer() as elsewhere:
        moved = Status(status, headers=(("location", f"{elsewhere.url}/chat/completions"),))
        async with ModelServer(faults=moved) as server:
            answered, _ = await exchange(transport, call(server.url))

        assert answered == status
        assert elsewhere.received == 0


@pytest.mark.parametrize("place", ["request", "headers"])
async def test_cancelling_a_call_ends_the_request(transport: Transport, place: str):
    async with ModelServer(faults=Hang(place)) as server:  # type: ignore[arg-type]
        asking = asyncio.create_task(exchange(transport, call(server.url)))
        await server.until(lambda: server.open_requests == 1)

        asking.cancel()
        await server.until(lambda: server.cancelled == 1)

        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_closing_a_response_before_its_end_ends_the_request(transport: Transport):
    async with ModelServer("one two three", faults=Hang(1)) as server:
        response = await transport.send(call(server.url, stream=True))
        await response.read()

        response.close()

        await server.until(lambda: server.cancelled == 1)
        await server.until(lambda: server.open_connections == 0)


@pytest.mark.parametrize("read_first", [False, True])
async def test_closing_a_response_again_does_nothing(transport: Transport, read_first: bool):
    async with ModelServer("hello") as server:
        response = await transport.send(call(server.url))
        if read_first:
            await read_all(response)

        response.close()
        response.close()

        assert (await exchange(transport, call(server.url)))[0] == 200


async def test_a_body_read_to_its_end_has_nothing_more(transport: Transport):
    async with ModelServer("hello") as server:
        response = await transport.send(call(server.url))
        await read_all(response)

        assert await response.read() == b""
        response.close()


async def test_large_bodies_pass_both_ways(transport: Transport):
    async with ModelServer("x", faults=Giant(3_000_000)) as server:
        sent = call(server.url, text="y" * 5_000_000)
        status, body = await exchange(transport, sent)

    assert status == 200
    assert len(body) > 3_000_000
    assert server.requests[0].raw == sent.body


async def test_a_header_is_found_however_it_is_spelled(transport: Transport):
    head = b"HTTP/1.1 429 Slow Down\r\nReTry-AFTER: 7\r\ncontent-length: 0\r\n\r\n"
    async with raw_server(says(head)) as url:
        response = await transport.send(call(url))

    assert response.status == 429
    assert [response.header(name) for name in ("retry-after", "Retry-After", "x-none")] == ["7", "7", None]
    response.close()


async def test_many_calls_are_under_way_at_once(transport: Transport):
    async with ModelServer(faults=Hang("request")) as server:
        asking = [asyncio.create_task(exchange(transport, call(server.url))) for _ in range(150)]

        await server.until(lambda: server.open_requests == 150)

        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def test_cookies_are_not_kept(transport: Transport):
    async with ModelServer() as server:
        server.fault = Status(500, headers=(("set-cookie", "session=stolen; Path=/"),))
        await exchange(transport, call(server.url))
        server.fault = None
        await exchange(transport, call(server.url))

    assert "cookie" not in server.requests[1].headers


async def test_proxies_of_the_environment_are_not_used(make: Make, monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    transport = make()

    async with ModelServer("hello") as server:
        assert (await exchange(transport, call(server.url)))[0] == 200
    await transport.close()


async def test_no_compression_is_asked_for(transport: Transport):
    async with ModelServer() as server:
        await exchange(transport, call(server.url))

    assert server.requests[0].headers.get("accept-encoding", "identity") == "identity"


async def test_a_small_compressed_body_does_not_become_a_huge_one(transport: Transport):
    bomb = gzip.compress(b"\0" * 300_000_000, 1)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    async with raw_server(says(head + bomb)) as url:
        response = await transport.send(call(url))
        try:
            block = await response.read()
        except AttemptFailed:
            block = b""
        response.close()

    assert len(block) < 10_000_000


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01 no http at all",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000 + b"\r\n",
        b"HTTP/1.1 99999999999999999999 OK\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_failure(transport: Transport, nonsense: bytes):
    async with ModelServer(faults=Raw(nonsense)) as server:
        error = await failure(transport, call(server.url))

    assert error.code in ("upstream_disconnected", "upstream_unreachable")


async def test_a_failure_leaves_the_transport_fit_for_use(transport: Transport):
    faults = in_turn(Reset(1), Raw(b"nonsense"), BreakOff("request"))
    async with ModelServer("hello", faults=faults) as server:
        for _ in range(3):
            await failure(transport, call(server.url))

        assert (await exchange(transport, call(server.url)))[0] == 200


async def test_closing_the_transport_closes_its_connections(make: Make):
    transport = make()
    async with ModelServer("hello") as server:
        await exchange(transport, call(server.url))

        await transport.close()

        await server.until(lambda: server.open_connections == 0)


async def test_a_body_arrives_piece_by_piece(transport: Transport):
    more = asyncio.Event()

    async def in_two_pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\none")
        await more.wait()
        writer.write(b"two")
        await writer.drain()

    async with raw_server(in_two_pieces) as url:
        response = await transport.send(call(url))
        first = await asyncio.wait_for(response.read(), 5)
        more.set()

        assert (first, await read_all(response)) == (b"one", b"two")
        response.close()


async def test_after_renewal_idle_connections_are_used_no_more_and_others_finish(transport: Transport):
    async with ModelServer("one two three") as server, ModelServer() as other:
        await exchange(transport, call(other.url))
        await exchange(transport, call(server.url))
        under_way = await transport.send(call(server.url, stream=True))
        transport.renew(server.url)
        transport.renew("no address")
        assert (await read_all(under_way)).endswith(b"data: [DONE]\n\n")
        under_way.close()
        for each in (server, server, other):
            await exchange(transport, call(each.url))

        assert (server.connections_opened, other.connections_opened) == (2, 1)


async def test_after_renewal_of_what_is_idle_a_new_connection_is_made(transport: Transport):
    async with ModelServer() as server:
        await exchange(transport, call(server.url))
        transport.renew(server.url)
        await exchange(transport, call(server.url))
        await exchange(transport, call(server.url))

        assert server.connections_opened == 2
