"""Values that workflow 2 keeps, for the tests of the state."""

from datetime import UTC, datetime

from sample_records import NOON

from guardian_cluster.domain.alarm import Alarm
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
