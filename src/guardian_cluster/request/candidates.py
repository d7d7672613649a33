"""Who may and can serve a request now: by tenant, capability, length and price; and what is said of who cannot."""

from collections.abc import Container, Mapping

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.domain.errors import GuardianError, NoSpecialist
from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.request.assignment import RoutingAnalysis
from guardian_cluster.request.eligibility import lowest, nobody, over_ceiling, shortcoming, withheld_from
from guardian_cluster.request.scoring import Scorer

_UNRESTRICTED = contract.Tenant(name="")
"""Whoever the configuration does not name."""


class Candidates:
    """The specialists of one snapshot as far as a request may be given to them."""

    def __init__(
        self,
        base: contract.Base,
        specialists: Mapping[str, contract.Specialist],
        drained: Container[str],
        scorer: Scorer,
    ) -> None:
        self._specialists = specialists
        self._tenants = {tenant.name: tenant for tenant in base.tenants}
        self._policy = base.routing
        self._drained = drained
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
            GuardianError: the one asked for may not or cannot serve the request, or would cost too much; or nobody
                is awake.
        """
        named, tenant = self._specialists[analysis.requested], self._tenant(analysis.request)
        problem = self._problem(named, analysis, tenant)
        if problem is not None:
            raise problem
        names = dict.fromkeys((*named.equals, *named.fallback))
        backups = [self._specialists[name] for name in names]
        able = [named, *(backup for backup in backups if self._problem(backup, analysis, tenant) is None)]
        awake = [specialist for specialist in able if specialist.name not in self._drained]
        if not awake:
            raise NoSpecialist(
                f"`{named.name}` is drained for now, and so is whoever could answer in its place."
            )
        return awake

    def able(self, analysis: RoutingAnalysis) -> list[contract.Specialist]:
        """Return who may and can serve a request, cheapest first."""
        awake = (each for each in self._specialists.values() if each.name not in self._drained)
        tenant = self._tenant(analysis.request)
        able = [each for each in awake if self._problem(each, analysis, tenant) is None]
        return sorted(able, key=lambda each: (each.tier, each.price.output_usd))

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

    def builtin(self, kind: str, analysis: RoutingAnalysis) -> contract.Specialist | None:
        """Return the built-in specialist of a kind, where the tenant's requests may be given to it."""
        for specialist in self._specialists.values():
            if specialist.kind == kind and specialist.name not in self._drained:
                return (
                    specialist if withheld_from(specialist, self._tenant(analysis.request)) is None else None
                )
        return None

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
