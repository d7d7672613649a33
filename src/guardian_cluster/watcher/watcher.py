"""The Watcher guardian of one specialist: it begins a watch for every execution."""

import random
from collections.abc import Mapping, Sequence

from guardian_cluster.contract.snapshot import DetectorThreshold
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.watcher.guard import SharedGuard
from guardian_cluster.watcher.intake import Intake, injection_threshold, needs_intake
from guardian_cluster.watcher.intake_injection import KnownScores, shipped_injection
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.scoring.harm import shipped_harm
from guardian_cluster.watcher.sliced_watch import SlicedWatch
from guardian_cluster.watcher.thresholds import Thresholds


class Watcher:
    """Watches everything its specialist says, by the policy of the tenant who asked."""

    def __init__(
        self,
        specialist_id: str,
        policy: CompiledPolicy,
        tenants: Mapping[str, CompiledPolicy],
        thresholds: Sequence[DetectorThreshold] = (),
    ) -> None:
        """Prepare to watch; of the `thresholds` those of this specialist count."""
        self.specialist_id = specialist_id
        self._policy = policy
        self._tenants = tenants
        self._thresholds = Thresholds(specialist_id, thresholds)
        self._of_all_specialists = thresholds
        self._known = KnownScores()
        if any(each.policy.on_harm != "ignore" for each in (policy, *tenants.values())):
            shipped_harm()  # read now: the first request shall not wait for it
        if any(each.policy.input.on_injection in ("mark", "block") for each in (policy, *tenants.values())):
            shipped_injection()

    def monitor_execution(self, request: UserRequest, guard: SharedGuard | None = None) -> SlicedWatch:
        """Begin to watch an execution, whose chunks are all to be passed through the watch returned.

        It shares the `guard` with the others of the same request.
        """
        compiled = self._tenants.get(request.tenant, self._policy)
        place = guard.place() if guard is not None else None
        return SlicedWatch(compiled, request.chat, self._thresholds.of(request.tenant), place)

    def begin_intake(self, request: UserRequest, clock: Clock, rng: random.Random) -> Intake | None:
        """Begin to look through a request, which goes to nobody before that; `None` where there is nothing to look for.

        It does not depend on the specialist. `rng` draws what nobody may guess.
        """
        rules = self._tenants.get(request.tenant, self._policy).intake
        if not needs_intake(rules, request):
            return None
        threshold = injection_threshold(self._of_all_specialists, request.tenant)
        return Intake(rules, threshold, self._known.of_tenant(request.tenant), clock, rng)
