"""Bodies made to hold the gateway up: they are refused, or served, and the others are served meanwhile."""

import asyncio
import json
import time
from collections.abc import Awaitable
from typing import Any

import pytest
from gateway_client import HELLO, chat, send
from harness import base, running_gateway, specialist

from guardian_cluster.contract.snapshot import GatewayLimits, Price
from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.gateway.parsing import parse, user_request
from guardian_cluster.simulation import ModelServer

CHAT = "/v1/chat/completions"
NOWHERE = specialist("smart", "http://127.0.0.1:9/v1")
MESSAGE = {"role": "user", "content": "hi"}


def with_messages(messages: str) -> bytes:
    return ('{"model": "smart", "messages": ' + messages + "}").encode()


HOSTILE: dict[str, bytes] = {
    "100,000 messages": json.dumps({**HELLO, "messages": [MESSAGE] * 100_000}).encode(),
    "10,001 small messages": json.dumps({**HELLO, "messages": [MESSAGE] * 10_001}).encode(),
    "nested messages": with_messages("[" * 100_000 + "]" * 100_000),
    "nested content": with_messages('[{"role": "user", "content": ' + "[" * 100_000 + "]" * 100_000 + "}]"),
    "nested and unknown": with_messages("[]")[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested and open": b'{"x":' * 1_000_000,
    "commas": with_messages('[{"role": "user", "content": [' + "1," * 2_000_000 + "1]}]"),
    "objects": with_messages("[" + "{}," * 1_500_000 + "{}]"),
    "keys": ("{" + ",".join(f'"k{n}":1' for n in range(400_000)) + "}").encode(),
    "escapes": with_messages('[{"role": "user", "content": "' + "\\u0041" * 800_000 + '"}]'),
    "a giant tool": with_messages("[]")[:-1] + b', "tools": [{"x": "' + b"y" * 3_000_000 + b'"}]}',
    "a giant model": json.dumps({**HELLO, "model": "x" * 3_000_000}).encode(),
    "few enough keys to count as no values": (
        "{" + ",".join(f'"k{n}":1' for n in range(200_000)) + "}"
    ).encode(),
    "keys in a small body": ("{" + ",".join(f'"k{n}":1' for n in range(25_000)) + "}").encode(),
    "257 keys": ("{" + ",".join(f'"k{n}":1' for n in range(257)) + "}").encode(),
    "parts": with_messages('[{"role": "user", "content": [' + ",".join(['{"type":"text"}'] * 80_000) + "]}]"),
    "escapes in a part": with_messages(
        '[{"role": "user", "content": [{"type": "text", "text": "' + "\\n" * 3_900_000 + '"}]}]'
    ),
    "tools of nothing": with_messages("[]")[:-1] + b', "tools": [' + b"{}," * 80_000 + b"{}]}",
    "numbers as messages": with_messages("[" + "1," * 240_000 + "1]"),
    "embedded lists": ('{"model": "smart", "input": [' + "[1]," * 120_000 + "[1]]}").encode(),
    "embedded texts": ('{"model": "smart", "input": [' + '"a",' * 240_000 + '"a"]}').encode(),
    "embedded integers": ('{"model": "smart", "input": [' + "1," * 2_000_000 + "1]}").encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_body_is_refused_or_passed_on_and_never_an_inner_fault(name: str):
    path = "/v1/embeddings" if name.startswith("embedded") else CHAT
    async with running_gateway(base(NOWHERE, max_attempts=1)) as gateway:
        reply = await send(gateway, "POST", path, HOSTILE[name])
        following = await send(gateway, "GET", "/health")

    assert reply.status in (400, 404, 502)  # 502: it was well formed, and the model is not there
    assert reply.error["code"] != "internal_error"
    assert len(reply.body) < 2_000
    assert following.status == 200


@pytest.mark.parametrize("name", ["100,000 messages", "10,001 small messages", "commas", "objects", "keys"])
async def test_too_much_of_anything_is_400_and_says_how_much_is_taken(name: str):
    async with running_gateway(base(NOWHERE)) as gateway:
        reply = await send(gateway, "POST", CHAT, HOSTILE[name])

    assert reply.status == 400
    assert reply.error["code"] in ("too_many_messages", "too_many_values")
    assert any(character.isdigit() for character in reply.error["message"])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("few enough keys to count as no values", "too_many_fields"),
        ("keys in a small body", "too_many_fields"),
        ("257 keys", "too_many_fields"),
        ("parts", "too_many_parts"),
        ("escapes in a part", "too_many_escapes"),
        ("tools of nothing", "too_many_values"),
        ("numbers as messages", "invalid_type"),
    ],
)
async def test_what_would_take_long_to_decode_is_refused_before(name: str, code: str):
    with pytest.raises(InvalidRequest) as refused:
        await parse(HOSTILE[name], "chat", GatewayLimits())

    assert refused.value.code == code


async def test_256_fields_are_taken_in_small_and_in_large_bodies():
    more = {f"x{n}": n for n in range(254)}
    small, large = ({**HELLO, "messages": [{**MESSAGE, "content": "x" * n}], **more} for n in (1, 100_000))

    for body in (small, large):
        fields = (await parse(json.dumps(body).encode(), "chat", GatewayLimits())).fields
        assert list(fields) == list(body)
        assert {type(name) for name in fields} == {str}


