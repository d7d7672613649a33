"""How a failure is recovered from: what was decided, what was done, how it was confirmed, and what was learned."""

from typing import Literal

import msgspec

from guardian_cluster.domain.action import Move, MoveKind, Scope
from guardian_cluster.domain.diagnosis import Cause, Diagnosis
from guardian_cluster.domain.incident import Severity
from guardian_cluster.domain.observation import Signal, Slice

Autonomy = Literal["observe", "propose", "act"]
"""Of reversible recovery: only look; say what one would do; do it."""

StrategyType = Literal["automatic", "backup_activation", "manual"]


class SeverityAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """How bad a failure is."""

    severity: Severity
    users_affected: float
    """The share of the specialist's requests that it concerns, 0 to 1."""
    effect: float
    """How much more than expected such a request loses, 0 to 1."""
    requests_per_minute: float
    """Of those it concerns."""
    alike: float = 1.0
    """Their share, 0 to 1, among the requests that are like them but for who answers: what a move that has others
    answer is seen by."""
    known_after_s: float = 0.0
    """So long it takes until one that fails is known to have failed."""
    marked: float | None = None
    """The mean loss by callers' own marks, where nothing else shows the failure: then only what has a mark tells of
    it. `None` where every request tells."""
    why: str
    """One sentence."""


class DiagnosticReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an emergency diagnosis found."""

    at: float
    diagnosis: Diagnosis | None = None
    """`None` where nothing can be said yet."""
    pattern_id: str = ""
    """The failure pattern that it was known by; empty where it was diagnosed from scratch."""
    helped: str = ""
    """The kind of move that helped then."""
    requests: int = 0
    """Looked at."""


class PlannedMove(msgspec.Struct, frozen=True, kw_only=True):
    """One move that may help, with all that is needed to judge, bound and undo it."""

    kind: MoveKind
    moves: tuple[Move, ...]
    """Made together: a fault of a model is drained at each of its endpoints."""
    scope: Scope
    blast_radius: float
    """The share of the specialist's requests that it concerns, 0 to 1."""
    hold_s: float
    """After so long it undoes itself."""
    why: str


class RecoveryStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, best first: the next where one does not help; people where none does."""

    type: StrategyType
    cause: Cause | None
    probability: float = 0.0
    plans: tuple[PlannedMove, ...] = ()
    backup: PlannedMove | None = None
    """What is activated where people are called, and where no plan helps."""
    page: bool = False
    """Whether people are called now."""
    autonomy: Autonomy = "act"
    """How far recovery might go by itself when this was decided."""
    why: str = ""


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """The failed operation, done again against the specialist under its watcher."""

    tried: int = 0
    well: int = 0
    said: str = ""
    """Why none could be tried, or what was found."""


ValidationState = Literal["confirmed", "failed", "undecided"]


class ValidationResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether those whom the failure concerned are served well now, as a test says and never time alone."""

    state: ValidationState
    e_value: float = 1.0
    """Evidence against `it is still bad`; 20 refutes it, whenever one looks (Ville's inequality)."""
    requests: int = 0
    observed: float = 0.0
    """The mean loss of requests since."""
    bad: float = 1.0
    """What `still bad` is: from this mean loss on."""
    retried: Retried = Retried()


class RecoveryOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was done."""

    action_ids: tuple[str, ...] = ()
    """All that were taken, those included that were undone again."""
    kept: tuple[str, ...] = ()
    """Those that are in force."""
    backup: str = ""
    """The backup that was activated."""
    escalated: bool = False
    """Whether people were called."""
    proposed: tuple[PlannedMove, ...] = ()
    """What would have been done, had autonomy, budget or a lease allowed it."""
    said: str = ""
    ended: float = 0.0
    """Unix time."""


class RecoveryResult(msgspec.Struct, frozen=True, kw_only=True):
    """One failure event, handled."""

    failure_event_id: str
    incident_id: str
    recovery_strategy: RecoveryStrategy
    recovery_outcome: RecoveryOutcome
    validation_result: ValidationResult
    severity_assessment: SeverityAssessment
    diagnostic_report: DiagnosticReport
    recovery_duration: float
    """Seconds from the event to the end of what was done about it."""


MAX_PATTERNS = 200
"""Of a specialist: each is compared with every failure of it, while its users wait."""


class FailurePattern(msgspec.Struct, frozen=True, kw_only=True):
    """A failure that was seen before: how it is known again, and what helped."""

    id: str
    """Of its signature, cause, specialist and scope: the same fault makes the same pattern."""
    specialist: str
    cause: Cause
    signal: Signal
    where: Slice = ()
    signature: str = ""
    """What its failures had in common (`Diagnosis.signature`); hostile text."""
    fingerprint: tuple[int, ...] = ()
    """Hashes that its bad answers share."""
    seen: int = 1
    last: float = 0.0
    """Unix time."""
    helped: str = ""
    """The kind of move that helped last."""

    def joined(self, other: "FailurePattern") -> "FailurePattern":
        """Return what both know of one pattern: how often it was seen in all, and the rest as it was seen last."""
        older, newer = sorted((self, other), key=lambda each: each.last)
        return msgspec.structs.replace(
            newer,
            seen=self.seen + other.seen,
            signature=newer.signature or older.signature,
            fingerprint=newer.fingerprint or older.fingerprint,
            helped=newer.helped or older.helped,
        )


class PlayCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often one kind of move was confirmed to help against one cause, of one specialist or (empty) of any."""

    cause: Cause | None
    kind: MoveKind
    specialist: str = ""
    helped: int = 0
    failed: int = 0
