"""Workflow 2: the guardians of one specialist look at its recent past, agree on what they saw, and queue improvements.

Each phase is made of steps, so that a cycle that is interrupted at any moment goes on where it was, and has each
of its effects once (docs/design/monitoring.md).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.improvement import Improvement, SafetyReview
from guardian_cluster.domain.monitoring import (
    CoordinationResult,
    DiagnosticianReport,
    GuardianReports,
    MetaAnalysis,
    MonitoringCycleResult,
    OptimizerReport,
    SafetyReport,
    WatcherReport,
)
from guardian_cluster.engine.immediate import ImmediateRun
from guardian_cluster.monitoring.ports import (
    Coordination,
    GuardianNetwork,
    Guardians,
    ImprovementQueue,
    MonitoringStore,
    Steps,
)

_Report = TypeVar("_Report")
Improvements = tuple[Improvement, ...]
Reviews = tuple[SafetyReview, ...]


@dataclass(frozen=True, slots=True)
class _Cycle:
    """One cycle under way: whom it is about, who looks, and where its steps are kept."""

    specialist_id: str
    specialist: Callable[[], Specialist]
    guardians: Guardians
    steps: Steps

    async def asked(
        self, name: str, ask: Callable[[Specialist], Awaitable[_Report]], returns: type[_Report]
    ) -> _Report:
        """Return what a guardian says of the specialist as it is deployed then."""
        return await self.steps.step(name, lambda _: ask(self.specialist()), returns)


class GuardianMonitoringWorkflow:
    """Monitoring cycles over a network of guardians."""

    def __init__(
        self,
        guardian_network: GuardianNetwork,
        coordination_engine: Coordination,
        improvement_queue: ImprovementQueue,
        store: MonitoringStore,
        clock: Clock,
    ) -> None:
        self.network = guardian_network
        self.coordination_engine = coordination_engine
        self.improvement_queue = improvement_queue
        self._store = store
        self._clock = clock

    async def execute_monitoring_cycle(
        self, specialist_id: str, steps: Steps | None = None
    ) -> MonitoringCycleResult:
        """Look at one specialist, and return what was found.

        Without `steps` nothing of an interrupted cycle is kept. Raises KeyError where the specialist is not
        deployed, or not any more; what was queued before stays queued.
        """
        cycle = self._begin(specialist_id, steps or ImmediateRun(f"cycle-{uuid4().hex}"))
        started = await cycle.steps.step("begin", self._now, float)
        reports = await self._monitor(cycle)
        coordination = await cycle.steps.step(
            "coordinate",
            lambda _: self.coordination_engine.coordinate_insights(reports),
            CoordinationResult,
        )
        improvements, reviews = (), ()
        if coordination.requires_improvement:
            improvements, reviews = await self._generate_coordinated_improvements(coordination, cycle)
        meta, own_review = await self._conduct_meta_analysis(reports, cycle)
        result = MonitoringCycleResult(
            specialist_id=specialist_id,
            guardian_reports=reports,
            coordination_result=coordination,
            meta_analysis=meta,
            cycle_timestamp=datetime.fromtimestamp(started, UTC),
            improvements=improvements,
            reviews=(*reviews, *own_review),
        )
        await cycle.steps.step("record", lambda _: self._record(cycle.steps.id, result), bool)
        return result

    def _begin(self, specialist_id: str, steps: Steps) -> _Cycle:
        guardians = self.network.get_guardians_for_specialist(specialist_id)
        return _Cycle(specialist_id, lambda: self.network.get_specialist(specialist_id), guardians, steps)

    async def _now(self, _: str) -> float:
        return self._clock.now()

    async def _monitor(self, cycle: _Cycle) -> GuardianReports:
        """Phase 1: all four look at the same window at the same time."""
        each = cycle.guardians
        watcher, diagnostician, optimizer, safety = await asyncio.gather(
            cycle.asked("watcher", each.watcher.continuous_monitor, WatcherReport),
            cycle.asked("diagnostician", each.diagnostician.analyze_patterns, DiagnosticianReport),
            cycle.asked("optimizer", each.optimizer.assess_performance, OptimizerReport),
            cycle.asked("safety_monitor", each.safety_monitor.check_compliance, SafetyReport),
        )
        return GuardianReports(
            watcher=watcher, diagnostician=diagnostician, optimizer=optimizer, safety_monitor=safety
        )

    async def _generate_coordinated_improvements(
        self, coordination_result: CoordinationResult, cycle: _Cycle
    ) -> tuple[Improvements, Reviews]:
        """Phase 3: one improvement for each cause, looked at by the safety monitor, then queued or investigated."""
        needs = coordination_result.needs
        improvements = await cycle.asked(
            "propose", lambda specialist: cycle.guardians.optimizer.propose(specialist, needs), Improvements
        )
        return improvements, await self._review_and_queue(improvements, cycle, "improvements")

    async def _conduct_meta_analysis(
        self, guardian_reports: GuardianReports, cycle: _Cycle
    ) -> tuple[MetaAnalysis, Reviews]:
        """Phase 4: the meta-guardian looks at the guardians; a change of theirs goes the way of any other."""
        analyze = self.network.meta_guardian.analyze
        meta = await cycle.asked(
            "meta", lambda specialist: analyze(specialist, guardian_reports), MetaAnalysis
        )
        if meta.proposal is None:
            return meta, ()
        return meta, await self._review_and_queue((meta.proposal,), cycle, "parameter")

    async def _review_and_queue(self, improvements: Improvements, cycle: _Cycle, what: str) -> Reviews:
        if not improvements:
            return ()
        safety = cycle.guardians.safety_monitor

        async def review(specialist: Specialist) -> Reviews:
            return tuple([await safety.review(specialist, each) for each in improvements])

        async def queue(key: str) -> list[str]:
            pairs = list(zip(improvements, reviews, strict=True))
            return list(await self.improvement_queue.queue_improvements(pairs, key=key))

        reviews = await cycle.asked(f"review-{what}", review, Reviews)
        await cycle.steps.step(f"queue-{what}", queue, list[str])
        return reviews

    async def _record(self, id: str, result: MonitoringCycleResult) -> bool:
        await self._store.put_cycle(id, result)
        return True
