"""After `[DONE]`, the connection serves the next call, though the end of the body comes apart from it."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest
from raw_server import raw_server, read_request

from guardian_cluster.specialists import reply
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport
from guardian_cluster.specialists.transport import Call, Response

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DONE = b"e\r\ndata: [DONE]\n\n\r\n"


class Server:
    """Answers every request with a stream whose body ends when `end` is set, or its client leaves."""

    def __init__(self) -> None:
        self.connections = 0
        self.end = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await read_request(reader):
                writer.write(HEAD + DONE)
                ending = asyncio.create_task(self._end(writer))
                while not reader.at_eof() and not ending.done():
                    await asyncio.sleep(0.001)
                ending.cancel()
        self.left.set()

    async def _end(self, writer: asyncio.StreamWriter) -> None:
        await self.end.wait()
        writer.write(b"0\r\n\r\n")


@pytest.fixture
async def transport() -> AsyncGenerator[HttptoolsTransport]:
    transport = HttptoolsTransport()
    yield transport
    await transport.close()


async def finished(transport: HttptoolsTransport, url: str) -> Response:
    response = await transport.send(Call(f"{url}/chat/completions", {}, b"{}", 2.0))
    assert await response.read() == b"data: [DONE]\n\n"
    response.finish()
    response.close()
    return response


async def test_the_end_of_a_body_may_come_after_the_end_of_its_answer(transport: HttptoolsTransport):
    server = Server()
    async with raw_server(server) as url:
        response = await finished(transport, url)
        server.end.set()
        assert await response.read() == b""
        await finished(transport, url)

    assert server.connections == 1


async def test_a_body_that_does_not_end_soon_loses_its_connection(
    transport: HttptoolsTransport, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reply, "FINISHING_S", 0.01)
    server = Server()
    async with raw_server(server) as url:
        await finished(transport, url)

        await asyncio.wait_for(server.left.wait(), 5)

    assert server.connections == 1


async def test_closing_the_transport_waits_for_no_end_of_a_body(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reply, "FINISHING_S", 60.0)
    transport, server = HttptoolsTransport(), Server()
    async with raw_server(server) as url:
        await finished(transport, url)

        await asyncio.wait_for(transport.close(), 5)
        await asyncio.wait_for(server.left.wait(), 5)

    assert server.connections == 1
