"""Whether a server answers at all."""

import asyncio

import msgspec
import pytest
from raw_server import raw_server, read_request, says

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import Endpoint, Specialist, Timeouts, Variant
from guardian_cluster.simulation import GarbleHandshake, Hang, ModelServer, Refuse, Reset
from guardian_cluster.specialists import probing
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport
from guardian_cluster.specialists.probing import probe
from guardian_cluster.specialists.transport import Call

SPECIALIST = Specialist(name="s", variants=(Variant(id="v"),))
OK = b"HTTP/1.1 200 OK\r\n"


async def probed(url: str, *, key: str = "", specialist: Specialist = SPECIALIST) -> bool:
    transport = HttptoolsTransport()
    endpoint = Endpoint(id="s/1", url=url, model="m", api_key=Secret(key, "") if key else None)
    try:
        return await probe(transport, specialist, endpoint)
    finally:
        await transport.close()


async def test_a_server_is_asked_for_its_models_with_the_endpoints_key():
    async with ModelServer(api_key="sk-1") as server:
        assert await probed(f"{server.url}/", key="sk-1")

    (asked,) = server.requests
    assert (asked.method, asked.path, asked.raw) == ("GET", "/v1/models", b"")
    assert asked.headers["authorization"] == "Bearer sk-1"


@pytest.mark.parametrize(
    ("status", "is_alive"),
    [
        (200, True),
        (401, True),
        (403, True),
        (404, True),
        (429, True),
        (500, False),
        (502, False),
        (503, False),
    ],
)
async def test_a_status_tells_whether_the_server_is_broken(status: int, is_alive: bool):
    async with raw_server(says(b"HTTP/1.1 %d So\r\ncontent-length: 2\r\n\r\n{}" % status)) as url:
        assert await probed(url) is is_alive


@pytest.mark.parametrize("fault", [Refuse(), Reset("request"), GarbleHandshake()])
async def test_a_server_that_does_not_answer_is_dead(fault: Refuse | Reset | GarbleHandshake):
    async with ModelServer(faults=fault) as server:
        assert not await probed(server.url)


@pytest.mark.parametrize("head", [b"", OK, OK + b"content-length: 9\r\n\r\nhalf"])
async def test_a_probe_takes_no_longer_than_its_time(monkeypatch: pytest.MonkeyPatch, head: bytes):
    monkeypatch.setattr(probing, "PROBE_S", 0.1)
    over = asyncio.Event()

    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head)
        await over.wait()

    async with raw_server(hangs) as url, asyncio.timeout(5):
        assert not await probed(url)
        over.set()


async def test_connecting_takes_no_longer_than_the_specialist_allows():
    specialist = msgspec.structs.replace(SPECIALIST, timeouts=Timeouts(connect_s=0.05))

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass

    async with raw_server(silent) as url, asyncio.timeout(2):
        assert not await probed(url.replace("http:", "https:"), specialist=specialist)


async def test_a_list_without_end_is_not_read_to_its_end():
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK + b"content-length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with raw_server(endless) as url, asyncio.timeout(5):
        assert await probed(url)


async def test_a_probe_does_not_go_over_a_connection_that_hangs():
    async with ModelServer("hello") as server:
        transport = HttptoolsTransport()
        response = await transport.send(Call(f"{server.url}/models", {}, b"", 2.0, method="GET"))
        while await response.read():
            pass

        alive = await probe(transport, SPECIALIST, Endpoint(id="s/1", url=server.url, model="m"))

        assert (alive, server.connections_opened) == (True, 2)
        await transport.close()


async def test_a_probe_that_is_cancelled_is_over():
    async with ModelServer(faults=Hang("request")) as server:
        probing_ = asyncio.create_task(probed(server.url))
        await server.until(lambda: server.open_requests == 1)
        probing_.cancel()

        with pytest.raises(asyncio.CancelledError):
            await probing_
        await server.until(lambda: server.cancelled == 1)
