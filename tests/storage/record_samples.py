"""Reports and batches for the tests of storage."""

from pathlib import Path

from hypothesis import strategies as st
from sample_records import NOON
from sample_records import request_record as request
from sqlalchemy import Engine

from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import (
    AssessmentRecord,
    AttemptRecord,
    CandidateRecord,
    ContextRecord,
    Feedback,
    GatewayEvent,
    PartRecord,
    Payload,
    RequestRecord,
    RoutingRecord,
    ScoreRecord,
    VerdictRecord,
)
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.records import Written, write_batch

ALL_BODIES = RecordPolicy(bodies="all")


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
    continues_at=st.none() | st.integers(0, 10_000),
    hedges=st.booleans(),
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
shares = st.floats(0, 1)
several_names = st.lists(names, max_size=2).map(tuple)
scores = st.builds(ScoreRecord, detector=names, value=shares)
candidates = st.builds(
    CandidateRecord,
    specialist=names,
    success=shares,
    trust=shares,
    cost_usd=shares,
    latency_s=times,
    probability=shares,
)
routings = st.builds(
    RoutingRecord,
    policy=names,
    reason=names,
    explored=st.booleans(),
    complexity=shares,
    requirements=several_names,
    candidates=st.lists(candidates, max_size=2).map(tuple),
    price=times,
    features=st.binary(max_size=8),
)
assessments = st.builds(
    AssessmentRecord,
    specialist=names,
    part=st.integers(1, 3),
    p_wrong=shares,
    decision=names,
    failed=several_names,
    agreed=st.none() | st.booleans(),
    features=st.binary(max_size=8),
)
parts = st.builds(
    PartRecord,
    number=st.integers(1, 5),
    requirement=names,
    specialist=maybe_names,
    outcome=st.sampled_from(["ok", "failed", "late"]),
    error=maybe_names,
    shared=several_names,
)
contexts = st.builds(
    ContextRecord,
    history=st.integers(0, 9),
    left_out=st.integers(0, 9),
    left_out_tokens=st.integers(0, 9),
    remembered=st.booleans(),
    problem=maybe_names,
)
requests = st.builds(
    request,
    id=st.text("xyz", min_size=1, max_size=2),
    started=st.floats(NOON, NOON + 600),
    tenant=names,
    key=maybe_names,
    requested_model=st.sampled_from(["a", "auto"]),
    streamed=st.booleans(),
    specialist=maybe_names,
    endpoint=maybe_names,
    variant=maybe_names,
    attempts=st.lists(attempts, max_size=2).map(tuple),
    verdicts=st.lists(verdicts, max_size=2).map(tuple),
    scores=st.lists(scores, max_size=2).map(tuple),
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
    session=maybe_names,
    routing=st.none() | routings,
    assessments=st.lists(assessments, max_size=2).map(tuple),
    parts=st.lists(parts, max_size=2, unique_by=lambda part: part.number)
    .map(lambda found: sorted(found, key=lambda part: part.number))
    .map(tuple),
    context=st.none() | contexts,
    moves=several_names,
)
"""Requests of few different ids, so that some occur twice."""


def routed(id: str = "r1", **changes: object) -> RequestRecord:
    """Return a request with all that can hang on it."""
    candidate = CandidateRecord(
        specialist="solver", success=0.9, trust=0.5, cost_usd=0.001, latency_s=1.0, probability=0.97
    )
    values: dict[str, object] = {
        "routing": RoutingRecord(
            policy="auto", reason="best", requirements=("code",), candidates=(candidate,), features=b"f"
        ),
        "assessments": (AssessmentRecord(specialist="solver", p_wrong=0.1, decision="accept"),),
        "scores": (ScoreRecord(detector="harm", value=0.25),),
        "parts": (PartRecord(number=1, requirement="code", specialist="solver", outcome="ok"),),
        "context": ContextRecord(history=2),
    }
    return request(id, **(values | changes))
