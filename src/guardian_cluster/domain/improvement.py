"""An improvement: one typed change that is proposed, with what it is for, what it rests on, and how to undo it."""

from typing import Literal

import msgspec

from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.observation import Signal, Slice

Scalar = str | int | float | bool | None
Motive = Literal["safety", "quality", "cost"]


class ThresholdChange(msgspec.Struct, frozen=True, kw_only=True, tag="threshold"):
    """From which score on a detector reports, for a specialist's answers to a tenant."""

    detector: str
    specialist: str
    tenant: str
    before: float | None
    after: float | None
    """`None`, which only the inverse of a first threshold has, is none again."""


class ParameterChange(msgspec.Struct, frozen=True, kw_only=True, tag="parameter"):
    """A request field that a new variant of the specialist uses where the request names none."""

    specialist: str
    name: str
    before: Scalar
    after: Scalar


class InstructionChange(msgspec.Struct, frozen=True, kw_only=True, tag="instructions"):
    """The system message of a new variant of the specialist."""

    specialist: str
    before: str | None
    after: str | None


class VariantChange(msgspec.Struct, frozen=True, kw_only=True, tag="variant"):
    """Another of the specialist's variants."""

    specialist: str
    before: str
    after: str


class SettingChange(msgspec.Struct, frozen=True, kw_only=True, tag="setting"):
    """One value of the configuration, named by its path as in `specialists.writer.timeouts.first_token_s`."""

    path: str
    before: Scalar | tuple[str, ...]
    after: Scalar | tuple[str, ...]


class DocumentChange(msgspec.Struct, frozen=True, kw_only=True, tag="documents"):
    """Documents that are to be looked through, or left out of answers, until somebody has."""

    specialist: str
    origins: tuple[str, ...] = ()
    """Empty where it is not known which."""
    withheld: bool = True
    """Whether they are left out from now on, or given back."""


Change = (
    ThresholdChange | ParameterChange | InstructionChange | VariantChange | SettingChange | DocumentChange
)

ReviewState = Literal["approved", "investigate"]


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a safety monitor holds against an improvement."""

    rule: str
    """`policy`, `blast-radius`, `injection`, `leakage`, `permissions`, `recipients` or `cost`."""
    said: str


class SafetyReview(msgspec.Struct, frozen=True, kw_only=True):
    """What a safety monitor says of an improvement: approved, or one that a person has to look into."""

    improvement_id: str
    at: float
    concerns: tuple[Concern, ...] = ()

    @property
    def state(self) -> ReviewState:
        """What follows from it."""
        return "investigate" if self.concerns else "approved"


class Improvement(msgspec.Struct, frozen=True, kw_only=True):
    """One proposed change of a specialist, a guardian or the router. Its inverse is its change turned round."""

    id: str
    """The same for the same change for the same reason, however often it is proposed."""
    specialist: str
    proposed: float
    proposer: str
    """The guardian: `optimizer` or `meta-guardian`; or a person's name."""
    motive: Motive
    change: Change
    reason: str
    """One sentence."""
    cause: Cause | None = None
    signal: Signal | None = None
    where: Slice = ()
    diagnosis_id: str = ""
    parent: str = ""
    """The variant that it changes, or the revision of the configuration."""
    record_ids: tuple[str, ...] = ()
    """The evidence, pinned: at most 50."""
    blast_radius: float = 1.0
    """The share of the specialist's requests that it concerns, 0 to 1."""
    cost_ratio: float = 1.0
    """What a request is expected to cost then, in parts of what it costs now."""


QueueState = Literal[
    "investigated", "queued", "approved", "rejected", "blocked", "taken", "applied", "undone"
]
"""investigated: a safety investigation is open; queued: safe, waits for a person or workflow 3; approved: a person said
yes; rejected: a person said no; blocked: the investigation upheld the concern; taken: workflow 3 has it; applied and
undone: it is in force, or was."""


class QueuedImprovement(msgspec.Struct, frozen=True, kw_only=True):
    """An improvement in the queue."""

    improvement: Improvement
    review: SafetyReview
    state: QueueState
    since: float
    """Unix time at which it came into this state."""
    who: str = ""
    """The person, or guardian, that brought it there."""
    note: str = ""


InvestigationOutcome = Literal["open", "cleared", "upheld"]


class SafetyInvestigation(msgspec.Struct, frozen=True, kw_only=True):
    """A person's look into what a safety monitor held against an improvement."""

    id: str
    improvement_id: str
    specialist: str
    owner: str
    """Who is to look: as configured, else the name of the admin key."""
    opened: float
    concerns: tuple[Concern, ...]
    outcome: InvestigationOutcome = "open"
    closed: float | None = None
    who: str = ""
    note: str = ""


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned from an improvement that did not hold: kept, so that it is not proposed again."""

    id: str
    at: float
    specialist: str
    improvement_id: str
    said: str
