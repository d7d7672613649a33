"""Who may and can serve a request now: by tenant, capability, length and price; and what is said of who cannot."""

from collections.abc import Mapping

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.domain.errors import GuardianError, NoSpecialist
from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.request.assignment import RoutingAnalysis
from guardian_cluster.request.eligibility import lowest, nobody, over_ceiling, shortcoming, withheld_from
from guardian_cluster.request.scoring import Scorer
from guardian_cluster.request.steering.preferring import Preferred, last_resort, of_able, of_named, stays

_UNRESTRICTED = contract.Tenant(name="")
"""Whoever the configuration does not name."""


class Candidates:
    """The specialists of one snapshot as far as a request may be given to them."""

    def __init__(
        self,
        base: contract.Base,
        specialists: Mapping[str, contract.Specialist],
        scorer: Scorer,
    ) -> None:
        self._specialists = specialists
        self._tenants = {tenant.name: tenant for tenant in base.tenants}
        self._policy = base.routing
        self._scorer = scorer

    def ceiling_usd(self, request: UserRequest) -> float | None:
        """Return what a request may cost, over all attempts; `None` is no limit."""
        tenant = self._tenant(request)
        return lowest([request.max_cost_usd, tenant.max_cost_usd, self._policy.max_cost_usd])

    def permitted(self, request: UserRequest) -> list[contract.Specialist]:
        """Return those to whom the tenant's requests may be given."""
        tenant = self._tenant(request)
        return [each for each in self._specialists.values() if withheld_from(each, tenant) is None]

    def named(self, analysis: RoutingAnalysis) -> list[contract.Specialist]:
        """Return the one asked for by name, then its equals, then those that may answer in its place.

        Raises:
            GuardianError: the one asked for may not or cannot serve the request, or would cost too much, or refuses
                it; or nobody is awake.
        """
        specialists, tenant = self._as_now(analysis), self._tenant(analysis.request)
        named = specialists[analysis.requested]
        problem = self._problem(named, analysis, tenant)
        if problem is not None:
            raise problem
        names = dict.fromkeys((*named.equals, *named.fallback))
        backups = [specialists[name] for name in names]
        able = [named, *(backup for backup in backups if self._problem(backup, analysis, tenant) is None)]
        way = analysis.way
        if way is None:
            return able
        if (refusal := way.refusal(named.name)) is not None:
            raise refusal
        # Numbers of one model mean nothing to another: for those only the operator says who may give them instead.
        may_take = names if analysis.needs.embeddings else specialists
        preferred = of_named(
            way, able, lambda name: name in may_take and self._can_take(name, analysis), named.equals
        )
        if not preferred.specialists:
            raise NoSpecialist(
                f"`{named.name}` is drained for now, and so is whoever could answer in its place."
            )
        way.note(*preferred.moves)
        return preferred.specialists

    def models(self, analysis: RoutingAnalysis) -> Preferred:
        """Return the models that may and can serve a request, cheapest first, as far as moves leave them in."""
        able, way = self._able(analysis), analysis.way
        if way is None:
            return Preferred(able)
        return of_able(way, able, lambda name: self._can_take(name, analysis))

    def last_models(self, analysis: RoutingAnalysis) -> list[contract.Specialist]:
        """Return the models that are asked where moves leave nobody in; none is refused because of them alone."""
        return [] if analysis.way is None else last_resort(analysis.way, self._able(analysis))

    def _able(self, analysis: RoutingAnalysis) -> list[contract.Specialist]:
        tenant = self._tenant(analysis.request)
        models = [each for each in self._as_now(analysis).values() if each.kind == "http"]
        able = [each for each in models if self._problem(each, analysis, tenant) is None]
        return sorted(able, key=lambda each: (each.tier, each.price.output_usd))

    def _as_now(self, analysis: RoutingAnalysis) -> Mapping[str, contract.Specialist]:
        """Return the specialists with what moves in force change of them."""
        return self._specialists if analysis.way is None else analysis.way.in_force.specialists

    def _can_take(self, name: str, analysis: RoutingAnalysis) -> bool:
        """Return whether a request may be given to a specialist that moves name: there is nothing against it."""
        found, way = self._as_now(analysis).get(name), analysis.way
        if found is None or way is None or not way.is_open(found):
            return False
        return self._problem(found, analysis, self._tenant(analysis.request)) is None

    def _problem(
        self, specialist: contract.Specialist, analysis: RoutingAnalysis, tenant: contract.Tenant
    ) -> GuardianError | None:
        if (tenant.specialists or tenant.requires) and (withheld := withheld_from(specialist, tenant)):
            return withheld
        return shortcoming(specialist, analysis.needs) or self._too_dear(specialist, analysis)

    def _too_dear(self, specialist: contract.Specialist, analysis: RoutingAnalysis) -> GuardianError | None:
        ceiling_usd = analysis.request.max_cost_usd
        if ceiling_usd is None:
            return None
        expected_usd = self._scorer.worst_cost_usd(specialist, analysis.needs, most_tokens(analysis))
        return over_ceiling(expected_usd, specialist, ceiling_usd)

    def builtin(
        self, kind: str, analysis: RoutingAnalysis, *, is_last_resort: bool = False
    ) -> contract.Specialist | None:
        """Return the built-in specialist of a kind, where the tenant's requests may be given to it."""
        of_kind = [each for each in self._as_now(analysis).values() if each.kind == kind]
        way = analysis.way
        if way is not None:
            awake = [
                each for each in of_kind if stays(way, each, lambda name: self._can_take(name, analysis))
            ]
            of_kind = last_resort(way, of_kind) if is_last_resort else awake
        if not of_kind or withheld_from(of_kind[0], self._tenant(analysis.request)) is not None:
            return None
        return of_kind[0]

    def nobody(self, analysis: RoutingAnalysis) -> GuardianError:
        """Say why nobody can serve a request: what is missing, who may not, or what would cost too much."""
        models = [each for each in self._specialists.values() if each.kind == "http"]
        capable = [each for each in models if shortcoming(each, analysis.needs) is None]
        tenant = self._tenant(analysis.request)
        problems = [
            problem for each in capable if (problem := self._problem(each, analysis, tenant)) is not None
        ]
        if problems:
            return problems[0]
        way = analysis.way
        if way is not None and (refusals := [found for each in capable if (found := way.refusal(each.name))]):
            return refusals[0]
        if capable:
            return NoSpecialist("Every specialist that could answer is drained for now; try again later.")
        has_solver = any(each.kind == "solver" for each in self._specialists.values())
        return nobody(analysis.needs, has_models=bool(models), has_solver=has_solver)

    def _tenant(self, request: UserRequest) -> contract.Tenant:
        return self._tenants.get(request.tenant, _UNRESTRICTED)


def most_tokens(analysis: RoutingAnalysis) -> float | None:
    """Return how long the request lets an answer be at most."""
    view = analysis.request.view
    if not isinstance(view, ChatRequest):
        return 0.0
    most = view.max_completion_tokens or view.max_tokens
    return most if most and most > 0 else None
