"""What a gateway reports upwards: one record a request, feedback about it, and events of its own.

All are best effort by contract: they leave in batches through a bounded queue, are spooled while the receiver
is away, and what does not fit is dropped *and counted* (`GatewayEvent` of kind `dropped`). Writing one never
delays an answer.
"""

from typing import Literal

from guardian_cluster.contract.snapshot import Frozen
from guardian_cluster.domain.verdict import Action

Outcome = Literal["ok", "cut", "error", "cancelled", "refused"]
"""ok: the answer is complete; cut: a watcher ended it; error: it failed; cancelled: the client left; refused: never
tried."""


class AttemptRecord(Frozen, frozen=True, kw_only=True):
    """One try at one endpoint."""

    specialist: str
    endpoint: str
    outcome: Literal["ok", "failed", "cut", "cancelled"]
    error: str | None = None
    """The stable code of the failure, such as `upstream_timeout`."""
    duration_ms: float
    first_token_ms: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    tokens_estimated: bool = False
    """True where the model reported no usage and the counts are characters / 4."""
    cost_usd: float = 0.0
    continues_at: int | None = None
    """Where it went on with an answer that had broken off: so many characters had left. `None` where it began anew."""
    hedges: bool = False
    """Whether it was asked while another attempt was late."""
    said: str = ""
    """What the endpoint said of its failure, as a template: numbers and names are masked. Empty where it said none."""


class VerdictRecord(Frozen, frozen=True, kw_only=True):
    """What one detector found; never the text it found."""

    detector: str
    rule: str
    action: Action
    channel: str
    choice: int
    position: int
    """Offset of the finding in its channel, in characters as the model wrote them."""
    endpoint: str = ""
    """Whose answer it was found in; empty of the request itself, and of what several wrote together."""


class ScoreRecord(Frozen, frozen=True, kw_only=True):
    """How much one detector suspected, 0 to 1: what thresholds are learned from."""

    detector: str
    value: float


class CandidateRecord(Frozen, frozen=True, kw_only=True):
    """One specialist as the router saw it before anyone was asked."""

    specialist: str
    success: float
    """The estimated probability of a right answer."""
    trust: float
    """How far that rests on verdicts rather than on what holds for any specialist: 0 to 1."""
    cost_usd: float
    """Estimated, for one answer."""
    latency_s: float
    probability: float
    """With which it was chosen."""


class RoutingRecord(Frozen, frozen=True, kw_only=True):
    """A choice that was left to the router, with what is needed to judge and to learn from it.

    Where there was nobody to choose from there are no candidates, and nothing to learn.
    """

    policy: str
    """As asked for: `auto`, `auto:cheap`, `auto:fast` or `auto:best`."""
    reason: str
    explored: bool = False
    complexity: float = 0.0
    """0 to 1."""
    requirements: tuple[str, ...] = ()
    candidates: tuple[CandidateRecord, ...] = ()
    price: float = 0.0
    """The pacer's dual price: what a dollar weighed more than one."""
    features: bytes = b""
    """The question's features under the installation's own salt; its words cannot be read from them."""


class AssessmentRecord(Frozen, frozen=True, kw_only=True):
    """One specialist's answer as the quality assurance found it."""

    specialist: str
    part: int = 1
    p_wrong: float
    decision: str
    """`accept`, `escalate`, `second_opinion`; `last` where nobody else could be asked, `too_late` where it had left."""
    failed: tuple[str, ...] = ()
    """The checks that did not hold."""
    agreed: bool | None = None
    """Whether it says the same as the answer before it; `None` where there was none to compare with."""
    features: bytes = b""


class PartRecord(Frozen, frozen=True, kw_only=True):
    """One part of a request that was taken apart."""

    number: int
    requirement: str
    specialist: str | None
    """Who answered it; `None` where nobody did."""
    outcome: Literal["ok", "failed", "late"]
    error: str | None = None
    shared: tuple[str, ...] = ()
    """What its watcher was told by the others while it ran."""


