"""Reads a request's JSON in a bounded time, whatever a hostile client sends.

The body is decoded in one pass to its top-level fields only (0.2 to 0.5 ms for each MB, measured); messages
are then decoded in slices that let other requests run in between. Nothing else is decoded at all: it passes
through as it came. What would make one of these steps long is counted, and refused, before (see also tally.py).
"""

import asyncio
from typing import Any

import msgspec

from guardian_cluster.contract.snapshot import GatewayLimits
from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.domain.request import (
    ChatRequest,
    ContentPart,
    EmbeddingsRequest,
    Message,
    Operation,
    UnreadMessage,
    UserRequest,
    explain,
)
from guardian_cluster.gateway.tally import content_parts, has_more_objects, top_fields

SLICE_BYTES = 65_536
"""Decoded in one go: at most about 1 ms, for JSON made of nothing but punctuation."""

READ_BYTES = 4 * SLICE_BYTES
"""Of one text or field: undoing escapes takes 2 ms for each MB. Larger texts pass through unread."""

COUNTED_BYTES = 262_144
"""Bodies over a slice are counted in pieces of this size, 0.3 ms each."""

MAX_VALUES = 250_000
"""Commas and brackets. Finding the ends of so many values takes 1.6 ms; 8 MB of prose have about 140,000 commas."""

MAX_ESCAPES = 750_000
"""Passing over 8 MB of text takes 1.5 ms, and as many line ends in it 0.8 ms more; 8 MB of code have about 500,000."""

LISTED_VALUES = 40_000
"""A list of up to so many values is split in 1.6 ms, whatever they are."""

FIELD_VALUES = 30_000
"""In all fields but the messages together; a hundred tools have some 10,000. Decoding so many keys takes 2 ms."""

SMALL_INPUT_BYTES = 16_384
"""Of what is to be embedded: as lists of one number it takes 0.4 ms to decode. More passes through unread."""

PARTS_AT_ONCE = 1_000
"""Content parts looked at in one go, 0.3 ms."""


class LargeMessage(msgspec.Struct, frozen=True):
    """A message whose content is not decoded."""

    role: str
    content: msgspec.Raw = msgspec.Raw(b"null")


_chat = msgspec.json.Decoder(ChatRequest)
_embeddings = msgspec.json.Decoder(EmbeddingsRequest)
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_messages = msgspec.json.Decoder(list[Message])
_large = msgspec.json.Decoder(LargeMessage)
_encode = msgspec.json.Encoder().encode
_text = msgspec.json.Decoder(str | None)
_EMPTY = msgspec.Raw(b"[]")
_UNREAD = msgspec.Raw(b'"unread"')
"""Stands in a view for what is to be embedded; how much it is, is seen from the field."""


class Parsed(msgspec.Struct, frozen=True):
    """A body's fields, still encoded, and the view that decisions are made on."""

    fields: dict[str, Any]
    view: ChatRequest | EmbeddingsRequest


async def parse(body: bytes, operation: Operation, limits: GatewayLimits) -> Parsed:
    """Read a body.

    Raises:
        InvalidRequest: it is not JSON, not a request, or has more messages or values than the gateway takes.
    """
    values = await _count_values(body) if len(body) > SLICE_BYTES else 0
    try:
        fields = top_fields(body)
        if operation == "embeddings":
            view = _embeddings.decode(body) if len(body) <= SMALL_INPUT_BYTES else await _unread_input(fields)
        elif len(body) <= SLICE_BYTES:
            view = _chat.decode(body)
            _check_count(len(view.messages), limits)
        else:
            view = await _in_slices(fields, values, limits)
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply.", code="invalid_json") from None
    return Parsed(fields, view)


async def _count_values(body: bytes) -> int:
    """Return how many values a body may hold at most; text and images hold few.

    Raises:
        InvalidRequest: there are so many values or escapes that passing over them would hold up the others.
    """
    values = escapes = 0
    for start in range(0, len(body), COUNTED_BYTES):
        end = start + COUNTED_BYTES
        values += _values(body, start, end)
        escapes += body.count(b"\\", start, end)
        if values > MAX_VALUES:
            text = f"The body holds over {MAX_VALUES} JSON values; send fewer, or send large data as text."
            raise InvalidRequest(text, code="too_many_values")
        if escapes > MAX_ESCAPES:
            text = (
                f"The body holds over {MAX_ESCAPES} escapes; send less, or characters as they are, in UTF-8."
            )
            raise InvalidRequest(text, code="too_many_escapes")
        await asyncio.sleep(0)
    return values


