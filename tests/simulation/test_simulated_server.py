import asyncio
import socket

import openai
import pytest
from simulation_clients import ClientOf, ask, request_bytes

from guardian_cluster.simulation import (
    Answer,
    BreakOff,
    Echoes,
    Giant,
    Hang,
    ModelRequest,
    ModelServer,
    Refuse,
    Reset,
    Status,
    first,
)

HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def ended(client: socket.socket) -> bool:
    """Return whether the peer ended the connection, in whichever way."""
    with client:
        try:
            return client.recv(1) == b""
        except ConnectionResetError:
            return True


async def test_a_text_is_said_whole_and_streamed(client_of: ClientOf):
    async with ModelServer("The quick brown fox.") as server:
        client = client_of(server)

        whole = await client.chat.completions.create(**HI)
        stream = await client.chat.completions.create(**HI, stream=True)
        parts = [chunk.choices[0].delta.content or "" async for chunk in stream]

    assert whole.choices[0].message.content == "The quick brown fox."
    assert "".join(parts) == "The quick brown fox."
    assert len([part for part in parts if part]) == 3


async def test_one_connection_serves_many_requests(client_of: ClientOf):
    async with ModelServer() as server:
        client = client_of(server)
        for _ in range(5):
            await client.chat.completions.create(**HI)

        assert (server.connections_opened, server.answered, server.open_requests) == (1, 5, 0)
        assert [request.on_reused_connection for request in server.requests] == [False, *[True] * 4]


async def test_a_request_is_kept_as_it_arrived(client_of: ClientOf):
    async with ModelServer() as server:
        extra = {"extra_headers": {"X-Tenant": "acme"}, "extra_body": {"top_k": 3}, "extra_query": {"v": "1"}}
        await client_of(server).chat.completions.create(**HI, **extra)

    kept = server.requests[0]
    assert (kept.method, kept.path, kept.query) == ("POST", "/v1/chat/completions", "v=1")
    assert (kept.headers["x-tenant"], kept.headers["authorization"]) == ("acme", "Bearer key")
    assert kept.body == {**HI, "top_k": 3}


async def test_concurrent_requests_get_their_own_answers(client_of: ClientOf):
    async with ModelServer(Echoes()) as server:
        client = client_of(server)

        async def marker_comes_back(number: int) -> bool:
            messages = [{"role": "user", "content": f"marker-{number}"}]
            stream = await client.chat.completions.create(model="m", messages=messages, stream=True)
            said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
            return said == f"marker-{number}"

        assert all(await asyncio.gather(*(marker_comes_back(number) for number in range(100))))


async def test_requests_sent_at_once_are_answered_in_order():
    async with ModelServer(Echoes()) as server:
        content = [{"messages": [{"role": "user", "content": name}]} for name in ("first", "second")]
        both = request_bytes(content[0]).replace(b"connection: close\r\n", b"") + request_bytes(content[1])

        received = await ask(server, data=both)

    assert received.data.index(b"first") < received.data.index(b"second")
    assert received.end == "closed"


async def test_a_client_that_leaves_is_counted_as_cancelled(client_of: ClientOf):
    async with ModelServer(faults=Hang(1)) as server:
        stream = await client_of(server).chat.completions.create(**HI, stream=True)
        assert await anext(aiter(stream))
        assert server.open_requests == 1

        await stream.close()

        await server.until(lambda: server.cancelled == 1)
        await server.until(lambda: server.open_connections == 0)
        assert (server.open_requests, server.answered) == (0, 0)


async def test_stopping_leaves_no_task_and_no_connection(client_of: ClientOf):
    before = asyncio.all_tasks()
    server = ModelServer(faults=Hang("headers"))
    await server.start()
    asking = asyncio.create_task(ask(server))
    await server.until(lambda: server.open_requests == 1)

    await server.stop()

    assert (await asking).end == "reset"
    assert asyncio.all_tasks() == before
    assert (server.open_requests, server.open_connections, server.cancelled) == (0, 0, 0)


