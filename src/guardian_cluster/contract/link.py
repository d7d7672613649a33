"""How reports travel from a gateway to the control process: frames, messages, and what a newer peer may add.

A frame is four bytes of length, most significant first, and one message in MessagePack. A gateway begins with
`Hello` and the control process answers `Welcome`; then `Batch` and `Applied` go up, `Ack` comes down. Pure:
bytes in, values out (docs/design/contract.md).
"""

import struct
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Literal, TypeVar, cast

import msgspec
from msgspec import inspect

from guardian_cluster.contract.records import Feedback, GatewayEvent, Payload, Report, RequestRecord, Spend

VERSION = 2
"""2: `Ack.opening`.

Peers whose versions differ by more than one refuse each other."""

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""A gateway's batches are under 1 MB, so that nothing honest comes near."""

ReportKind = Literal["request", "payload", "feedback", "event"]

KINDS: Mapping[type, ReportKind] = {
    RequestRecord: "request",
    Payload: "payload",
    Feedback: "feedback",
    GatewayEvent: "event",
}
"""Every type of report and the name under which it is counted and sent."""

_LENGTH = struct.Struct(">I")
_Value = TypeVar("_Value")


class LinkError(Exception):
    """The peer sent what is no frame or message of this protocol; the connection must be closed."""


