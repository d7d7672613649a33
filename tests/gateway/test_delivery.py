"""How answers and failures reach a client over HTTP."""

import json
from typing import Any

import pytest
from gateway_client import HELLO, chat, line_to, request_of, send
from harness import QUICK, base, running_gateway, specialist

from guardian_cluster.contract.snapshot import DenyRule, Timeouts, WatchPolicy
from guardian_cluster.gateway import delivery
from guardian_cluster.simulation import (
    CleanCut,
    Empty,
    Fault,
    Hang,
    Malformed,
    ModelServer,
    NoDone,
    NoFinish,
    Pace,
    Reset,
    Says,
    Status,
    StreamError,
    TruncatedText,
)

TEXT = "one two three four five six seven"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_whole_answer_is_one_json_object():
    async with ModelServer(TEXT) as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        reply = await chat(gateway)

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.text == TEXT
    assert (reply.json["object"], reply.json["model"]) == ("chat.completion", "smart")


async def test_a_stream_is_events_up_to_done():
    async with ModelServer(TEXT) as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        reply = await chat(gateway, stream=True)

    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.text == TEXT
    assert reply.events[-1] == "[DONE]"
    assert reply.body.endswith(b"data: [DONE]\n\n")
    assert {chunk["object"] for chunk in reply.chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in reply.chunks}) == 1


AFTER_CONTENT: list[tuple[Fault, str]] = [
    (Reset(3), "upstream_disconnected"),
    (Malformed(3), "upstream_malformed"),
    (TruncatedText(3), "upstream_malformed"),
    (CleanCut(3), "upstream_incomplete"),
    (NoFinish(), "upstream_incomplete"),
    (Hang(3), "upstream_timeout"),
    (StreamError(3, code="engine_failed"), "engine_failed"),
    (StreamError(3, code=None), "upstream_error"),
]


@pytest.mark.parametrize(("fault", "code"), AFTER_CONTENT, ids=lambda value: str(value))
async def test_what_fails_after_content_is_an_error_in_the_stream_and_no_end(fault: Fault, code: str):
    async with ModelServer(TEXT, faults=fault) as server:
        timeouts = QUICK if isinstance(fault, Hang) else Timeouts()
        smart = specialist("smart", server.url, timeouts=timeouts)
        async with running_gateway(base(smart)) as gateway:
            reply = await chat(gateway, stream=True)

    *_, last = reply.chunks
    assert "[DONE]" not in reply.events
    assert (reply.status, last["error"]["code"]) == (200, code)
    assert reply.headers["x-request-id"] in last["error"]["message"]
    assert last["error"].keys() == {"message", "type", "param", "code"}
    assert TEXT.startswith(reply.text)
    assert b"data: {broken" not in reply.body


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Status(500), 500),
        (Status(401), 502),
        (Status(404), 502),
        (Status(400), 400),
        (Status(429, retry_after="9"), 429),
        (Reset("request"), 502),
        (Empty(), 502),
    ],
    ids=str,
)
async def test_what_fails_before_content_is_an_http_error(fault: Fault, status: int, stream: bool):
    async with ModelServer(TEXT, faults=fault) as server:
        async with running_gateway(base(specialist("smart", server.url), max_attempts=1)) as gateway:
            reply = await chat(gateway, stream=stream)

    assert reply.status == status
    assert reply.error["code"] is None or isinstance(reply.error["code"], str)
    assert reply.headers["x-request-id"] == reply.headers["request-id"]
    assert reply.headers["x-guardian-endpoint"] == "smart/1"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_endpoints_wait_is_passed_on_in_both_forms(stream: bool):
    async with ModelServer(faults=Status(429, retry_after="9")) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            reply = await chat(gateway, stream=stream)

    assert (reply.headers["retry-after"], reply.headers["retry-after-ms"]) == ("9", "9000")
    assert "x-should-retry" not in reply.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_is_told_not_to_repeat_what_the_gateway_has_repeated(stream: bool):
    async with ModelServer(faults=Status(500)) as server:
        async with running_gateway(base(specialist("smart", server.url), max_attempts=2)) as gateway:
            reply = await chat(gateway, stream=stream)

    assert (reply.headers["x-should-retry"], reply.headers["x-guardian-attempts"]) == ("false", "2")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_deadline_is_504_and_not_to_be_repeated(stream: bool):
    async with ModelServer(faults=Hang("request")) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            reply = await chat(gateway, {"x-guardian-timeout-ms": "100"}, stream=stream)
        await server.until(lambda: server.cancelled == 1)

    assert (reply.status, reply.headers["x-should-retry"]) == (504, "false")
    assert (reply.error["type"], reply.error["code"]) == ("timeout", "deadline_exceeded")