class ContextRecord(Frozen, frozen=True, kw_only=True):
    """What a specialist was shown of a conversation."""

    history: int = 0
    """Messages of earlier requests."""
    left_out: int = 0
    left_out_tokens: int = 0
    remembered: bool = False
    """Whether this request and its answer were kept for the next."""
    problem: str | None = None


class RequestRecord(Frozen, frozen=True, kw_only=True):
    """One request, from acceptance to the end of its answer."""

    id: str
    started: float
    """Unix time in seconds."""
    tenant: str
    key: str | None
    """The public part of the key."""
    requested_model: str
    operation: Literal["chat", "embeddings"] = "chat"
    streamed: bool
    specialist: str | None
    endpoint: str | None
    variant: str | None
    propensity: float = 1.0
    """The probability with which this specialist and variant were chosen."""
    attempts: tuple[AttemptRecord, ...] = ()
    verdicts: tuple[VerdictRecord, ...] = ()
    scores: tuple[ScoreRecord, ...] = ()
    """Of the answer that left, and of what it was asked with."""
    quality: float | None = None
    intent_alignment: float | None = None
    outcome: Outcome
    status: int
    """The HTTP status the client saw."""
    error: str | None = None
    finish_reason: str | None = None
    input_tokens: int = 0
    """Of all attempts, as all that follows to the cost: those that failed and those that were withheld are paid for."""
    output_tokens: int = 0
    tokens_estimated: bool = False
    """True where a model reported no usage and its counts are characters / 4."""
    cost_usd: float = 0.0
    duration_ms: float
    overhead_ms: float
    """Time of the request spent in the gateway itself rather than waiting for a model."""
    first_token_ms: float | None = None
    chunks: int = 0
    rev: int
    """The snapshot under which it was served."""
    session: str | None = None
    """The conversation, as its caller names it."""
    routing: RoutingRecord | None = None
    assessments: tuple[AssessmentRecord, ...] = ()
    """Of every answer that was checked, in the order in which they came."""
    parts: tuple[PartRecord, ...] = ()
    """Empty where the request was left whole."""
    context: ContextRecord | None = None
    model: str | None = None
    """The model of the endpoint that answered, as the configuration names it."""
    language: str = ""
    """In which the question is, as far as could be told; empty where it could not."""
    template: str = ""
    """A hash of the instructions that the request came with, numbers left out; empty where there were none."""
    words: bytes = b""
    """What the question is about: its longest words as numbers under the installation's own salt."""
    fingerprint: bytes = b""
    """Hashes of an answer in which something was found, so that bad answers of one kind are known again."""
    moves: tuple[str, ...] = ()
    """Ids of the actions in force that changed its way."""


class Payload(Frozen, frozen=True, kw_only=True):
    """The words of one request, where the operator chose to keep them; redacted as the caller saw them."""

    request_id: str
    tenant: str
    recorded: float
    request_body: bytes
    response_text: str


class Feedback(Frozen, frozen=True, kw_only=True):
    """What a caller said about an answer."""

    request_id: str
    tenant: str
    received: float
    score: float | None = None
    """0 is useless, 1 is perfect."""
    label: str | None = None
    comment: str | None = None


class GatewayEvent(Frozen, frozen=True, kw_only=True):
    """Something a gateway noticed about itself or about an endpoint; or the control process, about its traffic."""

    kind: Literal[
        "started",
        "stopped",
        "snapshot_applied",
        "snapshot_refused",
        "endpoint_failing",
        "endpoint_recovered",
        "endpoint_ejected",
        "endpoint_readmitted",
        "overloaded",
        "worker_restarted",
        "dropped",
        "scores_drifted",
    ]
    at: float
    subject: str = ""
    """The endpoint, revision, kind of record, or detector, specialist and tenant concerned."""
    detail: str = ""
    count: int = 1


class Spend(Frozen, frozen=True, kw_only=True):
    """What a key has cost in one calendar month (UTC), sent down so that budgets survive a restart."""

    key: str
    month: str
    """As in `2026-11`."""
    usd: float


Report = RequestRecord | Payload | Feedback | GatewayEvent
