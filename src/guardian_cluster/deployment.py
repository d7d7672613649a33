"""Deployment: the parts of the data plane that one snapshot names."""

from typing import TYPE_CHECKING

from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.conversations import StoredConversations
from guardian_cluster.request.context import ContextMaintainer
from guardian_cluster.request.quality import QualityAssurance
from guardian_cluster.request.router import Abilities, RequestRouter
from guardian_cluster.request.scoring import Scorer
from guardian_cluster.request.steering.steering import Steering
from guardian_cluster.specialists.builtin.recall.evidence import RetrievalQuality
from guardian_cluster.specialists.solver import is_solvable
from guardian_cluster.specialists.specialist import Specialist
from guardian_cluster.watcher.intake_rules import rules_of_kept
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.redaction import Redaction
from guardian_cluster.watcher.watcher import Watcher

if TYPE_CHECKING:
    from guardian_cluster.cluster import LLMGuardianCluster


class Deployment:
    """The parts that one snapshot names: immutable, so that a request keeps those it began with."""

    def __init__(self, snapshot: Snapshot, parts: "LLMGuardianCluster") -> None:
        base = snapshot.base
        self.snapshot = snapshot
        tenants = {
            tenant.name: CompiledPolicy(tenant.watch) for tenant in base.tenants if tenant.watch is not None
        }
        policy = CompiledPolicy(base.watch)
        self._redactions = {name: _redaction(tenant) for name, tenant in tenants.items()}
        self._redaction = _redaction(policy)
        thresholds = snapshot.overlay.thresholds
        self._watchers = {s.name: Watcher(s.name, policy, tenants, thresholds) for s in base.specialists}
        self._specialists = {s.name: parts.build(s, base) for s in base.specialists}
        learned = parts.learned(base.router_model)
        has_choice = sum(s.kind == "http" for s in base.specialists) > 1
        hasher, words = parts.hashers(base.router_salt.value) if has_choice else (None, None)
        self.quality_assurance = QualityAssurance(learned.after, words)
        self.request_router = RequestRouter(
            base,
            Steering(snapshot, parts.clock, parts.rng),
            Abilities(is_solvable=is_solvable, has_documents=parts.documents.are_there_for),
            Scorer(hasher, learned.before, parts.experience),
            parts.paces.price,
            parts.rng,
        )
        self.context_maintainer = ContextMaintainer(StoredConversations(parts.memory), base.memory)
        self._retrieval = parts.retrieval

    def get_specialist(self, specialist_id: str) -> Specialist:
        """Return the specialist of that name."""
        return self._specialists[specialist_id]

    def get_watcher_guardian(self, specialist_id: str) -> Watcher:
        """Return the watcher of the specialist of that name."""
        return self._watchers[specialist_id]

    def retrieval_quality(self, request_id: str) -> RetrievalQuality | None:
        """Return how well memory answered a request, once."""
        return self._retrieval.pop(request_id, None)

    def redaction(self, tenant: str) -> Redaction:
        """Return what takes out of kept text what a tenant's policy names, in answers or in requests."""
        return self._redactions.get(tenant, self._redaction)


def _redaction(policy: CompiledPolicy) -> Redaction:
    return Redaction(rules_of_kept(policy.policy, policy.rules))
