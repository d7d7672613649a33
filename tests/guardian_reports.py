"""Reports of guardians, for the tests of whatever takes them up."""

from collections.abc import Sequence

from sample_records import NOON

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.diagnosis import Diagnosis, Finding
from guardian_cluster.domain.monitoring import (
    ComplianceFinding,
    DiagnosticianReport,
    GuardianReports,
    Opportunity,
    OptimizerReport,
    SafetyReport,
    WatcherReport,
)
from guardian_cluster.domain.observation import Slice

WRITER_1: Slice = (("endpoint", "writer/1"),)
GERMAN: Slice = (("language", "german"),)


def diagnosis(cause: str | None = "hang", where: Slice = WRITER_1, **changes: object) -> Diagnosis:
    """Return a diagnosis that is nearly sure."""
    finding = Finding(where=where, score=20.0, requests=200, expected=0.02, observed=0.4)
    values: dict[str, object] = {
        "id": f"diagnosis-{cause}",
        "specialist": "writer",
        "at": NOON,
        "onset": NOON - 600,
        "signal": "error",
        "signals": ("error",),
        "cause": cause,
        "probability": 0.9 if cause else 0.0,
        "findings": (finding,) if where else (),
        "record_ids": ("r1", "r2", "r3", "r4"),
    }
    return Diagnosis(**(values | changes))  # type: ignore[arg-type]


def chance(kind: str = "cheaper-model", **changes: object) -> Opportunity:
    """Return something that could be cheaper."""
    values: dict[str, object] = {"kind": kind, "motive": "cost", "said": f"{kind} would do"}
    return Opportunity(**(values | changes))  # type: ignore[arg-type]


def finding(rule: str = "personal-data", **changes: object) -> ComplianceFinding:
    """Return something that no policy allows, seen in three requests."""
    values: dict[str, object] = {"rule": rule, "said": "it left in 3 answers", "requests": 3}
    return ComplianceFinding(**(values | changes))  # type: ignore[arg-type]


def alarm(id: str = "a1", **changes: object) -> Alarm:
    """Return an open alarm of errors."""
    values: dict[str, object] = {
        "id": id,
        "specialist": "writer",
        "signal": "error",
        "raised": NOON,
        "onset": NOON - 600,
        "evidence": 15.0,
        "bound": 100_000.0,
        "expected": 0.02,
        "observed": 0.4,
        "requests": 100,
    }
    return Alarm(**(values | changes))  # type: ignore[arg-type]


def reports(
    diagnoses: Sequence[Diagnosis] = (),
    chances: Sequence[Opportunity] = (),
    findings: Sequence[ComplianceFinding] = (),
    alarms: Sequence[Alarm] = (),
) -> GuardianReports:
    """Return what the four guardians of `writer` say."""
    return GuardianReports(
        watcher=WatcherReport(
            specialist="writer", since=NOON - 3_600, until=NOON, requests=1_000, alarms=tuple(alarms)
        ),
        diagnostician=DiagnosticianReport(specialist="writer", requests=1_000, diagnoses=tuple(diagnoses)),
        optimizer=OptimizerReport(specialist="writer", opportunities=tuple(chances)),
        safety_monitor=SafetyReport(specialist="writer", findings=tuple(findings)),
    )