async def test_the_openai_clients_own_patience_is_a_deadline():
    async with ModelServer(faults=Hang("request")) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            reply = await chat(gateway, {"x-stainless-read-timeout": "0.1"})

    assert reply.status == 504


@pytest.mark.parametrize("value", ["", "soon", "nan", "-1", "0", "inf", "1e999"])
async def test_a_senseless_patience_is_passed_over(value: str):
    async with ModelServer(TEXT) as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        reply = await chat(gateway, {"x-guardian-timeout-ms": value})

    assert reply.status == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_the_headers_say_who_answered(stream: bool):
    async with ModelServer(TEXT) as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        reply = await chat(gateway, stream=stream)
        record = await gateway.collected.request()

    assert reply.headers["x-request-id"] == reply.headers["request-id"] == record.id
    named = {name.removeprefix("x-guardian-"): value for name, value in reply.headers.items()}
    assert (named["specialist"], named["endpoint"], named["variant"]) == ("smart", "smart/1", "v1")
    assert named["attempts"] == "1"
    assert named["verdict"] == ("watching" if stream else "ok")
    assert 0 <= float(named["overhead-ms"]) < 1_000


@pytest.mark.parametrize("stream", [False, True])
async def test_the_headers_count_the_attempt_that_answers_too(stream: bool):
    async with ModelServer(faults=Status(500)) as faulty, ModelServer(TEXT) as healthy:
        smart = specialist("smart", faulty.url, fallback=("backup",))
        async with running_gateway(base(smart, specialist("backup", healthy.url))) as gateway:
            reply = await chat(gateway, stream=stream)

    assert reply.headers["x-guardian-attempts"] == "2"
    assert reply.headers["x-guardian-endpoint"] == "backup/1"


@pytest.mark.parametrize("stream", [False, True])
async def test_the_overhead_leaves_out_what_the_model_took(stream: bool):
    async with ModelServer(TEXT, pace=Pace(first_token_s=0.4)) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            reply = await chat(gateway, stream=stream)

    assert float(reply.headers["x-guardian-overhead-ms"]) < 300


@pytest.mark.parametrize("stream", [False, True])
async def test_who_wants_to_understand_gets_more_headers(stream: bool):
    async with ModelServer(faults=Status(500)) as faulty, ModelServer(TEXT) as healthy:
        smart = specialist("smart", faulty.url, fallback=("backup",))
        async with running_gateway(base(smart, specialist("backup", healthy.url))) as gateway:
            plain = await chat(gateway, stream=stream)
            reply = await chat(gateway, {"x-guardian-debug": "1"}, stream=stream)

    assert reply.headers["x-guardian-model"] == "simulated-1"
    assert reply.headers["x-guardian-reason"] == "asked for by name"
    assert reply.headers["x-guardian-propensity"] == "1.0000"
    assert reply.headers["x-guardian-alternatives"] == "backup"
    assert "x-guardian-reason" not in plain.headers
    assert plain.headers["x-guardian-attempts"] == "2"


async def test_findings_are_summed_up_in_a_header():
    policy = WatchPolicy(deny=(DenyRule(name="house", text="three"), DenyRule(name="two", text="seven")))
    async with ModelServer(TEXT) as server:
        async with running_gateway(base(specialist("smart", server.url), watch=policy)) as gateway:
            reply = await chat(gateway)

    assert reply.headers["x-guardian-verdict"] == "deny:redact=2"


@pytest.mark.parametrize("said", ["x\r\nx-forged: 1", "x\nx-forged: 1", "\0", "ü" * 100, "x" * 5_000])
async def test_no_word_of_a_caller_or_a_model_becomes_a_header(said: str):
    async with ModelServer(faults=Status(500, message=said, code=said)) as server:
        serving = base(specialist("smart", server.url), max_attempts=1)
        async with running_gateway(serving) as gateway:
            replies = [
                await chat(gateway, {"x-guardian-debug": "1"}),
                await chat(gateway, model=said),
                await chat(gateway, user=said),
                await send(gateway, "GET", "/v1/models/x%0d%0ax-forged:%201"),
            ]

    for reply in replies:
        assert "x-forged" not in reply.headers
        assert reply.error["message"]


async def test_a_sign_of_life_is_sent_while_the_model_is_at_work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "HEARTBEAT_S", 0.05)
    async with ModelServer(TEXT, pace=Pace(first_token_s=0.3)) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            reply = await chat(gateway, stream=True)

    assert reply.body.startswith(b": ")
    assert 1 <= reply.body.count(b": the model is at work\n\n") <= 6
    assert (reply.text, reply.events[-1]) == (TEXT, "[DONE]")


