"""How bad a failure is: how many of a specialist's requests it concerns, times how much such a request loses."""

import math
from collections.abc import Sequence

from guardian_cluster.domain.incident import FailureEvent, Severity
from guardian_cluster.domain.observation import Observation, holds
from guardian_cluster.domain.recovery import SeverityAssessment
from guardian_cluster.recovery.evidence import brought, losses_of
from guardian_cluster.recovery.validation import still_bad_from

CRITICAL = 0.25
ERROR = 0.05
WARNING = 0.01
"""Shares of all that a specialist's users were to get that are lost: a quarter is an outage; a twentieth is seen by
everybody who asks twenty times; a hundredth is noise to its users, and still a fault."""

LEAST = 10
"""Requests, below which their share says nothing yet and the whole specialist is taken to be concerned."""

FAILED = 0.5
"""From this loss on a request is counted as one that failed."""

LEAST_MARKS = 5
"""Marks that say more than what every answer shows of itself: fewer may be chance, or one caller's mood."""

MOST_OF_THEM = 0.95
LONGEST_S = 60.0
"""Not more than what is judged within one recovery (`workflow.POLLS`)."""


def assess(event: FailureEvent, requests: Sequence[Observation], now: float) -> SeverityAssessment:
    """Return the severity of an event, given the requests since its onset; those that others had are left out.

    A leak is critical however few it concerns: what has left does not come back.
    """
    recent = [each for each in requests if each.specialist == event.specialist]
    inside = [each for each in recent if holds(event.where, each)]
    affected = _affected(event, len(inside), len(recent))
    effect = min(max(event.observed - event.expected, 0.0), 1.0)
    minutes = max(now - event.onset, 1.0) / 60.0
    severity = "critical" if event.signal == "leak" else _of(affected * effect)
    like = sum(holds(brought(event.where), each) for each in recent)
    return SeverityAssessment(
        severity=severity,
        users_affected=affected,
        effect=effect,
        requests_per_minute=max(len(inside), event.requests) / minutes,
        alike=len(inside) / like if like >= LEAST else 1.0,
        known_after_s=_known_after_s(event, inside),
        marked=_marked(event, inside),
        why=f"{affected:.0%} of the requests lose {effect:.0%} more than expected on {event.signal}",
    )


def _affected(event: FailureEvent, inside: int, recent: int) -> float:
    """Return the share of the requests that are concerned, as far as it is known."""
    if recent < LEAST:
        return 1.0
    if inside:
        return inside / recent
    # None is recorded where the event says it is: whoever raised it has seen more, and a person means it.
    return 1.0 if event.source == "person" else min(event.requests / recent, 1.0)


def _marked(event: FailureEvent, inside: Sequence[Observation]) -> float | None:
    """Return the mean loss by callers' marks where these alone show the failure; `None` where others show it too."""
    by_marks = losses_of(inside, event.signal, until=math.inf, by_marks=True)
    unmarked = [each for each in inside if each.feedback is None]
    others = losses_of(unmarked, event.signal, until=math.inf)
    if event.signal != "quality" or len(by_marks) < LEAST_MARKS:
        return None
    marked = math.fsum(by_marks) / len(by_marks)
    bad = still_bad_from(event.expected, marked)
    is_shown = bool(others) and math.fsum(others) / len(others) >= bad
    return None if is_shown or marked < bad else marked


def _known_after_s(event: FailureEvent, inside: Sequence[Observation]) -> float:
    """Return how long requests that fail mostly take; none is judged by that came later."""
    failed = [each for each in inside if each.losses.get(event.signal, 0.0) >= FAILED]
    took_s = sorted(each.duration_ms / 1e3 for each in failed)
    return min(took_s[int(MOST_OF_THEM * (len(took_s) - 1))], LONGEST_S) if took_s else 0.0


def _of(impact: float) -> Severity:
    if impact >= CRITICAL:
        return "critical"
    if impact >= ERROR:
        return "error"
    return "warning" if impact >= WARNING else "info"
