"""What is recorded of a routing decision, for people and for whoever learns from it."""

from collections.abc import Sequence

from guardian_cluster.contract.records import CandidateRecord, RoutingRecord
from guardian_cluster.request.assignment import RoutingAnalysis
from guardian_cluster.request.choice import Choice, Option


def record_without_choice(analysis: RoutingAnalysis, reason: str, price: float) -> RoutingRecord:
    """Return the record of a decision in which there was nobody to choose from."""
    profile = analysis.profile
    return RoutingRecord(
        policy=analysis.requested,
        reason=reason,
        complexity=profile.complexity if profile else 0.0,
        requirements=tuple(profile.requirements) if profile else (),
        price=price,
    )


def record_of_choice(
    analysis: RoutingAnalysis, options: Sequence[Option], choice: Choice, price: float
) -> RoutingRecord:
    """Return the record of a choice: who was weighed, by what, and how likely each was chosen."""
    profile = analysis.profile
    return RoutingRecord(
        policy=analysis.requested,
        reason=choice.reason,
        explored=choice.explored,
        complexity=profile.complexity if profile else 0.0,
        requirements=tuple(profile.requirements) if profile else (),
        candidates=candidate_records(options, choice),
        price=price,
        features=analysis.features.encode() if analysis.features is not None else b"",
    )


def candidate_records(options: Sequence[Option], choice: Choice) -> tuple[CandidateRecord, ...]:
    """Return what was expected of each option, and with which probability it was chosen."""
    return tuple(
        CandidateRecord(
            specialist=option.name,
            success=option.success,
            trust=option.trust,
            cost_usd=option.cost_usd,
            latency_s=option.latency_s,
            probability=choice.chances[option.name],
        )
        for option in options
    )
