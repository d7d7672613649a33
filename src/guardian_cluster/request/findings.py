"""Decides which of a watcher's findings are recorded, as what, and what failure they are for who is asked next."""

from collections.abc import Sequence

import msgspec

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.verdict import MonitoringReport, Verdict
from guardian_cluster.request.emptiness import wants_retry_for_emptiness_alone
from guardian_cluster.watcher.watch import Watch

BLOCKED = "answer_blocked"


def is_loop(verdict: Verdict) -> bool:
    """Return whether a verdict is of a loop: it is met while the answer goes on, and noted at its end."""
    return (verdict.detector, verdict.rule) == ("answer", "repetition")


def found_so_far(watch: Watch) -> tuple[Verdict, ...]:
    """Return what was found in an answer that has not come to its end; to be called once for a watch.

    That it is empty, or not of its form, cannot be said of what is broken off.
    """
    found = len(watch.verdicts)
    at_end = watch.finish().verdicts[found:]
    return (*watch.verdicts[:found], *filter(is_loop, at_end))


def too_late(report: MonitoringReport) -> MonitoringReport:
    """Return the report of an answer of which content has left: what its end shows is noted, and nothing is done.

    A loop was cut where it was met, also when it was too late for another answer.
    """
    if not any(map(_is_of_the_end, report.verdicts)):
        return report
    verdicts = tuple(
        msgspec.structs.replace(verdict, action="observe") if _is_of_the_end(verdict) else verdict
        for verdict in report.verdicts
    )
    return msgspec.structs.replace(report, verdicts=verdicts)


def withheld(verdicts: Sequence[Verdict]) -> AttemptFailed:
    """Return the failure of an answer that must not leave."""
    if wants_retry_for_emptiness_alone(tuple(verdicts)):
        return AttemptFailed("The model's answer is empty.", code="upstream_empty")
    rules = sorted({verdict.rule for verdict in verdicts if verdict.action == "retry"})
    text = f"The answer broke the rule {', '.join(rules)}."
    return AttemptFailed(text, code=BLOCKED, rests=False)


def _is_of_the_end(verdict: Verdict) -> bool:
    return (verdict.detector, verdict.action) == ("answer", "retry") and not is_loop(verdict)