def _values(encoded: bytes, start: int = 0, end: int | None = None) -> int:
    return encoded.count(b",", start, end) + encoded.count(b"[", start, end) + encoded.count(b"{", start, end)


async def _unread_input(fields: dict[str, Any]) -> EmbeddingsRequest:
    """Read all but what is to be embedded, of which is only seen whether it is text or a list."""
    small = _small(fields, EmbeddingsRequest, "input")
    await asyncio.sleep(0)
    if "input" in fields:
        large = _size(fields["input"]) > SMALL_INPUT_BYTES and _begins(fields["input"]) in b'"['
        # What is neither text nor a list is refused at once.
        small["input"] = _UNREAD if large else fields["input"]
    return _embeddings.decode(_encode(small))


def _small(fields: dict[str, Any], kind: type[msgspec.Struct], large: str) -> dict[str, Any]:
    """Return the fields that decisions are made on, less the one that may be large.

    Raises:
        InvalidRequest: another one is large as well, or they hold many values.
    """
    names = [name for name in kind.__struct_fields__ if name in fields and name != large]
    for name in names:
        if _size(fields[name]) > READ_BYTES:
            raise InvalidRequest(
                f"The field `{name}` is over {READ_BYTES} bytes.", param=name, code="field_too_large"
            )
    small = {name: fields[name] for name in names}
    if _values(_encode(small)) > FIELD_VALUES:
        text = f"The fields besides `{large}` hold over {FIELD_VALUES} JSON values; send fewer."
        raise InvalidRequest(text, code="too_many_values")
    return small


async def _in_slices(fields: dict[str, Any], values: int, limits: GatewayLimits) -> ChatRequest:
    """Decode a large body: all but the messages at once, these in slices."""
    small = _small(fields, ChatRequest, "messages")
    await asyncio.sleep(0)  # each pass over a body takes up to 2 ms
    encoded = fields.get("messages", _EMPTY)
    if values > LISTED_VALUES:
        if has_more_objects(encoded, limits.max_messages):
            _check_count(limits.max_messages + 1, limits)
        await asyncio.sleep(0)
    each = _raw_list.decode(encoded)
    _check_count(len(each), limits)
    await asyncio.sleep(0)
    messages: list[Message] = []
    for slice_ in _slices(each):
        messages += await _decode_slice(slice_)
        await asyncio.sleep(0)
    if "messages" in fields:
        small["messages"] = _EMPTY
    return msgspec.structs.replace(_chat.decode(_encode(small)), messages=messages)


async def _decode_slice(slice_: list[msgspec.Raw]) -> list[Message]:
    """Decode messages; of a large one as much as is short."""
    if len(slice_) > 1 or _size(slice_[0]) <= SLICE_BYTES:
        return _messages.decode(_encode(slice_))
    large = _large.decode(slice_[0])
    await asyncio.sleep(0)
    kind = _begins(large.content)
    if kind == b"[":
        return [await _in_parts(large)]
    if kind == b'"' and _size(large.content) > READ_BYTES:
        return [UnreadMessage(role=large.role, size=_size(large.content))]
    return _messages.decode(_encode(slice_))


async def _in_parts(large: LargeMessage) -> Message:
    """Decode a message of parts: their kinds, and their texts as far as they are not large together."""
    parts: list[ContentPart] = []
    left, unread = READ_BYTES, 0
    for number, part in enumerate(content_parts(large.content), 1):
        size = _size(part.text)
        if size <= left:
            left -= size
            parts.append(ContentPart(part.type, _text.decode(part.text)))
        else:
            unread += size
            parts.append(ContentPart(part.type))
        if number % PARTS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return UnreadMessage(role=large.role, content=parts, size=unread)


def _size(raw: msgspec.Raw) -> int:
    return memoryview(raw).nbytes


def _begins(raw: msgspec.Raw) -> bytes:
    return bytes(memoryview(raw)[:1])


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


def _check_count(messages: int, limits: GatewayLimits) -> None:
    if messages > limits.max_messages:
        text = f"There are {messages} messages; at most {limits.max_messages} are taken (gateway.limits.max_messages)."
        raise InvalidRequest(text, param="messages", code="too_many_messages")


def user_request(parsed: Parsed, operation: Operation, **facts: Any) -> UserRequest:
    """Return the request that a body is.

    Raises:
        InvalidRequest: it asks for what no model could answer.
    """
    return UserRequest(body=parsed.fields, view=parsed.view, operation=operation, **facts)
