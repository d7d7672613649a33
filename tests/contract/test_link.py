from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_records import request_record

from guardian_cluster.contract import link
from guardian_cluster.contract.link import (
    KINDS,
    MAX_FRAME_BYTES,
    VERSION,
    Ack,
    Applied,
    Batch,
    BatchId,
    FrameSplitter,
    Hello,
    LinkError,
    Welcome,
)
from guardian_cluster.contract.records import (
    AttemptRecord,
    Feedback,
    GatewayEvent,
    Payload,
    Report,
    Spend,
    VerdictRecord,
)

ATTEMPT = AttemptRecord(specialist="s", endpoint="s/1", outcome="ok", duration_ms=12.5)
VERDICT = VerdictRecord(detector="d", rule="r", action="cut", channel="content", choice=0, position=3)
REQUEST = request_record(
    streamed=True, variant=None, attempts=(ATTEMPT, ATTEMPT), verdicts=(VERDICT,), overhead_ms=0.5
)
PAYLOAD = Payload(request_id="r1", tenant="t", recorded=1.7e9, request_body=b"\x00\xff", response_text="é😀")
FEEDBACK = Feedback(request_id="r1", tenant="t", received=1.7e9, score=0.5, comment="fine")
EVENT = GatewayEvent(kind="endpoint_failing", at=1.7e9, subject="s/1")
ID = BatchId("boot", 7, True)


def body_of(frame: bytes) -> bytes:
    (body,) = FrameSplitter().feed(frame)
    return body


def batch_body(*reports: Report) -> bytes:
    encoded = {
        kind: [link.encode_report(r) for r in reports if KINDS[type(r)] == kind] for kind in KINDS.values()
    }
    return link.encode_batch(ID, encoded)


def peer_batch(**lists: list[dict[str, object]]) -> bytes:
    """Return a batch as a peer of another version might write it."""
    return msgspec.msgpack.encode({"kind": "batch", "id": msgspec.to_builtins(ID), **lists})


@given(st.lists(st.binary(max_size=300), max_size=5), st.data())
def test_frames_come_out_whole_however_the_bytes_arrive(bodies: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(len(body).to_bytes(4) + body for body in bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    splitter = FrameSplitter()

    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    found = [body for piece in pieces for body in splitter.feed(piece)]

    assert found == bodies


def test_a_frame_over_the_limit_is_refused_before_it_arrives() -> None:
    with pytest.raises(LinkError, match="16,777,217 bytes was announced"):
        FrameSplitter().feed((MAX_FRAME_BYTES + 1).to_bytes(4))


def test_a_message_over_the_limit_is_not_sent() -> None:
    huge = msgspec.structs.replace(PAYLOAD, request_body=bytes(MAX_FRAME_BYTES))

    with pytest.raises(LinkError, match="over the limit"):
        batch_body(huge)


@pytest.mark.parametrize("message", [Hello(version=1, gateway_boot_id="b", applied_rev=3), Applied(rev=9)])
def test_what_goes_up_is_read_as_it_was_sent(message: Hello | Applied) -> None:
    assert link.decode_up(body_of(link.encode_message(message))) == message


@pytest.mark.parametrize(
    "message",
    [Welcome(version=1), Ack(batch=ID, spend=(Spend(key="k", month="2026-11", usd=1.5),)), Ack()],
)
def test_what_goes_down_is_read_as_it_was_sent(message: Welcome | Ack) -> None:
    assert link.decode_down(body_of(link.encode_message(message))) == message


def test_a_batch_is_read_as_it_was_sent_report_by_report() -> None:
    body = batch_body(REQUEST, PAYLOAD, FEEDBACK, EVENT, REQUEST)

    assert body_of(link.header(body) + body) == body
    assert link.decode_up(body) == Batch(
        id=ID, requests=(REQUEST, REQUEST), payloads=(PAYLOAD,), feedback=(FEEDBACK,), events=(EVENT,)
    )
    assert link.batch_id_of(body) == ID


def test_fields_that_a_newer_gateway_adds_are_ignored_at_any_depth() -> None:
    record = msgspec.to_builtins(REQUEST) | {"flavour": "sweet"}
    record["attempts"][0]["tries"] = {"deep": [1]}

    batch = link.decode_up(peer_batch(requests=[record], later=[{"a": 1}]))

    assert batch == Batch(id=ID, requests=(REQUEST,))


def test_fields_that_a_peer_does_not_know_yet_get_their_defaults() -> None:
    record = msgspec.to_builtins(REQUEST)
    for optional in ("verdicts", "quality", "finish_reason", "chunks"):
        del record[optional]

    batch = link.decode_up(peer_batch(requests=[record]))

    assert batch == Batch(id=ID, requests=(msgspec.structs.replace(REQUEST, verdicts=()),))


def test_an_older_message_without_optional_lists_is_read() -> None:
    assert link.decode_up(peer_batch()) == Batch(id=ID)


def test_a_report_that_cannot_be_read_harms_no_other_and_is_counted() -> None:
    known, later = msgspec.to_builtins(EVENT), msgspec.to_builtins(EVENT) | {"kind": "teleported"}

    batch = link.decode_up(peer_batch(events=[later, known, {}], requests=[{"id": 5}]))

    assert batch == Batch(id=ID, events=(EVENT,), unreadable=3)


def test_unknown_fields_of_a_newer_control_process_are_ignored() -> None:
    spend = {"key": "k", "month": "2026-11", "usd": 2, "eur": 1.8}
    body = msgspec.msgpack.encode({"kind": "ack", "batch": None, "spend": [spend], "mood": "good"})

    assert link.decode_down(body) == Ack(spend=(Spend(key="k", month="2026-11", usd=2.0),))


def test_a_kind_of_message_that_only_a_newer_peer_knows_is_passed_over() -> None:
    body = msgspec.msgpack.encode({"kind": "quota", "slice": 3})

    assert link.decode_up(body) is None
    assert link.decode_down(body) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\x81\xa4kind\xa5batch",
        b"\x81\xa4kind\xa5hello",
        b"\x81\xa4kind\xa1\xff",
        msgspec.msgpack.encode({"kind": "batch", "id": {"boot_id": 1, "sequence": "x"}}),
        msgspec.msgpack.encode({"kind": "batch", "id": msgspec.to_builtins(ID), "requests": 5}),
    ],
)
def test_a_message_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(LinkError, match="unreadable message"):
        link.decode_up(body)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_do_worse_than_be_refused(body: bytes) -> None:
    for decode in (link.decode_up, link.decode_down):
        with suppress(LinkError):
            assert decode(body) is None


@pytest.mark.parametrize("body", [b"", b"\x01", body_of(link.encode_message(Applied(rev=1)))])
def test_what_is_no_batch_has_no_batch_id(body: bytes) -> None:
    with pytest.raises(LinkError):
        link.batch_id_of(body)


@pytest.mark.parametrize(
    ("version", "expected"), [(VERSION, True), (VERSION + 1, True), (VERSION + 2, False)]
)
def test_peers_may_differ_by_one_version(version: int, expected: bool) -> None:
    assert link.compatible(version) is expected


def test_text_that_cannot_be_sent_is_an_error_of_the_report_alone() -> None:
    with pytest.raises(UnicodeEncodeError):
        link.encode_report(msgspec.structs.replace(FEEDBACK, comment="\ud800"))
