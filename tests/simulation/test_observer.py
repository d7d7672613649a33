"""The observer says what a user saw: of each fault the verdict, the words, the times."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from guardian_cluster.simulation import (
    Answer,
    BreakOff,
    CleanCut,
    Drip,
    Empty,
    Fault,
    Hang,
    Malformed,
    ModelServer,
    NoDone,
    NoFinish,
    Pace,
    Refuse,
    Repeats,
    Reset,
    SoftError,
    Status,
    StreamError,
)
from guardian_cluster.simulation.observation import Expected, Observation
from guardian_cluster.simulation.observer import observe, recorded

TEXT = "one two three four five six seven"
WHOLE = Expected(texts=(TEXT,))
TOOLS = [{"type": "function", "function": {"name": "weigh", "parameters": {"type": "object"}}}]


def body(*, stream: bool = True, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream, **fields}


async def seen(fault: Fault | None, *, stream: bool, said: Any = TEXT, limit_s: float = 5.0) -> Observation:
    async with ModelServer(said, faults=fault) as server:
        return await observe(server.url, body(stream=stream), WHOLE, limit_s=limit_s)


@asynccontextmanager
async def replying(data: bytes) -> AsyncGenerator[str]:
    """Say these bytes to whoever asks, and close."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_whole_answer_is_complete_and_of_one_identity(stream: bool):
    found = await seen(None, stream=stream)

    assert (found.verdict, found.ending, found.heard.text) == ("complete", "clean", TEXT)
    assert found.is_answered
    assert found.has_one_identity
    assert found.heard.finish_reason == "stop"
    assert found.heard.done is stream
    assert found.first_content_s is not None
    assert found.first_content_s <= found.total_s


@pytest.mark.parametrize(
    ("fault", "streamed", "whole"),
    [
        (Refuse(), "broken", "broken"),
        (Reset("request"), "broken", "broken"),
        (Reset(2), "broken", "broken"),
        (BreakOff(2), "broken", "broken"),
        (Status(429, code="busy"), "refused", "refused"),
        (Status(502, is_html=True), "refused", "refused"),
        (SoftError(), "in_band_error", "in_band_error"),
        (StreamError(2), "in_band_error", "in_band_error"),
        (Malformed(2), "broken", "broken"),
        (CleanCut(2), "silent_truncation", "silent_truncation"),
        (Empty(), "empty_as_success", "empty_as_success"),
        (Repeats(), "altered", "altered"),
        (NoDone(), "complete", "complete"),
        (NoFinish(), "complete", "complete"),
        (Drip(1), "complete", "complete"),
    ],
    ids=str,
)
async def test_each_fault_has_its_verdict(fault: Fault, streamed: str, whole: str):
    assert (await seen(fault, stream=True)).verdict == streamed
    assert (await seen(fault, stream=False)).verdict == whole


@pytest.mark.parametrize("place", ["request", "headers", 2])
async def test_silence_is_hung_when_the_limit_is_over(place: Any):
    found = await seen(Hang(place), stream=True, limit_s=0.2)

    assert (found.verdict, found.ending) == ("hung", "silent")
    assert 0.19 < found.total_s < 3.0


async def test_an_answer_that_goes_on_is_waited_for_and_one_that_falls_silent_is_not():
    async with ModelServer(TEXT, pace=Pace(between_chunks_s=0.1)) as server:
        going_on = await observe(server.url, body(), WHOLE, silence_s=1.0)
        server.fault = Hang(2)
        silent = await observe(server.url, body(), WHOLE, silence_s=0.3)

    assert going_on.verdict == "complete"
    assert going_on.longest_silence_s >= 0.09
    assert (silent.verdict, silent.heard.text) == ("hung", TEXT[:16])


async def test_an_error_is_kept_with_its_code():
    refused = await seen(Status(429, code="busy", retry_after="7"), stream=False)
    in_band = await seen(StreamError(2), stream=True)

    assert (refused.heard.status, refused.error_code) == (429, "busy")
    assert refused.heard.headers["retry-after"] == "7"
    assert (in_band.heard.status, in_band.error_code) == (200, "engine_failed")
    assert in_band.heard.text == TEXT[:16]


async def test_an_answer_that_says_it_is_short_is_cut():
    found = await seen(None, stream=True, said=Answer(text=TEXT[:10], finish_reason="length"))

    assert found.verdict == "cut"
    assert found.is_honest


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("First apples, then pears, last plums.", "complete"),
        ("First apples, then", "silent_truncation"),
        ("First apples, apples, then pears, last plums.", "altered"),
        ("First apples, last plums.", "altered"),
        ("Then pears, first apples, last plums.", "altered"),
    ],
)
async def test_facts_are_to_be_there_once_and_in_order(said: str, verdict: str):
    async with ModelServer(said) as server:
        found = await observe(server.url, body(), Expected(facts=("apples", "pears", "plums")), limit_s=5.0)

    assert found.verdict == verdict


@pytest.mark.parametrize("stream", [True, False])
async def test_a_tool_call_is_put_together_and_its_arguments_must_be_json(stream: bool):
    expected = Expected(tool="weigh")
    async with ModelServer() as server:
        called = await observe(server.url, body(stream=stream, tools=TOOLS), expected, limit_s=5.0)
        server.fault = CleanCut(0)
        cut = await observe(server.url, body(stream=True, tools=TOOLS), expected, limit_s=5.0)

    assert (called.verdict, called.heard.tool_calls[0].name) == ("complete", "weigh")
    assert called.first_content_s is not None
    assert cut.verdict == "empty_as_success"


async def test_final_facts_tell_a_continued_answer_and_two_ids_are_not_one_identity():
    events = [
        '{"id":"a","model":"m","created":1,"choices":[{"index":0,"delta":{"content":"one two "}}]}',
        '{"id":"b","model":"m","created":1,"choices":[{"index":0,"delta":{"content":"three"},"finish_reason":"stop"}]}',
        '{"choices":[],"guardian":{"attempts":[{"continues_at":null},{"continues_at":8}]}}',
        "[DONE]",
    ]
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: heartbeat\n\n"
    async with replying((head + "".join(f"data: {event}\n\n" for event in events)).encode()) as url:
        found = await observe(url, body(), Expected(texts=("one two three",)), limit_s=5.0)

    assert found.verdict == "continued"
    assert found.is_answered
    assert (found.heard.ids, found.has_one_identity) == (("a", "b"), False)


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"no HTTP at all\r\n\r\n", "broken"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[1]", "broken"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"choices":7,"error":"no"}', "in_band_error"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"choices":[{"message":7,"index":0}]}', "empty_as_success"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", "refused"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: \xff\xfe\n\n", "broken"),
        (
            b'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {"error":{"code":7}}\n\n',
            "in_band_error",
        ),
        (
            b'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {"error":{"code":7}}\n',
            "empty_as_success",
        ),
    ],
)
async def test_strange_replies_raise_nothing(data: bytes, verdict: str):
    async with replying(data) as url:
        found = await observe(url, body(), WHOLE, limit_s=5.0)

    assert found.verdict == verdict


async def test_a_record_that_is_not_there_is_none():
    async with ModelServer() as server:
        assert await recorded(server.url, "unknown") is None