@pytest.mark.parametrize("inputs", [["text " * 780] * 2_048, "text " * 1_500_000, [[1, 2, 3]] * 50_000])
async def test_much_to_embed_is_passed_on_and_not_decoded(inputs: Any):
    body = json.dumps({"model": "smart", "input": inputs, "user": "u"}).encode()
    parsed = await parse(body, "embeddings", GatewayLimits())

    view: Any = parsed.view
    assert (view.model, view.user, view.input) == ("smart", "u", "unread")
    assert json.loads(bytes(parsed.fields["input"])) == inputs


@pytest.mark.parametrize("wrong", [{"text": "x" * 40_000}, [], [{"text": "x"}]])
async def test_what_can_not_be_embedded_is_refused(wrong: Any):
    body = json.dumps({"model": "smart", "padding": "x" * 40_000, "input": wrong}).encode()
    with pytest.raises(InvalidRequest):
        user_request(await parse(body, "embeddings", GatewayLimits()), "embeddings")


async def test_of_a_large_message_in_parts_the_kinds_and_the_short_texts_are_read():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5_000_000}}
    parts = [{"type": "text", "text": "What is \n this?"}, image, {"type": "text", "text": "y" * 400_000}]
    body = json.dumps({**HELLO, "messages": [{"role": "user", "content": parts}]}).encode()
    view: Any = (await parse(body, "chat", GatewayLimits())).view

    (message,) = view.messages
    assert [part.type for part in message.content] == ["text", "image_url", "text"]
    assert message.text() == "What is \n this?"
    assert message.unread_bytes() == 400_002


@pytest.mark.parametrize("name", ["nested messages", "nested content", "nested and open"])
async def test_nesting_without_end_is_400(name: str):
    async with running_gateway(base(NOWHERE)) as gateway:
        assert (await send(gateway, "POST", CHAT, HOSTILE[name])).status == 400


async def longest_hold_s(work: Awaitable[Any]) -> float:
    """Return the longest time that the event loop could do nothing else while it did this work."""
    longest_s, task = 0.0, asyncio.ensure_future(work)
    while not task.done():
        began = time.perf_counter()
        await asyncio.sleep(0)
        longest_s = max(longest_s, time.perf_counter() - began)
    await asyncio.gather(task, return_exceptions=True)
    return longest_s


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_body_holds_up_the_others_for_long(name: str):
    operation = "embeddings" if name.startswith("embedded") else "chat"
    # The best of five: a busy machine holds everything up. The goal of 2 ms is measured by
    # benchmarks.hostile.
    holds = [await longest_hold_s(parse(HOSTILE[name], operation, GatewayLimits())) for _ in range(5)]

    assert min(holds) < 0.025


async def test_messages_in_slices_are_the_same_messages():
    messages = [{"role": "user", "content": f"message {n} " + "x" * (n % 700)} for n in range(1_000)]
    messages[500] = {"role": "user", "content": [{"type": "text", "text": "part"}]}
    parsed = await parse(json.dumps({**HELLO, "messages": messages}).encode(), "chat", GatewayLimits())

    view: Any = parsed.view
    assert [message.role for message in view.messages] == ["user"] * 1_000
    assert [message.text() for message in view.messages[498:503]] == [
        messages[498]["content"],
        messages[499]["content"],
        "part",
        messages[501]["content"],
        messages[502]["content"],
    ]


@pytest.mark.parametrize(
    "large",
    [
        {"role": "user", "content": "x" * 400_000},
        {"role": "user", "content": [{"type": "text", "text": "x" * 400_000}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "function": {"arguments": "x" * 400_000}}],
        },
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"arguments": "x" * 400_000}}]},
    ],
    ids=["text", "parts", "null and a call", "a call alone"],
)
async def test_one_large_message_reaches_the_model_as_it_was_sent(large: dict[str, Any]):
    async with (
        ModelServer("Noted.") as server,
        running_gateway(base(specialist("smart", server.url))) as gateway,
    ):
        reply = await chat(gateway, messages=[MESSAGE, large, MESSAGE])

    assert reply.status == 200
    assert server.requests[0].body["messages"] == [MESSAGE, large, MESSAGE]


@pytest.mark.parametrize("body", [b"", b"x" * 70_000, b"[" * 70_000, b'{"messages": ' + b'"x"' * 30_000])
async def test_a_large_body_that_is_no_json_is_refused(body: bytes):
    with pytest.raises(InvalidRequest):
        await parse(body, "chat", GatewayLimits())


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("number", [10**18, 10**400, -(10**18), 0])
async def test_a_senseless_number_does_the_gateway_no_harm(field: str, number: int):
    async with ModelServer("hello") as server:
        smart = specialist("smart", server.url, price=Price(input_usd=1, output_usd=1))
        async with running_gateway(base(smart)) as gateway:
            reply = await chat(gateway, **{field: number})

    assert reply.status in (200, 400)
    assert reply.status == 400 or server.requests[0].body[field] == number
