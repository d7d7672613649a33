"""The SafetyMonitor guardian: what was done that no policy allows, and what is to be held against an improvement."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from guardian_cluster.contract.snapshot import Snapshot, Specialist
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.improvement import Improvement, SafetyReview
from guardian_cluster.domain.monitoring import SafetyReport
from guardian_cluster.guardians.reviewing.compliance import findings
from guardian_cluster.guardians.reviewing.review import reviewed
from guardian_cluster.monitoring.ports import WindowSource


class RecordedTexts(Protocol):
    """The words of requests, where an operator chose to keep them."""

    async def of(self, record_ids: Sequence[str]) -> Sequence[str]:
        """Return what is kept of these requests and their answers."""
        ...


class NoTexts:
    """Nothing is kept, which is the default."""

    async def of(self, record_ids: Sequence[str]) -> Sequence[str]:
        """Return no texts."""
        return ()


class SafetyMonitor:
    """Holds a specialist's window against the policies, and improvements against what may never be automatic.

    `snapshot` returns what is deployed at the moment; `texts` the words of an improvement's evidence, so that none of
    them gets into instructions.
    """

    def __init__(
        self,
        source: WindowSource,
        clock: Clock,
        snapshot: Callable[[], Snapshot],
        texts: RecordedTexts | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._snapshot = snapshot
        self._texts = texts or NoTexts()

    async def check_compliance(self, specialist: Specialist) -> SafetyReport:
        """Return what of the window no policy allows, the worst first."""
        window = await self._source.window(specialist.name)
        found = await asyncio.to_thread(findings, specialist, self._snapshot().base, window)
        return SafetyReport(specialist=specialist.name, findings=found)

    async def review(self, specialist: Specialist, improvement: Improvement) -> SafetyReview:
        """Return what is to be held against an improvement; where there is nothing, it is approved."""
        window = await self._source.window(specialist.name)
        recorded = await self._texts.of(improvement.record_ids)
        at, snapshot = self._clock.now(), self._snapshot()
        return await asyncio.to_thread(
            lambda: reviewed(specialist, improvement, window, snapshot, at=at, recorded=recorded)
        )