async def test_stopping_does_not_wait_for_a_client_that_does_not_read():
    async with ModelServer(faults=Giant(20_000_000)) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_bytes())
        await server.until(lambda: server.open_requests == 1)

    writer.close()
    assert (server.open_requests, server.answered) == (0, 0)


async def test_stopping_drops_who_has_only_just_connected():
    async with ModelServer() as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        await server.until(lambda: server.connections_opened > 0)

    for client in clients:
        client.settimeout(5)
        assert ended(client)


async def test_requests_need_not_be_kept():
    async with ModelServer(Echoes(), keeps_requests=False, faults=first(1, Status(500))) as server:
        assert (await ask(server)).head.startswith("HTTP/1.1 500")
        assert (await ask(server)).head.startswith("HTTP/1.1 200")

    assert (server.requests, server.received) == ([], 2)


async def test_a_cut_connection_answers_no_further_request():
    both = request_bytes().replace(b"connection: close\r\n", b"") * 2
    async with ModelServer(faults=BreakOff("headers")) as server:
        received = await ask(server, data=both)

    assert (received.data.count(b"HTTP/1.1"), server.received, server.cancelled) == (1, 1, 0)


async def test_what_a_script_raises_is_raised_when_the_server_stops():
    def broken(request: ModelRequest) -> Answer:
        raise LookupError("no line for this")

    with pytest.raises(ExceptionGroup, match="the script of simulated failed") as raised:
        async with ModelServer(broken) as server:
            assert (await ask(server)).end == "reset"

    assert raised.group_contains(LookupError, match="no line for this")


async def test_a_fault_can_begin_and_end_while_the_server_runs(client_of: ClientOf):
    async with ModelServer() as server:
        client = client_of(server)
        await client.chat.completions.create(**HI)

        server.fault = Status(503)
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(**HI)

        server.fault = None
        assert await client.chat.completions.create(**HI)


async def test_a_refusing_server_comes_back_on_its_port(client_of: ClientOf):
    async with ModelServer() as server:
        url, client = server.url, client_of(server)
        await client.chat.completions.create(**HI)

        server.fault = Refuse()
        with pytest.raises(ConnectionRefusedError):
            await ask(server)

        server.fault = Reset(5)
        server.fault = None
        assert server.url == url
        assert await client.with_options(max_retries=1).chat.completions.create(**HI)


async def test_refusing_resets_what_is_under_way_and_blames_no_client():
    async with ModelServer(faults=Hang("headers")) as server:
        asking = asyncio.create_task(ask(server))
        await server.until(lambda: server.open_requests == 1)

        server.fault = Refuse()

        assert (await asking).end == "reset"
        await server.until(lambda: server.open_requests == 0)
        assert server.cancelled == 0


async def test_a_server_may_start_out_refusing():
    async with ModelServer(faults=Refuse()) as server:
        with pytest.raises(ConnectionRefusedError):
            await ask(server)

        server.fault = None
        assert "200 OK" in (await ask(server)).head


async def test_a_stopped_server_gives_its_port_back():
    async with ModelServer() as server:
        port = server.port

    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        assert other.getsockname()[1] == port


async def test_script_and_pace_can_change_between_requests(client_of: ClientOf):
    async with ModelServer("before") as server:
        client = client_of(server)
        server.script = Answer(text="after")

        completion = await client.chat.completions.create(**HI)

    assert completion.choices[0].message.content == "after"


async def test_waiting_for_what_never_holds_ends():
    async with ModelServer() as server:
        with pytest.raises(TimeoutError):
            await server.until(lambda: server.cancelled == 1, timeout_s=0.01)


async def test_a_client_that_waits_to_send_its_body_is_told_to():
    async with ModelServer() as server:
        expecting = request_bytes().replace(b"host: x", b"host: x\r\nexpect: 100-continue")

        received = await ask(server, data=expecting)

    assert received.data.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


async def test_what_is_no_http_gets_400_and_the_end():
    async with ModelServer() as server:
        received = await ask(server, data=b"\x16\x03\x01 hello\r\n\r\n")

    assert received.head.startswith("HTTP/1.1 400 Bad Request")
    assert received.end == "closed"