async def test_no_sign_of_life_is_sent_where_content_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "HEARTBEAT_S", 0.2)
    async with ModelServer(TEXT * 3, pace=Pace(0.02, 0.02)) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            reply = await chat(gateway, stream=True)

    assert reply.text == TEXT * 3
    assert b": " not in reply.body.replace(b"data: ", b"").replace(b'": ', b"")


async def test_what_fails_after_a_sign_of_life_is_an_error_in_the_stream(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "HEARTBEAT_S", 0.05)
    slow = Timeouts(first_token_s=0.2, total_s=2.0)
    async with ModelServer(faults=Hang("request")) as server:
        async with running_gateway(
            base(specialist("smart", server.url, timeouts=slow), max_attempts=1)
        ) as gateway:
            reply = await chat(gateway, stream=True)

    assert (reply.status, reply.chunks[-1]["error"]["code"]) == (200, "upstream_timeout")
    assert "[DONE]" not in reply.events


async def test_after_a_sign_of_life_another_may_still_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "HEARTBEAT_S", 0.05)
    slow = Timeouts(first_token_s=0.2, total_s=5.0)
    async with ModelServer(faults=Hang("request")) as hung, ModelServer(TEXT) as healthy:
        smart = specialist("smart", hung.url, timeouts=slow, fallback=("backup",))
        async with running_gateway(base(smart, specialist("backup", healthy.url))) as gateway:
            reply = await chat(gateway, stream=True)

    assert (reply.text, reply.events[-1]) == (TEXT, "[DONE]")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("place", ["request", 1])
async def test_a_client_that_leaves_ends_the_work_at_the_endpoint(place: Any, stream: bool):
    async with ModelServer(TEXT, faults=Hang(place)) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            async with line_to(gateway) as line:
                body = {**HELLO, "stream": stream}
                await line.send(request_of("POST", "/v1/chat/completions", body))
                await server.until(lambda: server.open_requests == 1)
                line.abort()
            await server.until(lambda: server.cancelled == 1)
            record = await gateway.collected.request()

    assert record.outcome == "cancelled"
    assert gateway.gateway.in_flight == 0


async def test_nobody_is_asked_for_a_client_that_left_before_its_request_was_whole():
    async with ModelServer(TEXT) as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        async with line_to(gateway) as line:
            await line.send(request_of("POST", "/v1/chat/completions", HELLO)[:-5])
            line.abort()
        await chat(gateway)

    assert server.received == 1
    assert len(gateway.collected.requests) == 1


async def test_a_stream_without_done_from_the_model_ends_in_done():
    async with ModelServer(TEXT, faults=NoDone()) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            reply = await chat(gateway, stream=True)

    assert (reply.text, reply.events[-1]) == (TEXT, "[DONE]")


async def test_the_usage_chunk_of_a_stream_carries_the_final_facts():
    async with ModelServer(TEXT) as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        reply = await chat(gateway, stream=True, stream_options={"include_usage": True})
        record = await gateway.collected.request()

    *_, last = reply.chunks
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == record.output_tokens
    assert last["guardian"]["id"] == record.id
    assert reply.events[-1] == "[DONE]"


async def test_several_choices_keep_their_places():
    async with ModelServer(Says(("one", "two"))) as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            reply = await chat(gateway, stream=True, n=2)

    said = {0: "", 1: ""}
    for choice in [choice for chunk in reply.chunks for choice in chunk["choices"]]:
        said[choice["index"]] += choice["delta"].get("content") or ""
    assert said == {0: "one", 1: "two"}


async def test_unknown_fields_reach_the_model_untouched():
    sent = {"x_own": {"deep": [1, 2.5, None, "ü"]}, "temperature": 0.25, "seed": 2**60}
    async with ModelServer(TEXT) as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        await chat(gateway, **sent)

    received = server.requests[0].body
    assert {name: received[name] for name in sent} == sent
    assert json.loads(server.requests[0].raw)["messages"] == HELLO["messages"]


@pytest.mark.parametrize("named", [TRACE, "00-short-01", f"{TRACE}-more", f"z{TRACE[1:]}"])
async def test_a_trace_is_told_to_the_model_if_it_is_one(named: str):
    async with ModelServer(TEXT) as server, running_gateway(base(specialist("smart", server.url))) as gateway:
        reply = await chat(gateway, {"traceparent": named})

    assert reply.status == 200
    assert server.requests[0].headers.get("traceparent") == (TRACE if named == TRACE else None)
