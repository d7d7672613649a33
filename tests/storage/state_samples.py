"""Values that workflows 2 and 4 keep, for the tests of the state."""

from datetime import UTC, datetime

from sample_records import NOON

from guardian_cluster.domain.action import Action, Drain, Scope
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.alert import Alert, Delivery
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.improvement import (
    Concern,
    Improvement,
    Lesson,
    ParameterChange,
    QueuedImprovement,
    QueueState,
    SafetyInvestigation,
    SafetyReview,
)
from guardian_cluster.domain.incident import FailureEvent, Incident
from guardian_cluster.domain.monitoring import (
    CoordinationResult,
    DiagnosticianReport,
    GuardianReports,
    MetaAnalysis,
    MonitoringCycleResult,
    OptimizerReport,
    SafetyReport,
    WatcherReport,
)
from guardian_cluster.domain.recovery import (
    DiagnosticReport,
    FailurePattern,
    RecoveryOutcome,
    RecoveryResult,
    RecoveryStrategy,
    SeverityAssessment,
    ValidationResult,
)

DAY_S = 86_400.0


def alarm(id: str = "a1", **changes: object) -> Alarm:
    values: dict[str, object] = {
        "specialist": "writer",
        "signal": "error",
        "raised": NOON,
        "onset": NOON - 60,
    }
    values |= {"evidence": 12.5, "bound": 1e5, "expected": 0.02, "observed": 0.4, "requests": 40}
    return Alarm(id=id, **(values | changes))  # type: ignore[arg-type]


def change(id: str = "c1", at: float = NOON) -> ChangeEvent:
    return ChangeEvent(id=id, at=at, kind="setting", subject="specialists.writer.timeouts.total_s")


def improvement(id: str = "i1", specialist: str = "writer") -> Improvement:
    changed = ParameterChange(specialist=specialist, name="temperature", before=None, after=0.2)
    return Improvement(
        id=id,
        specialist=specialist,
        proposed=NOON,
        proposer="optimizer",
        motive="quality",
        change=changed,
        reason="Answers vary.",
        record_ids=("r1", "r2"),
    )


def queued(
    id: str = "i1", state: QueueState = "queued", since: float = NOON, specialist: str = "writer"
) -> QueuedImprovement:
    review = SafetyReview(improvement_id=id, at=since)
    return QueuedImprovement(improvement=improvement(id, specialist), review=review, state=state, since=since)


def investigation(id: str = "s1", improvement_id: str = "i1", **changes: object) -> SafetyInvestigation:
    values: dict[str, object] = {"specialist": "writer", "owner": "ada", "opened": NOON}
    concerns = (Concern(rule="cost", said="It doubles the cost."),)
    return SafetyInvestigation(id=id, improvement_id=improvement_id, concerns=concerns, **(values | changes))  # type: ignore[arg-type]


def lesson(id: str = "l1", at: float = NOON) -> Lesson:
    return Lesson(id=id, at=at, specialist="writer", improvement_id="i1", said="It cost more.")


def cycle(
    specialist: str = "writer", at: float = NOON, found: tuple[Improvement, ...] = ()
) -> MonitoringCycleResult:
    reports = GuardianReports(
        watcher=WatcherReport(specialist=specialist, since=at - 60, until=at, requests=0),
        diagnostician=DiagnosticianReport(specialist=specialist, requests=0),
        optimizer=OptimizerReport(specialist=specialist),
        safety_monitor=SafetyReport(specialist=specialist),
    )
    return MonitoringCycleResult(
        specialist_id=specialist,
        guardian_reports=reports,
        coordination_result=CoordinationResult(),
        meta_analysis=MetaAnalysis(),
        cycle_timestamp=datetime.fromtimestamp(at, UTC),
        improvements=found,
    )


def failure(id: str = "e1", at: float = NOON, specialist: str = "writer") -> FailureEvent:
    return FailureEvent(id=id, at=at, onset=at, specialist=specialist, signal="error", source="gateway")


def incident(id: str = "n1", at: float = NOON, **changes: object) -> Incident:
    values: dict[str, object] = {"key": "k", "specialist": "writer", "signal": "error"} | changes
    return Incident(id=id, **({"opened": at, "updated": at, "onset": at} | values))  # type: ignore[arg-type]


def taken(id: str = "t1", **changes: object) -> Action:
    values: dict[str, object] = {"incident_id": "n1", "state": "active", "taken": NOON, "until": NOON + 900}
    move = Drain(specialist="writer", endpoint="writer/1")
    scope = Scope(specialist="writer", endpoint="writer/1")
    return Action(id=id, move=move, scope=scope, **(values | changes))  # type: ignore[arg-type]


def recovered(event_id: str = "e1", duration: float = 5.0) -> RecoveryResult:
    return RecoveryResult(
        failure_event_id=event_id,
        incident_id="n1",
        recovery_strategy=RecoveryStrategy(type="automatic", cause="hang"),
        recovery_outcome=RecoveryOutcome(action_ids=("t1",)),
        validation_result=ValidationResult(state="confirmed", e_value=21.0),
        severity_assessment=SeverityAssessment(
            severity="error", users_affected=1.0, effect=1.0, requests_per_minute=9.0, why="All fail."
        ),
        diagnostic_report=DiagnosticReport(at=NOON),
        recovery_duration=duration,
    )


def pattern(id: str = "p1", **changes: object) -> FailurePattern:
    values: dict[str, object] = {"specialist": "writer", "cause": "hang", "signal": "error", "last": NOON}
    return FailurePattern(id=id, **(values | changes))  # type: ignore[arg-type]


def delivery(id: str = "d1", at: float = NOON, **changes: object) -> Delivery:
    alert = Alert(
        incident_id="n1",
        key="k",
        state="trigger",
        severity="error",
        at=at,
        opened=at,
        specialist="writer",
        title="writer fails",
    )
    values: dict[str, object] = {"incident_id": "n1", "sink": "oncall", "due": at} | changes
    return Delivery(id=id, alert=alert, **values)  # type: ignore[arg-type]
