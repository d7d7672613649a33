"""Reports and batches for the tests of storage."""

from pathlib import Path

from hypothesis import strategies as st
from sqlalchemy import Engine

from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import (
    AttemptRecord,
    Feedback,
    GatewayEvent,
    Payload,
    RequestRecord,
    VerdictRecord,
)
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.records import Written, write_batch

NOON = 1_763_812_800.0
"""22 November 2025, 12:00 UTC."""

ALL_BODIES = RecordPolicy(bodies="all")


def request(id: str = "r1", **changes: object) -> RequestRecord:
    values: dict[str, object] = {
        "id": id,
        "started": NOON,
        "tenant": "acme",
        "key": "k1",
        "requested_model": "auto",
        "streamed": False,
        "specialist": "solver",
        "endpoint": "solver/1",
        "variant": "v1",
        "outcome": "ok",
        "status": 200,
        "duration_ms": 100.0,
        "overhead_ms": 1.0,
        "rev": 1,
    }
    return RequestRecord(**(values | changes))  # type: ignore[arg-type]


def payload(request_id: str = "r1", recorded: float = NOON) -> Payload:
    return Payload(
        request_id=request_id, tenant="acme", recorded=recorded, request_body=b"{}", response_text="42"
    )


def feedback(request_id: str = "r1", received: float = NOON) -> Feedback:
    return Feedback(request_id=request_id, tenant="acme", received=received, score=1.0)


def event(at: float = NOON) -> GatewayEvent:
    return GatewayEvent(kind="endpoint_failing", at=at, subject="solver/1")


def batch(*requests: RequestRecord, sequence: int = 1, boot_id: str = "boot", **more: object) -> Batch:
    return Batch(id=BatchId(boot_id, sequence), requests=requests, **more)  # type: ignore[arg-type]


def write(engine: Engine, given: Batch, policy: RecordPolicy = ALL_BODIES, now: float = NOON) -> Written:
    with engine.begin() as connection:
        return write_batch(connection, given, now=now, policy=policy)


def opened(folder: Path) -> Engine:
    return open_database(folder / FILE_NAME, now=NOON)


names = st.sampled_from(["a", "b", "c"])
maybe_names = st.none() | names
times = st.floats(0, 1e6)
attempts = st.builds(
    AttemptRecord,
    specialist=names,
    endpoint=names,
    outcome=st.sampled_from(["ok", "failed", "cut"]),
    error=maybe_names,
    duration_ms=times,
    first_token_ms=st.none() | times,
)
verdicts = st.builds(
    VerdictRecord,
    detector=names,
    rule=names,
    action=st.sampled_from(["observe", "cut"]),
    channel=names,
    choice=st.integers(0, 3),
    position=st.integers(0, 10_000),
)
requests = st.builds(
    request,
    id=st.text("xyz", min_size=1, max_size=2),
    started=st.floats(NOON, NOON + 600),
    tenant=names,
    key=maybe_names,
    streamed=st.booleans(),
    specialist=maybe_names,
    endpoint=maybe_names,
    variant=maybe_names,
    attempts=st.lists(attempts, max_size=2).map(tuple),
    verdicts=st.lists(verdicts, max_size=2).map(tuple),
    quality=st.none() | st.floats(0, 1),
    intent_alignment=st.none() | st.floats(0, 1),
    outcome=st.sampled_from(["ok", "cut", "error"]),
    error=maybe_names,
    input_tokens=st.integers(0, 10_000),
    output_tokens=st.integers(0, 10_000),
    cost_usd=st.floats(0, 10),
    duration_ms=times,
    overhead_ms=times,
    first_token_ms=st.none() | times,
)
"""Requests of few different ids, so that some occur twice."""
