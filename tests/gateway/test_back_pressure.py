"""A client that reads slowly slows the model down; it does not fill the gateway's memory."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from gateway_client import HELLO, chat, request_of
from harness import RunningGateway, base, running_gateway, specialist

from guardian_cluster.gateway import protocol
from guardian_cluster.simulation import Fault, Giant, ModelServer, Pace
from guardian_cluster.simulation.reply import Reply, Step
from guardian_cluster.simulation.request import ModelRequest

CHARACTERS = 8_000_000


@dataclass(frozen=True, slots=True)
class Counted(Fault):
    """Count the steps of a reply as they are played."""

    counts: list[int]

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        return replace(reply, body=self._counted(reply))

    def _counted(self, reply: Reply) -> Iterator[Step]:
        for step in reply.body:
            self.counts[0] += 1
            yield step


@asynccontextmanager
async def slow_reader(gateway: RunningGateway) -> AsyncGenerator[socket.socket]:
    """Ask for a stream on a connection that holds little, and read nothing."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", gateway.port))
        await loop.sock_sendall(
            connection, request_of("POST", "/v1/chat/completions", {**HELLO, "stream": True})
        )
        yield connection


def endless(counts: list[int], characters: int = CHARACTERS) -> ModelServer:
    """Return a model that says so many characters, a thousand at a time, as fast as it can."""
    return ModelServer("x", faults=Giant(characters) & Counted(counts), pace=Pace(characters_per_chunk=1_000))


async def standstill(counts: list[int]) -> int:
    """Return how many chunks were sent when no more are."""
    while True:
        before = counts[0]
        await asyncio.sleep(0.15)  # what is under test is that nothing happens
        if before and counts[0] == before:
            return before


async def test_a_slow_reader_holds_the_model_back():
    counts = [0]
    async with endless(counts, 3 * CHARACTERS) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway, slow_reader(gateway):
            sent = await standstill(counts)

            # 24,000 would be all; the buffers of four sockets and ours hold some megabytes.
            assert sent < 16_000
            assert server.open_requests == 1


async def test_a_slow_reader_that_leaves_ends_the_work():
    counts = [0]
    async with endless(counts, 3 * CHARACTERS) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway, slow_reader(gateway):
            await standstill(counts)
        await server.until(lambda: server.cancelled == 1)


async def test_a_slow_reader_gets_all_in_the_end():
    counts = [0]
    async with endless(counts) as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        async with slow_reader(gateway) as connection:
            await standstill(counts)
            data, loop = bytearray(), asyncio.get_running_loop()
            while not data.endswith(b"0\r\n\r\n"):
                data += await asyncio.wait_for(loop.sock_recv(connection, 2**20), 10)

    events = [line[6:] for line in bytes(data).split(b"\n") if line.startswith(b"data: {")]
    said = sum(len(json.loads(event)["choices"][0]["delta"].get("content") or "") for event in events)
    assert said == CHARACTERS
    assert b"data: [DONE]" in data


async def test_a_slow_reader_does_not_hold_up_others():
    counts = [0]
    async with endless(counts) as server, ModelServer("hello") as other:
        serving = base(specialist("smart", server.url), specialist("other", other.url))
        async with running_gateway(serving) as gateway, slow_reader(gateway):
            await standstill(counts)

            assert (await chat(gateway, model="other", stream=True)).text == "hello"


async def test_a_reader_that_takes_nothing_at_all_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(protocol, "STALLED_WRITE_S", 0.2)
    counts = [0]
    async with endless(counts, 3 * CHARACTERS) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway, slow_reader(gateway):
            await server.until(lambda: server.cancelled == 1)
            record = await gateway.collected.request()

    assert record.outcome == "cancelled"


async def test_waiting_for_a_slow_reader_is_no_overhead():
    counts = [0]
    async with endless(counts) as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        async with slow_reader(gateway) as connection:
            await standstill(counts)
            await asyncio.sleep(0.5)  # what is under test is time
            data, loop = bytearray(), asyncio.get_running_loop()
            while not data.endswith(b"0\r\n\r\n"):
                data += await asyncio.wait_for(loop.sock_recv(connection, 2**20), 10)
        record = await gateway.collected.request()

    assert record.duration_ms - record.overhead_ms > 500
