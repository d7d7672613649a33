"""Explains a routing decision without asking anybody: what was found of a request, who was weighed, who answers."""

import msgspec

from guardian_cluster.contract.records import RoutingRecord
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.assignment import RoutingAnalysis, SpecialistAssignment
from guardian_cluster.request.needs import Needs
from guardian_cluster.request.router import RequestRouter


class ExplainedAssignment(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers a request, or one part of it."""

    text: str | None
    """The part's words; `None` where the request is left whole."""
    specialist: str
    reason: str
    propensity: float
    then: tuple[str, ...]
    """Who is asked when that one fails, in order."""
    routing: RoutingRecord | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it would be made now."""

    requested: str
    needs: Needs
    complexity: float | None
    requirements: tuple[str, ...]
    max_cost_usd: float | None
    assignments: tuple[ExplainedAssignment, ...]


async def explain(router: RequestRouter, request: UserRequest) -> Explanation:
    """Return how a request would be routed.

    Raises:
        GuardianError: nobody may or can serve it; that is the explanation.
    """
    analysis = await router.analyze_request(request)
    assignments = await router.assign_specialists(analysis)
    return Explanation(
        requested=analysis.requested,
        needs=analysis.needs,
        complexity=analysis.profile.complexity if analysis.profile else None,
        requirements=_requirements(analysis),
        max_cost_usd=analysis.request.max_cost_usd,
        assignments=tuple(map(_explained, assignments)),
    )


def _requirements(analysis: RoutingAnalysis) -> tuple[str, ...]:
    return tuple(analysis.profile.requirements) if analysis.profile else ()


def _explained(assignment: SpecialistAssignment) -> ExplainedAssignment:
    routing = assignment.routing
    return ExplainedAssignment(
        text=assignment.part.text if assignment.part else None,
        specialist=assignment.specialist_id,
        reason=assignment.reason,
        propensity=assignment.propensity,
        then=tuple(other.name for other in assignment.alternatives),
        routing=msgspec.structs.replace(routing, features=b"") if routing else None,
    )
