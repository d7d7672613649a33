"""Decides what a specialist needs, from all that its guardians say: one need for each cause, the most urgent first.

What guardians say of one cause becomes one need (claims.py); of views that cannot both be followed one gives way
(conflicts.py), and is kept with the reason, so that it can be judged later.
"""

from dataclasses import replace
from hashlib import blake2b
from typing import TypeVar

import msgspec

from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.monitoring import (
    ComplianceFinding,
    CoordinationResult,
    GuardianReports,
    Need,
    Opportunity,
)
from guardian_cluster.monitoring.claims import MOTIVES, SEVERITIES, Claim, Group, claims_of, grouped
from guardian_cluster.monitoring.conflicts import agreeing, resolved

_Kind = TypeVar("_Kind", Opportunity, ComplianceFinding)


class CoordinationEngine:
    """Makes one finding of what several guardians report."""

    async def coordinate_insights(self, guardian_reports: GuardianReports) -> CoordinationResult:
        """Return what is to be improved, one need for each cause, and whose view lost."""
        return coordinated(guardian_reports)


def coordinated(reports: GuardianReports) -> CoordinationResult:
    """Return what guardians agree on; the same for the same reports, in whatever order they list things."""
    claims = claims_of(reports)
    wishes, in_vain = agreeing(claims)
    groups = sorted(grouped(replace(claims, wishes=wishes), reports), key=_urgency)
    kept, lost = resolved(groups, sorted(reports.watcher.alarms, key=lambda alarm: alarm.id))
    needs = tuple(_need(group, reports.watcher.specialist) for group in kept)
    return CoordinationResult(needs=needs, conflicts=(*in_vain, *lost))


def _urgency(group: Group) -> tuple[object, ...]:
    """Order groups: safety, quality, cost; in these what is broken, what is alarmed, and what is strongest."""
    severity = min((SEVERITIES.index(each.severity) for each in group.findings), default=len(SEVERITIES))
    is_wish = isinstance(group.lead.value, Opportunity)
    return MOTIVES.index(group.motive), severity, is_wish, not group.is_alarmed, group.lead.order


def _need(group: Group, specialist: str) -> Need:
    # One without a likely cause leads no group: it is among what else was said.
    diagnosis = group.lead.value if isinstance(group.lead.value, Diagnosis) else None
    opportunity, finding = _first(group, Opportunity), _first(group, ComplianceFinding)
    carried = [diagnosis, opportunity, finding]
    return Need(
        id=_id(group.lead, specialist),
        motive=group.motive,
        said=group.lead.said,
        diagnosis=diagnosis,
        opportunity=opportunity,
        finding=finding,
        guardians=group.guardians,
        also=tuple(claim.said for claim in group.claims if not any(claim.value is each for each in carried)),
    )


def _first(group: Group, kind: type[_Kind]) -> _Kind | None:
    return next((claim.value for claim in group.claims if isinstance(claim.value, kind)), None)


def _id(lead: Claim, specialist: str) -> str:
    """Return what a need is called: the same for the same cause and slice, in whichever cycle it is found."""
    match lead.value:
        case Diagnosis(cause=cause):
            about = ("cause", cause)
        case Opportunity(cause=None, kind=kind):
            about = ("kind", kind)
        case Opportunity(cause=cause):
            about = ("cause", cause)
        case ComplianceFinding(rule=rule):
            about = ("rule", rule)
    digest = blake2b(msgspec.json.encode((specialist, about, lead.where)), digest_size=8)
    return f"need_{digest.hexdigest()}"
