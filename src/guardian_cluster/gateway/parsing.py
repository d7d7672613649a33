"""Reads a request's JSON in a bounded time, whatever a hostile client sends.

The body is decoded in one pass to its top-level fields only (0.2 to 0.5 ms for each MB, measured); messages
are then decoded in slices that let other requests run in between. Nothing else is decoded at all: it passes
through as it came.
"""

import asyncio
from typing import Any

import msgspec

from guardian_cluster.contract.snapshot import GatewayLimits
from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.domain.request import (
    ChatRequest,
    EmbeddingsRequest,
    Message,
    Operation,
    UnreadMessage,
    UserRequest,
    explain,
)

SLICE_BYTES = 65_536
"""Decoded in one go: at most about 0.5 ms, for JSON made of nothing but punctuation."""

COUNT_FROM_BYTES = 262_144
"""Smaller bodies cannot hold enough values to matter; larger ones are counted in pieces of this size, 0.2 ms each."""

MAX_VALUES = 250_000
"""Commas and brackets. Finding the ends of so many values takes 1.6 ms; 8 MB of prose have about 140,000 commas."""


class LargeMessage(msgspec.Struct, frozen=True):
    """A message whose content is not decoded."""

    role: str
    content: msgspec.Raw = msgspec.Raw(b"null")


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_chat = msgspec.json.Decoder(ChatRequest)
_embeddings = msgspec.json.Decoder(EmbeddingsRequest)
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_messages = msgspec.json.Decoder(list[Message])
_large = msgspec.json.Decoder(LargeMessage)
_encode = msgspec.json.Encoder().encode
_EMPTY = msgspec.Raw(b"[]")


class Parsed(msgspec.Struct, frozen=True):
    """A body's fields, still encoded, and the view that decisions are made on."""

    fields: dict[str, Any]
    view: ChatRequest | EmbeddingsRequest


async def parse(body: bytes, operation: Operation, limits: GatewayLimits) -> Parsed:
    """Read a body.

    Raises:
        InvalidRequest: it is not JSON, not a request, or has more messages or values than the gateway takes.
    """
    if len(body) > COUNT_FROM_BYTES:
        await _refuse_dense(body)
    try:
        fields = _fields.decode(body)
        if operation == "embeddings":
            return Parsed(fields, _embeddings.decode(body))
        if len(body) <= SLICE_BYTES:
            view = _chat.decode(body)
            _count(len(view.messages), limits)
        else:
            view = await _in_slices(fields, limits)
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply.", code="invalid_json") from None
    return Parsed(fields, view)


async def _refuse_dense(body: bytes) -> None:
    """Refuse a body of so many values that decoding it would hold up the others; text and images pass."""
    values = 0
    for start in range(0, len(body), COUNT_FROM_BYTES):
        part = body[start : start + COUNT_FROM_BYTES]
        values += part.count(b",") + part.count(b"[") + part.count(b"{")
        if values > MAX_VALUES:
            text = f"The body holds over {MAX_VALUES} JSON values; send fewer, or send large data as text."
            raise InvalidRequest(text, code="too_many_values")
        await asyncio.sleep(0)


async def _in_slices(fields: dict[str, Any], limits: GatewayLimits) -> ChatRequest:
    """Decode a large body: all but the messages at once, these in slices."""
    small = {
        name: value
        for name, value in fields.items()
        if name != "messages" and name in ChatRequest.__struct_fields__
    }
    for name, value in small.items():
        if _size(value) > SLICE_BYTES * 4:
            raise InvalidRequest(
                f"The field `{name}` is over {SLICE_BYTES * 4} bytes.", param=name, code="field_too_large"
            )
    await asyncio.sleep(0)  # each pass over a body of nothing but escapes takes 1 ms for each MB
    encoded = _raw_list.decode(fields.get("messages", _EMPTY))
    _count(len(encoded), limits)
    await asyncio.sleep(0)
    messages: list[Message] = []
    for slice_ in _slices(encoded):
        messages += _decode_slice(slice_)
        await asyncio.sleep(0)
    if "messages" in fields:
        small["messages"] = _EMPTY
    return msgspec.structs.replace(_chat.decode(_encode(small)), messages=messages)


def _decode_slice(slice_: list[msgspec.Raw]) -> list[Message]:
    """Decode messages; the words of a large one stay encoded, for undoing escapes takes 2 ms for each MB."""
    if len(slice_) == 1 and _size(slice_[0]) > 4 * SLICE_BYTES:
        large = _large.decode(slice_[0])
        if bytes(memoryview(large.content)[:1]) == b'"':
            return [UnreadMessage(role=large.role, size=_size(large.content))]
    return _messages.decode(_encode(slice_))


def _size(raw: msgspec.Raw) -> int:
    return memoryview(raw).nbytes


def _slices(encoded: list[msgspec.Raw]) -> list[list[msgspec.Raw]]:
    slices: list[list[msgspec.Raw]] = [[]]
    size = 0
    for raw in encoded:
        if slices[-1] and size + _size(raw) > SLICE_BYTES:
            slices.append([])
            size = 0
        slices[-1].append(raw)
        size += _size(raw)
    return slices


def _count(messages: int, limits: GatewayLimits) -> None:
    if messages > limits.max_messages:
        text = f"There are {messages} messages; at most {limits.max_messages} are taken (gateway.limits.max_messages)."
        raise InvalidRequest(text, param="messages", code="too_many_messages")


def user_request(parsed: Parsed, operation: Operation, **facts: Any) -> UserRequest:
    """Return the request that a body is.

    Raises:
        InvalidRequest: it asks for what no model could answer.
    """
    return UserRequest(body=parsed.fields, view=parsed.view, operation=operation, **facts)
