import json

import openai
import pytest
from simulation_clients import ClientOf, ask

from guardian_cluster.simulation import (
    Answer,
    CleanCut,
    Malformed,
    ModelServer,
    NoDone,
    NoFinish,
    SoftError,
    Status,
    StreamError,
    ToolCall,
    TruncatedText,
    WrongContentType,
)

HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TEXT = "one two three four five six seven"  # five chunks of eight characters


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
async def test_a_status_is_the_error_the_client_raises(
    client_of: ClientOf, status: int, error: type[openai.APIStatusError]
):
    async with ModelServer(faults=Status(status, code="told_to")) as server:
        with pytest.raises(error) as raised:
            await client_of(server).chat.completions.create(**HI, stream=True)

    assert (raised.value.status_code, raised.value.code) == (status, "told_to")
    assert (raised.value.request_id or "").startswith("req_")


async def test_retry_after_is_sent_only_where_it_was_set():
    async with ModelServer(
        faults=Status(429, retry_after="2", headers=(("retry-after-ms", "1500"),))
    ) as server:
        told = await ask(server)
        server.fault = Status(429)
        untold = await ask(server)

    assert "retry-after: 2\r\n" in told.head
    assert "retry-after-ms: 1500" in told.head
    assert "retry-after" not in untold.head


async def test_an_error_may_be_a_page_of_a_proxy():
    async with ModelServer(faults=Status(502, is_html=True)) as server:
        received = await ask(server)

    assert "502 Bad Gateway" in received.head
    assert "content-type: text/html" in received.head
    assert received.body.startswith(b"<html>")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_soft_error_is_a_200_without_choices(stream: bool):
    async with ModelServer(faults=SoftError()) as server:
        received = await ask(server, stream=stream)

    assert received.head.startswith("HTTP/1.1 200 OK")
    assert "content-type: application/json" in received.head
    assert list(json.loads(received.body)) == ["error"]


async def test_an_error_event_ends_a_stream(client_of: ClientOf):
    async with ModelServer(TEXT, faults=StreamError(2, code="engine_failed")) as server:
        received = await ask(server, stream=True)
        with pytest.raises(openai.APIError, match="engine failed") as raised:
            [chunk async for chunk in await client_of(server).chat.completions.create(**HI, stream=True)]

    assert raised.value.code == "engine_failed"
    assert ["error" in json.loads(event) for event in received.events] == [False, False, False, True]
    assert received.data.endswith(b"0\r\n\r\n")


async def test_a_whole_answer_has_no_events_so_its_error_is_soft():
    async with ModelServer(TEXT, faults=StreamError(2, message="broken")) as server:
        received = await ask(server)

    assert json.loads(received.body)["error"]["message"] == "broken"


async def test_a_malformed_line_stands_in_a_stream_that_goes_on():
    async with ModelServer(TEXT, faults=Malformed(2)) as server:
        received = await ask(server, stream=True)

    events = received.events
    with pytest.raises(json.JSONDecodeError):
        json.loads(events[3])
    said = [json.loads(event)["choices"][0]["delta"].get("content") for event in events[:3] + events[4:-1]]
    assert "".join(part or "" for part in said) == TEXT
    assert events[-1] == b"[DONE]"


async def test_a_malformed_body_is_well_framed():
    async with ModelServer(TEXT, faults=Malformed()) as server:
        received = await ask(server)

    with pytest.raises(json.JSONDecodeError):
        json.loads(received.body)
    assert f"content-length: {len(received.body)}" in received.head


@pytest.mark.parametrize("said", [Answer(TEXT), Answer(refusal="No."), Answer(tool_calls=(ToolCall("t"),))])
@pytest.mark.parametrize("stream", [False, True])
async def test_truncated_text_is_no_utf_8(said: Answer, stream: bool):
    async with ModelServer(said, faults=TruncatedText(0)) as server:
        received = await ask(server, stream=stream)

    with pytest.raises(UnicodeDecodeError):
        received.body.decode()
    repaired = received.body.replace(b"\xe2\x82", b"").decode()
    assert ("[DONE]" if stream else '"usage"') in repaired


async def test_only_the_named_chunk_is_truncated():
    async with ModelServer(TEXT, faults=TruncatedText(2)) as server:
        events = (await ask(server, stream=True)).events

    assert [b"\xe2\x82" in event for event in events] == [False, False, False, True, *[False] * 4]


async def test_a_clean_cut_looks_like_an_end_to_the_client(client_of: ClientOf):
    async with ModelServer(TEXT, faults=CleanCut(2)) as server:
        received = await ask(server, stream=True)
        chunks = [chunk async for chunk in await client_of(server).chat.completions.create(**HI, stream=True)]

    assert received.data.endswith(b"0\r\n\r\n")
    assert b"[DONE]" not in received.data
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT[:16]
    assert {chunk.choices[0].finish_reason for chunk in chunks} == {None}


async def test_a_stream_can_be_cut_before_its_first_event():
    async with ModelServer(TEXT, faults=CleanCut("headers")) as server:
        received = await ask(server, stream=True)

    assert received.head.startswith("HTTP/1.1 200 OK")
    assert (received.body, received.end) == (b"0\r\n\r\n", "closed")


async def test_a_whole_answer_can_be_cut_as_well(client_of: ClientOf):
    async with ModelServer(TEXT, faults=CleanCut()) as server:
        choice = (await client_of(server).chat.completions.create(**HI)).choices[0]

    assert (choice.message.content, choice.finish_reason) == (TEXT[:16], None)


async def test_a_stream_may_lack_done_or_its_finish_reason():
    async with ModelServer(TEXT, faults=NoDone()) as server:
        without_done = (await ask(server, stream=True)).data
        server.fault = NoFinish()
        without_finish = (await ask(server, stream=True)).data

    assert (b'"finish_reason":"stop"' in without_done, b"[DONE]" in without_done) == (True, False)
    assert (b'"finish_reason":"stop"' in without_finish, b"[DONE]" in without_finish) == (False, True)


async def test_only_the_content_type_is_wrong():
    async with ModelServer(TEXT, faults=WrongContentType("application/octet-stream")) as server:
        received = await ask(server)

    assert "content-type: application/octet-stream" in received.head
    assert json.loads(received.body)["choices"][0]["message"]["content"] == TEXT
