"""What a client of the gateway sees of a model's server that cheats, hangs or floods."""

import json
from typing import Any

import pytest
from gateway_client import Reply, chat
from harness import base, running_gateway, specialist

from guardian_cluster.contract.snapshot import Timeouts
from guardian_cluster.simulation import Fault, Hang, ModelServer, Raw

HEAD = "HTTP/1.1 200 OK\r\ncontent-type: {}\r\nconnection: close\r\n\r\n"


def stream_of(*choices: dict[str, Any], done: bool) -> Raw:
    chunks = [{"id": "1", "choices": [{"finish_reason": None, "delta": {}, **choice}]} for choice in choices]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n" * done
    return Raw((HEAD.format("text/event-stream") + body).encode())


def whole(**fields: Any) -> Raw:
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    body = json.dumps({"id": "1", "choices": [choice], **fields})
    return Raw((HEAD.format("application/json") + body).encode())


async def with_a_backup(fault: Fault, said: str = "hello", **fields: Any) -> Reply:
    async with ModelServer(faults=fault) as faulty, ModelServer(said) as healthy:
        smart = specialist("smart", faulty.url, fallback=("backup",), timeouts=Timeouts(total_s=2.0))
        async with running_gateway(base(smart, specialist("backup", healthy.url))) as gateway:
            return await chat(gateway, **fields)


FIRST_ENDS = {"index": 0, "finish_reason": "stop"}
SECOND_ENDS = {"index": 1, "finish_reason": "stop"}


async def test_a_stream_that_loses_a_choice_after_content_ends_with_an_error():
    words = {"index": 0, "delta": {"content": "hi, "}}  # a last word would wait for the character after it
    reply = await with_a_backup(stream_of(words, FIRST_ENDS, done=False), stream=True, n=2)

    assert "[DONE]" not in reply.events
    assert reply.chunks[-1]["error"]["code"] == "upstream_incomplete"


async def test_a_stream_that_loses_a_choice_before_content_is_answered_from_elsewhere():
    reply = await with_a_backup(stream_of(FIRST_ENDS, done=False), stream=True, n=2)

    assert reply.text.startswith("hello")
    assert reply.events[-1] == "[DONE]"
    assert reply.headers["x-guardian-specialist"] == "backup"


@pytest.mark.parametrize(
    ("ends", "done"), [((FIRST_ENDS, SECOND_ENDS), False), ((FIRST_ENDS,), True)], ids=["all", "done"]
)
async def test_a_stream_is_whole_when_all_have_finished_or_it_says_so(ends: Any, done: bool):
    words = {"index": 0, "delta": {"content": "hi"}}
    reply = await with_a_backup(stream_of(words, *ends, done=done), stream=True, n=2)

    assert (reply.text, reply.events[-1]) == ("hi", "[DONE]")


async def test_a_whole_answer_that_hangs_is_answered_from_elsewhere_in_time():
    reply = await with_a_backup(Hang("request"))

    assert (reply.status, reply.text) == (200, "hello")
    assert reply.headers["x-guardian-attempts"] == "2"


async def test_an_answer_too_dense_to_be_read_is_answered_from_elsewhere():
    reply = await with_a_backup(whole(notes=[{}] * 20_000), headers={"x-guardian-debug": "1"})

    assert (reply.status, reply.text) == (200, "hello")
    assert "smart/1=upstream_answer_too_large" in reply.headers["x-guardian-failures"]


async def test_an_event_too_dense_to_be_read_is_answered_from_elsewhere():
    flood = {"index": 0, "delta": {"content": "x"}, "notes": [{}] * 20_000}
    reply = await with_a_backup(stream_of(flood, FIRST_ENDS, done=True), stream=True)

    assert reply.text == "hello"


async def test_log_probabilities_that_were_asked_for_may_be_dense():
    reply = await with_a_backup(whole(notes=[{}] * 5_000), logprobs=True)

    assert reply.headers["x-guardian-specialist"] == "smart"
    assert len(reply.json["notes"]) == 5_000
