"""The pace of every tenant: what its dollar counts, so that its spending per request keeps to the target."""

from collections.abc import Iterable

from guardian_cluster.contract.records import Report, RequestRecord
from guardian_cluster.contract.snapshot import Tenant
from guardian_cluster.request.pacing import Pacer


class Paces:
    """A pacer for each tenant that has a target. It is a sink of reports: bills are counted as they are recorded.

    Each gateway paces the requests it serves: a mean over requests is the same mean in every share of them.
    """

    def __init__(self) -> None:
        self._pacers: dict[str, Pacer] = {}

    def configure(self, tenants: Iterable[Tenant]) -> None:
        """Take over the tenants of a snapshot; who keeps a target keeps its debt."""
        targets = {tenant.name: tenant.usd_per_request for tenant in tenants if tenant.usd_per_request}
        self._pacers = {name: self._pacer(name, target) for name, target in targets.items()}

    def price(self, tenant: str) -> float:
        """Return by how much a dollar of this tenant counts more than one; 0 without a target."""
        pacer = self._pacers.get(tenant)
        return 0.0 if pacer is None else pacer.price()

    def report(self, report: Report) -> None:
        """Count what a request cost, where there was somebody to choose from: no price moves the rest."""
        if isinstance(report, RequestRecord) and report.routing is not None and report.routing.candidates:
            pacer = self._pacers.get(report.tenant)
            if pacer is not None:
                pacer.spent(report.cost_usd)

    def _pacer(self, name: str, target: float) -> Pacer:
        known = self._pacers.get(name)
        if known is None:
            return Pacer(target)
        return known if known.target_usd == target else known.retarget(target)
