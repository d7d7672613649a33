import asyncio
import ssl

import openai
import pytest
import trustme
from simulation_clients import ClientOf, ask

from guardian_cluster.simulation import (
    BreakOff,
    Drip,
    GarbleHandshake,
    Hang,
    ModelServer,
    Place,
    Raw,
    Reset,
    Slow,
    StaleConnection,
    Stall,
    Status,
)
from guardian_cluster.simulation.reply import Piece, Reply, Wait
from guardian_cluster.simulation.request import ModelRequest

REQUEST = ModelRequest(number=0, method="POST", path="/", query="", headers={}, raw=b"")
HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TEXT = "one two three four five six seven"  # five chunks of eight characters


async def parts_until_broken(client: openai.AsyncOpenAI) -> list[str]:
    """Return what a stream says until its connection fails; one that does not fail fails the test."""
    parts: list[str] = []
    try:
        async for chunk in await client.chat.completions.create(**HI, stream=True):
            parts += [chunk.choices[0].delta.content or ""]
    except openai.APIConnectionError:
        return [part for part in parts if part]
    raise AssertionError(f"the stream ended well after {parts}")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reset_before_the_headers_leaves_nothing_to_read(stream: bool):
    async with ModelServer(TEXT, faults=Reset("request")) as server:
        received = await ask(server, stream=stream)

    assert (received.data, received.end) == (b"", "reset")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reset_after_the_headers_leaves_the_headers(stream: bool):
    async with ModelServer(TEXT, faults=Reset("headers")) as server:
        received = await ask(server, stream=stream)

    assert received.head.startswith("HTTP/1.1 200 OK")
    assert (received.body, received.end) == (b"", "reset")


@pytest.mark.parametrize("chunks", [0, 1, 3, 5])
async def test_a_stream_is_reset_after_so_many_content_chunks(client_of: ClientOf, chunks: int):
    async with ModelServer(TEXT, faults=Reset(chunks)) as server:
        parts = await parts_until_broken(client_of(server))

    assert "".join(parts) == TEXT[: chunks * 8]


async def test_a_stream_shorter_than_its_fault_is_struck_before_its_finish():
    async with ModelServer(TEXT, faults=Reset(99)) as server:
        received = await ask(server, stream=True)

    assert received.end == "reset"
    assert len(received.events) == 6  # the opening and five chunks, no finish
    assert b'"finish_reason":"' not in received.data


async def test_a_whole_body_is_reset_in_its_middle():
    async with ModelServer(TEXT) as server:
        healthy = await ask(server)
        server.fault = Reset(1)
        received = await ask(server)

    assert received.end == "reset"
    assert len(received.body) == len(healthy.body) // 2


@pytest.mark.parametrize(("place", "headers", "events"), [("request", 0, 0), ("headers", 1, 0), (2, 1, 3)])
async def test_a_hang_is_silent_from_its_place_on(place: Place, headers: int, events: int):
    async with ModelServer(TEXT, faults=Hang(place)) as server:
        received = await ask(server, stream=True, patience_s=0.1)

    assert received.end == "silent"
    assert received.data.count(b"HTTP/1.1 200 OK") == headers
    assert len(received.events) == events


async def test_a_hang_that_ends_closes_the_connection():
    async with ModelServer(TEXT, faults=Hang("request", seconds=0.001)) as server:
        received = await ask(server)

    assert (received.data, received.end) == (b"", "closed")


@pytest.mark.parametrize("place", ["request", "headers", 0, 2])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_stall_delays_an_answer_and_changes_nothing(place: Place, stream: bool):
    async with ModelServer(TEXT) as server:
        healthy = await ask(server, stream=stream)
        server.fault = Stall(place, seconds=0.001)
        stalled = await ask(server, stream=stream)

    assert len(stalled.data) == len(healthy.data)
    assert stalled.end == "closed"


