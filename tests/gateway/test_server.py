"""The gateway's end: who is still answered, until when, and what the others are told."""

import asyncio
import logging

import pytest
from gateway_client import HELLO, head_of, line_to, request_of
from harness import RunningGateway, base, running_gateway, specialist

from guardian_cluster.gateway import server as gateway_server
from guardian_cluster.simulation import Hang, ModelServer, Pace

CHAT = "/v1/chat/completions"
STREAMED = {**HELLO, "stream": True}


@pytest.mark.parametrize("body", [HELLO, STREAMED], ids=["whole", "streamed"])
async def test_what_has_not_begun_when_the_drain_is_over_is_503_and_told_when_to_come_back(body: object):
    async with ModelServer(faults=Hang("headers")) as model:
        async with (
            running_gateway(base(specialist("smart", model.url), drain_s=0.2)) as gateway,
            line_to(gateway) as line,
        ):
            await line.send(request_of("POST", CHAT, body))
            await model.until(lambda: model.open_requests == 1)
            gateway.stop.set()
            reply = await line.reply()

            assert (reply.status, reply.error["code"]) == (503, "gateway_stopping")
            assert (reply.error["type"], reply.headers["connection"]) == ("server_error", "close")
            assert (reply.headers["retry-after-ms"], reply.headers["retry-after"]) == ("1000", "1")
            assert await line.is_closed()
        await model.until(lambda: model.open_requests == 0)


async def test_a_stream_that_outlasts_the_drain_ends_with_an_event_that_says_so():
    async with ModelServer("one two three four five six", faults=Hang(3)) as model:
        async with (
            running_gateway(base(specialist("smart", model.url), drain_s=0.2)) as gateway,
            line_to(gateway) as line,
        ):
            await line.send(request_of("POST", CHAT, STREAMED))
            await model.until(lambda: model.open_requests == 1)
            await asyncio.wait_for(line.reader.readuntil(b"one"), 5)
            gateway.stop.set()
            rest = await asyncio.wait_for(line.reader.read(), 5)
            record = await gateway.collected.request()

    last = rest.split(b"data: ")[-1]
    assert b'"code":"gateway_stopping"' in last
    assert f"(request id: {record.id})".encode() in last
    assert rest.endswith(b"}\n\n\r\n0\r\n\r\n")
    assert b"[DONE]" not in rest


async def test_an_answer_that_ends_within_a_fraction_of_a_second_is_whole():
    pace = Pace(first_token_s=0.3)
    async with ModelServer("in time", pace=pace) as model:
        async with (
            running_gateway(base(specialist("smart", model.url), drain_s=0.9)) as gateway,
            line_to(gateway) as line,
        ):
            await line.send(request_of("POST", CHAT, HELLO))
            await model.until(lambda: model.open_requests == 1)
            gateway.stop.set()
            reply = await line.reply()

    assert (reply.status, reply.text) == (200, "in time")


async def test_no_time_at_all_ends_answers_at_once():
    async with ModelServer(faults=Hang("headers")) as model:
        async with (
            running_gateway(base(specialist("smart", model.url), drain_s=0.0)) as gateway,
            line_to(gateway) as line,
        ):
            await line.send(request_of("POST", CHAT, HELLO))
            await model.until(lambda: model.open_requests == 1)
            gateway.stop.set()

            assert (await line.reply()).status == 503


async def test_a_request_that_waits_behind_one_that_is_ended_is_not_begun():
    async with ModelServer(faults=Hang("headers")) as model:
        async with (
            running_gateway(base(specialist("smart", model.url), drain_s=0.2)) as gateway,
            line_to(gateway) as line,
        ):
            await line.send(2 * request_of("POST", CHAT, HELLO))
            await model.until(lambda: model.open_requests == 1)
            gateway.stop.set()
            first = await line.reply()

            assert first.status == 503
            assert await line.is_closed()
        assert model.received == 1


async def test_a_request_whose_body_never_ends_is_503():
    async with (
        running_gateway(base(specialist("smart", "http://127.0.0.1:9/v1"), drain_s=0.2)) as gateway,
        line_to(gateway) as line,
    ):
        await line.send(head_of("POST", CHAT, {"content-length": "1000"}) + b"{")
        await until_in_flight(gateway)
        gateway.stop.set()
        reply = await line.reply()

        assert (reply.status, reply.error["code"]) == (503, "gateway_stopping")
        assert await line.is_closed()


async def test_a_client_that_does_not_read_does_not_hold_the_end_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gateway_server, "FAREWELL_S", 0.2)
    async with ModelServer("word " * 2_000_000, pace=Pace(characters_per_chunk=100_000)) as model:
        async with (
            running_gateway(base(specialist("smart", model.url), drain_s=0.2)) as gateway,
            line_to(gateway) as line,
        ):
            line.writer.transport.pause_reading()
            await line.send(request_of("POST", CHAT, STREAMED))
            await until_in_flight(gateway)
            gateway.stop.set()
            async with asyncio.timeout(5):
                await gateway.collected.request()


async def test_the_log_counts_answers_that_were_ended(caplog: pytest.LogCaptureFixture):
    async with ModelServer(faults=Hang("headers")) as model:
        async with (
            running_gateway(base(specialist("smart", model.url), drain_s=0.2)) as gateway,
            line_to(gateway) as line,
        ):
            await line.send(request_of("POST", CHAT, HELLO))
            await model.until(lambda: model.open_requests == 1)
            gateway.stop.set()
            await line.reply()

    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.__dict__["count"] == 1


async def until_in_flight(gateway: RunningGateway) -> None:
    async with asyncio.timeout(5):
        while not gateway.gateway.in_flight:
            await asyncio.sleep(0.01)
