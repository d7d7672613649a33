"""What the guardians of one specialist report of a window, what they agree on, and what a monitoring cycle found."""

from datetime import datetime
from typing import Literal

import msgspec

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.diagnosis import Cause, Diagnosis
from guardian_cluster.domain.improvement import Improvement, Motive, SafetyReview
from guardian_cluster.domain.observation import Signal, Slice

GuardianName = Literal["watcher", "diagnostician", "optimizer", "safety_monitor"]


class SignalReading(msgspec.Struct, frozen=True, kw_only=True):
    """How one signal stands in a window."""

    signal: Signal
    by_callers: bool = False
    """Whether it is by the marks of callers; what checks say of all other requests is a reading of its own."""
    requests: int
    """Those of which it is known."""
    observed: float
    """The mean loss, 0 to 1, between `low` and `high` with a confidence of 95 %."""
    low: float
    high: float
    expected: float | None = None
    """`None` while too little is known to expect anything."""


class EndpointPace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast one endpoint answers, where several do."""

    endpoint: str
    requests: int
    typical_ms: float
    """The median of its answers."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What took the requests of a window their time."""

    overhead_share: float
    """Time in the gateway itself, as a share of all the time that they took."""
    overhead_ms: float
    """The same for one request, on average."""
    no_room_share: float
    """Requests that were turned away because no endpoint had room for them."""
    paces: tuple[EndpointPace, ...] = ()
    """By endpoint."""


class WatcherReport(msgspec.Struct, frozen=True, kw_only=True, tag="watcher"):
    """How the specialist's answers did."""

    specialist: str
    since: float
    until: float
    requests: int
    signals: tuple[SignalReading, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    """Those that are open."""
    load: Load | None = None
    """`None` where there was no request."""


class DiagnosticianReport(msgspec.Struct, frozen=True, kw_only=True, tag="diagnostician"):
    """Why."""

    specialist: str
    requests: int
    diagnoses: tuple[Diagnosis, ...] = ()
    """None where nothing is wrong, or where nothing can be localised and nothing is alarmed."""


class Opportunity(msgspec.Struct, frozen=True, kw_only=True):
    """Something of a specialist that could be better although nothing is broken."""

    kind: str
    """A stable name, such as `timeout-too-long`."""
    motive: Motive
    said: str
    where: Slice = ()
    cause: Cause | None = None
    record_ids: tuple[str, ...] = ()


class OptimizerReport(msgspec.Struct, frozen=True, kw_only=True, tag="optimizer"):
    """What could be better."""

    specialist: str
    opportunities: tuple[Opportunity, ...] = ()


class ComplianceFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a policy does not allow."""

    rule: str
    said: str
    severity: Literal["critical", "error", "warning", "info"] = "warning"
    requests: int = 0
    where: Slice = ()
    record_ids: tuple[str, ...] = ()


class SafetyReport(msgspec.Struct, frozen=True, kw_only=True, tag="safety_monitor"):
    """What of it is allowed."""

    specialist: str
    findings: tuple[ComplianceFinding, ...] = ()


class GuardianReports(msgspec.Struct, frozen=True, kw_only=True):
    """A report of each guardian of one specialist."""

    watcher: WatcherReport
    diagnostician: DiagnosticianReport
    optimizer: OptimizerReport
    safety_monitor: SafetyReport


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is to be improved: what several guardians say of one cause, as one."""

    id: str
    motive: Motive
    said: str
    diagnosis: Diagnosis | None = None
    opportunity: Opportunity | None = None
    finding: ComplianceFinding | None = None
    guardians: tuple[GuardianName, ...] = ()
    """Who said it."""
    also: tuple[str, ...] = ()
    """What else was said of the same cause, besides the three above."""


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Two views that cannot both be followed; the one that lost is kept, so that it can be judged later."""

    won: str
    """What the guardian that won said. Safety goes before quality, quality before cost."""
    lost: str
    winner: GuardianName
    loser: GuardianName
    why: str


class CoordinationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the guardians agree on."""

    needs: tuple[Need, ...] = ()
    """Most urgent first; one for each cause."""
    conflicts: tuple[Conflict, ...] = ()

    @property
    def requires_improvement(self) -> bool:
        """Whether there is anything to improve."""
        return bool(self.needs)


class GuardianScore(msgspec.Struct, frozen=True, kw_only=True):
    """How one guardian, or detector, did against what people said or checks showed."""

    guardian: str
    """`watcher/refusal`, `diagnostician`, ..."""
    claims: int
    false_alarms: int
    misses: int
    audited: int
    """How many requests people or checks have judged."""


class Bottleneck(msgspec.Struct, frozen=True, kw_only=True):
    """Something that limits the whole; noted for workflow 5."""

    what: str
    said: str
    value: float


class MetaAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """How well the guardians did, and at most one change of one of their parameters."""

    scores: tuple[GuardianScore, ...] = ()
    proposal: Improvement | None = None
    bottlenecks: tuple[Bottleneck, ...] = ()


class MonitoringCycleResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one monitoring cycle found."""

    specialist_id: str
    guardian_reports: GuardianReports
    coordination_result: CoordinationResult
    meta_analysis: MetaAnalysis
    cycle_timestamp: datetime
    """In UTC."""
    improvements: tuple[Improvement, ...] = ()
    """Those that were proposed in it."""
    reviews: tuple[SafetyReview, ...] = ()