class BatchId(msgspec.Struct, frozen=True):
    """Which batch: the receiver takes each at most once.

    The batches of one boot and the same `spooled` have growing sequences and are sent in that order, so that
    the receiver need only remember the highest one (gaps are batches that were dropped).
    """

    boot_id: str
    sequence: int
    spooled: bool = False
    """Batches that went by way of the disk are numbered apart, because fresh ones overtake them."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """The base of all messages; fields of a newer version are ignored."""


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """The gateway introduces itself."""

    version: int
    gateway_boot_id: str
    applied_rev: int


class Applied(Message, frozen=True, kw_only=True, tag="applied"):
    """The gateway serves under this revision of the snapshot from now on."""

    rev: int


class Batch(Message, frozen=True, kw_only=True, tag="batch"):
    """Reports of one gateway, to be taken all together or not at all."""

    id: BatchId
    requests: tuple[RequestRecord, ...] = ()
    payloads: tuple[Payload, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    events: tuple[GatewayEvent, ...] = ()
    unreadable: int = 0
    """Reports that this version could not read at all; set by the reader."""


class Welcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """The control process is ready to take batches."""

    version: int


class Ack(Message, frozen=True, kw_only=True, tag="ack"):
    """A batch is on disk, and these keys have spent this much; without a batch only the latter."""

    batch: BatchId | None = None
    spend: tuple[Spend, ...] = ()
    opening: bool = False
    """Whether it answers a hello: all that was spent this month, and not only news of it."""


Up = Hello | Batch | Applied
Down = Welcome | Ack


class _RawBatch(Message, frozen=True, kw_only=True, tag="batch"):
    """A batch whose reports are encoded each on its own, so that one that cannot be read harms no other."""

    id: BatchId
    requests: tuple[msgspec.Raw, ...] = ()
    payloads: tuple[msgspec.Raw, ...] = ()
    feedback: tuple[msgspec.Raw, ...] = ()
    events: tuple[msgspec.Raw, ...] = ()


class _RawAck(Message, frozen=True, kw_only=True, tag="ack"):
    batch: BatchId | None = None
    spend: tuple[msgspec.Raw, ...] = ()
    opening: bool = False


class _AnyKind(msgspec.Struct):
    kind: str


class _BatchIdOnly(Message, frozen=True, kw_only=True, tag="batch"):
    id: BatchId


_encoder = msgspec.msgpack.Encoder()
_up = msgspec.msgpack.Decoder(Hello | Applied | _RawBatch)
_down = msgspec.msgpack.Decoder(Welcome | _RawAck)
_kind = msgspec.msgpack.Decoder(_AnyKind)
_batch_id = msgspec.msgpack.Decoder(_BatchIdOnly)
_UP_KINDS = frozenset({"hello", "applied", "batch"})
_DOWN_KINDS = frozenset({"welcome", "ack"})


def compatible(version: int) -> bool:
    """Tell whether a peer of this version can be talked to: the same, one older or one newer."""
    return abs(version - VERSION) <= 1


def encode_report(report: Report) -> bytes:
    """Return one report as it goes into a batch.

    Raises `ValueError` (as `UnicodeEncodeError`), `OverflowError` or `TypeError` for what cannot be sent.
    """
    return _encoder.encode(report)


def encode_batch(id: BatchId, reports: Mapping[ReportKind, Iterable[bytes]]) -> bytes:
    """Return the body of a batch, made of reports that were encoded before.

    It becomes a frame behind its `header`. The two are not joined here: that would copy it once more.
    Raises `LinkError` where it would be larger than any receiver takes.
    """
    raw = {kind: tuple(map(msgspec.Raw, encoded)) for kind, encoded in reports.items()}
    batch = _RawBatch(
        id=id,
        requests=raw.get("request", ()),
        payloads=raw.get("payload", ()),
        feedback=raw.get("feedback", ()),
        events=raw.get("event", ()),
    )
    body = _encoder.encode(batch)
    if len(body) > MAX_FRAME_BYTES:
        raise LinkError(f"a frame of {len(body):,} bytes is over the limit of {MAX_FRAME_BYTES:,}")
    return body


def header(body: bytes) -> bytes:
    """Return what comes before a body to make it a frame."""
    return _LENGTH.pack(len(body))


def encode_message(message: Message) -> bytes:
    """Return the frame of a message."""
    body = _encoder.encode(message)
    return header(body) + body


def decode_up(body: bytes) -> Up | None:
    """Read what a gateway sent; `None` is a kind of message that only a newer version knows, to be ignored.

    Raises `LinkError` for anything else that cannot be read.
    """
    message = decode_message(_up, body, _UP_KINDS)
    return _read_batch(message) if isinstance(message, _RawBatch) else message


def decode_down(body: bytes) -> Down | None:
    """Read what the control process sent, as `decode_up` does."""
    message = decode_message(_down, body, _DOWN_KINDS)
    if not isinstance(message, _RawAck):
        return message
    spend = _read_all(message.spend, Spend)
    return Ack(batch=message.batch, spend=spend, opening=message.opening)


def batch_id_of(body: bytes) -> BatchId:
    """Return the id of an encoded batch. Raises `LinkError` where it is none."""
    try:
        return _batch_id.decode(body).id
    except (msgspec.MsgspecError, RecursionError) as error:
        raise LinkError(f"no batch: {error}") from error


def decode_message(
    decoder: msgspec.msgpack.Decoder[_Value], body: bytes, known: frozenset[str]
) -> _Value | None:
    """Read a message; `None` is one of a kind that is not among those `known`, from a newer peer.

    Raises `LinkError` for anything else that cannot be read.
    """
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        if _kind_of(body) not in known:
            return None
        raise LinkError(f"unreadable message of {len(body):,} bytes: {error}") from error


def _kind_of(body: bytes) -> str:
    try:
        return _kind.decode(body).kind
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise LinkError(f"unreadable message of {len(body):,} bytes: {error}") from error


def _read_batch(raw: _RawBatch) -> Batch:
    batch = Batch(
        id=raw.id,
        requests=_read_all(raw.requests, RequestRecord),
        payloads=_read_all(raw.payloads, Payload),
        feedback=_read_all(raw.feedback, Feedback),
        events=_read_all(raw.events, GatewayEvent),
    )
    sent = len(raw.requests) + len(raw.payloads) + len(raw.feedback) + len(raw.events)
    return msgspec.structs.replace(batch, unreadable=sent - count_reports(batch))


def count_reports(batch: Batch) -> int:
    """Return how many reports a batch holds."""
    return len(batch.requests) + len(batch.payloads) + len(batch.feedback) + len(batch.events)


def _read_all(items: Iterable[msgspec.Raw], kind: type[_Value]) -> tuple[_Value, ...]:
    read = (read_known(item, kind) for item in items)
    return tuple(value for value in read if value is not None)


def read_known(item: msgspec.Raw | bytes, kind: type[_Value]) -> _Value | None:
    """Read one contract value without the fields unknown to this version; `None` where that is not enough."""
    try:
        return _decoder(kind).decode(item)
    except msgspec.MsgspecError:
        pass  # Contract values refuse unknown fields, and a newer peer may send some: once more without them.
    try:
        known = _without_unknown(msgspec.msgpack.decode(item), _description(kind))
        return msgspec.convert(known, kind)
    except (msgspec.MsgspecError, ValueError):
        return None


@cache
def _decoder(kind: type[_Value]) -> msgspec.msgpack.Decoder[_Value]:
    return msgspec.msgpack.Decoder(kind)


@cache
def _description(kind: type) -> inspect.Type:
    return inspect.type_info(kind)


def _without_unknown(value: object, kind: inspect.Type) -> object:
    """Return plain data without the fields that the structs of `kind` do not have, at any depth."""
    if isinstance(kind, inspect.StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in kind.fields}
        items = cast("dict[str, object]", value).items()
        return {name: _without_unknown(item, fields[name]) for name, item in items if name in fields}
    if isinstance(kind, inspect.VarTupleType) and isinstance(value, list):
        return [_without_unknown(item, kind.item_type) for item in cast("list[object]", value)]
    return value


class FrameSplitter:
    """Cuts a byte stream into the bodies of its frames, however the bytes arrive."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies that `data` completes. Raises `LinkError` once a length is over the limit."""
        self._pending += data
        bodies: list[bytes] = []
        start = 0
        while (end := self._frame_end(start)) is not None:
            bodies.append(bytes(self._pending[start + _LENGTH.size : end]))
            start = end
        del self._pending[:start]
        return bodies

    def _frame_end(self, start: int) -> int | None:
        if len(self._pending) - start < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._pending, start)
        if length > MAX_FRAME_BYTES:
            raise LinkError(f"a frame of {length:,} bytes was announced; the limit is {MAX_FRAME_BYTES:,}")
        end = start + _LENGTH.size + length
        return end if end <= len(self._pending) else None
