"""The Watcher guardian of one specialist: it begins a watch for every execution."""

from collections.abc import Mapping

from guardian_cluster.domain.request import UserRequest
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.watch import Watch


class Watcher:
    """Watches everything its specialist says, by the policy of the tenant who asked."""

    def __init__(
        self, specialist_id: str, policy: CompiledPolicy, tenants: Mapping[str, CompiledPolicy]
    ) -> None:
        self.specialist_id = specialist_id
        self._policy = policy
        self._tenants = tenants

    def monitor_execution(self, request: UserRequest) -> Watch:
        """Begin to watch an execution, whose chunks are all to be passed through the watch returned."""
        return Watch(self._tenants.get(request.tenant, self._policy), request.chat)