async def test_a_body_may_be_shorter_than_its_length():
    async with ModelServer(TEXT, faults=BreakOff()) as server:
        received = await ask(server)

    promised = int(received.head.lower().partition("content-length: ")[2].split()[0])
    assert received.end == "closed"
    assert 0 < len(received.body) < promised


async def test_a_stream_broken_off_lacks_its_last_chunk(client_of: ClientOf):
    async with ModelServer(TEXT, faults=BreakOff(2)) as server:
        received = await ask(server, stream=True)
        parts = await parts_until_broken(client_of(server))

    assert not received.data.endswith(b"0\r\n\r\n")
    assert parts == ["one two ", "three fo"]


async def test_a_stale_connection_ends_when_it_is_used_again(client_of: ClientOf):
    async with ModelServer(TEXT, faults=StaleConnection()) as server:
        client = client_of(server)
        await client.chat.completions.create(**HI)
        with pytest.raises(openai.APIConnectionError):
            await client.chat.completions.create(**HI)

        assert await client.chat.completions.create(**HI)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_drip_sends_the_same_bytes_a_few_at_a_time(client_of: ClientOf, stream: bool):
    async with ModelServer(TEXT, faults=Drip(bytes_at_once=3)) as server:
        received = await ask(server, stream=stream)
        completion = await client_of(server).chat.completions.create(**HI)

    assert completion.choices[0].message.content == TEXT
    assert received.body.startswith(b"3\r\ndat\r\n3\r\na: \r\n" if stream else b'{"id"')
    assert received.end == "closed"


def test_slowness_stretches_every_wait():
    reply = Reply(200, {}, (Wait(0.1), Piece(b"a"), Wait(0.2)), before_headers=(Wait(1.0),))

    slow = Slow(factor=5, extra_s=3).change_reply(REQUEST, reply)

    assert slow.before_headers == (Wait(3), Wait(5.0))
    assert list(slow.body) == [Wait(0.5), Piece(b"a"), Wait(1.0)]


async def test_any_bytes_can_be_sent_instead_of_a_reply():
    data = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"
    async with ModelServer(faults=Raw(data)) as server:
        received = await ask(server)

    assert (received.data, received.end) == (data, "closed")


def test_a_drop_holds_a_byte():
    with pytest.raises(ValueError, match="at least 1"):
        Drip(bytes_at_once=0)


async def test_two_faults_meet_one_request():
    async with ModelServer(TEXT, faults=Status(503) & Drip(5) & Reset(1)) as server:
        received = await ask(server)

    assert received.head.startswith("HTTP/1.1 503")
    assert received.end == "reset"


def test_a_fault_of_connections_goes_with_no_other():
    with pytest.raises(ValueError, match="set it by itself"):
        GarbleHandshake() & Status(503)


async def test_a_server_speaks_tls_to_those_who_trust_it(client_of: ClientOf):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with ModelServer(TEXT, tls=context) as server:
        strict = openai.DefaultAsyncHttpx2Client(verify=trusting)
        completion = await client_of(server, http_client=strict).chat.completions.create(**HI)
        with pytest.raises(openai.APIConnectionError):
            await client_of(server).chat.completions.create(**HI)
        await server.until(lambda: server.connections_opened == 2)

    assert server.url.startswith("https://")
    assert completion.choices[0].message.content == TEXT
    assert len(server.requests) == 1


async def test_a_garbled_handshake_fails_tls_and_plain_clients(client_of: ClientOf):
    async with ModelServer(TEXT, faults=GarbleHandshake()) as server:
        with pytest.raises(openai.APIConnectionError):
            await client_of(server).chat.completions.create(**HI)
        with pytest.raises((ssl.SSLError, OSError)):
            await asyncio.open_connection("127.0.0.1", server.port, ssl=ssl.create_default_context())

        server.fault = None
        assert await client_of(server).chat.completions.create(**HI)
    assert len(server.requests) == 1
