"""Decides whether an answer counts as empty: only when all of its choices are, for one that says something is one."""

import msgspec

from guardian_cluster.domain.verdict import MonitoringReport, Verdict


def is_emptiness(verdict: Verdict) -> bool:
    """Return whether a verdict asks for another answer because a choice is empty."""
    return (verdict.detector, verdict.rule, verdict.action) == ("answer", "empty", "retry")


def wants_retry_for_emptiness_alone(verdicts: tuple[Verdict, ...]) -> bool:
    """Return whether another answer is wanted, and for nothing but empty choices."""
    wanting = [verdict for verdict in verdicts if verdict.action == "retry"]
    return bool(wanting) and all(map(is_emptiness, wanting))


def observed(report: MonitoringReport) -> MonitoringReport:
    """Return the report of an answer of which only some choices are empty: that is noted, and nothing is done."""
    if not any(map(is_emptiness, report.verdicts)):
        return report
    verdicts = tuple(
        msgspec.structs.replace(verdict, action="observe") if is_emptiness(verdict) else verdict
        for verdict in report.verdicts
    )
    return msgspec.structs.replace(report, verdicts=verdicts)
