"""Records from which the router can learn."""

from hypothesis import strategies as st
from sample_records import NOON, request_record

from guardian_cluster.contract.records import (
    AssessmentRecord,
    AttemptRecord,
    CandidateRecord,
    Feedback,
    RequestRecord,
    RoutingRecord,
)
from guardian_cluster.statistics.hashing import TextHasher

HASHER = TextHasher(b"salt of the tests")
EASY = HASHER.features("What is the capital of France, and who founded it?").encode()
HARD = HASHER.features("Prove that every bounded sequence of reals has a convergent subsequence.").encode()


def attempt(specialist: str) -> AttemptRecord:
    return AttemptRecord(specialist=specialist, endpoint=f"{specialist}/1", outcome="ok", duration_ms=1.0)


def assessed(specialist: str, p_wrong: float = 0.2, **changes: object) -> AssessmentRecord:
    values: dict[str, object] = {"decision": "accept", "features": b"answer of " + specialist.encode()}
    return AssessmentRecord(specialist=specialist, p_wrong=p_wrong, **(values | changes))  # type: ignore[arg-type]


def candidate(specialist: str, probability: float, cost_usd: float = 0.001) -> CandidateRecord:
    return CandidateRecord(
        specialist=specialist,
        success=0.5,
        trust=0.5,
        cost_usd=cost_usd,
        latency_s=1.0,
        probability=probability,
    )


def routed(
    id: str = "r1", *, question: bytes = EASY, specialist: str = "small", **changes: object
) -> RequestRecord:
    """Return a request that the router gave to a specialist."""
    candidates = (candidate("small", 0.8), candidate("large", 0.2))
    routing = RoutingRecord(policy="auto", reason="best", features=question, candidates=candidates)
    values: dict[str, object] = {
        "specialist": specialist,
        "routing": routing,
        "attempts": (attempt(specialist),),
    }
    return request_record(id, **(values | changes))


def feedback(
    id: str = "r1", score: float | None = 1.0, *, tenant: str = "acme", after_s: float = 1.0
) -> Feedback:
    return Feedback(request_id=id, tenant=tenant, received=NOON + after_s, score=score)


names = st.sampled_from(["small", "large", "third"])
numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 1)
assessments = st.builds(
    assessed,
    names,
    numbers,
    part=st.integers(1, 2),
    agreed=st.none() | st.booleans(),
    features=st.binary(max_size=4),
)
records = st.builds(
    routed,
    id=st.text("ab", min_size=1, max_size=2),
    question=st.sampled_from([EASY, HARD, b"", b"damaged"]),
    specialist=names,
    started=st.floats(NOON, NOON + 600) | numbers,
    tenant=st.sampled_from(["acme", "rival"]),
    outcome=st.sampled_from(["ok", "cut", "error", "cancelled"]),
    assessments=st.lists(assessments, max_size=4).map(tuple),
)
marks = st.builds(
    feedback,
    st.text("ab", min_size=1, max_size=2),
    st.none() | numbers,
    tenant=st.sampled_from(["acme", "rival"]),
    after_s=st.floats(0, 100),
)
