"""Decides who looks into what a safety monitor holds against an improvement, and what becomes of it."""

from collections.abc import Iterable

import msgspec

from guardian_cluster.contract.snapshot import ApiKey, GuardianPolicy
from guardian_cluster.domain.improvement import (
    Improvement,
    InvestigationOutcome,
    SafetyInvestigation,
    SafetyReview,
)

NOBODY = "operator"
"""Who looks where nobody was named and no admin key was made."""


def owner_of(policy: GuardianPolicy, keys: Iterable[ApiKey]) -> str:
    """Return who is to look: as configured, else the oldest admin key that is not revoked, else `operator`."""
    admins = [key for key in keys if key.role == "admin" and key.revoked is None]
    oldest = min(admins, key=lambda key: key.created, default=None)
    return policy.owner or (NOBODY if oldest is None else oldest.id)


def investigation_id(improvement_id: str) -> str:
    """Return the id of the one investigation that an improvement can have."""
    return f"s-{improvement_id}"


def opened(improvement: Improvement, review: SafetyReview, *, owner: str, at: float) -> SafetyInvestigation:
    """Return the investigation that a review with concerns opens."""
    return SafetyInvestigation(
        id=investigation_id(improvement.id),
        improvement_id=improvement.id,
        specialist=improvement.specialist,
        owner=owner,
        opened=at,
        concerns=review.concerns,
    )


def closed(
    investigation: SafetyInvestigation, outcome: InvestigationOutcome, *, who: str, note: str, at: float
) -> SafetyInvestigation:
    """Return the investigation with what its owner found."""
    return msgspec.structs.replace(investigation, outcome=outcome, closed=at, who=who, note=note)
