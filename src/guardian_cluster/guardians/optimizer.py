"""The Optimizer guardian: what of a specialist could be better, and which changes serve its needs."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from guardian_cluster.contract.snapshot import Snapshot, Specialist
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.improvement import Improvement
from guardian_cluster.domain.monitoring import Need, OptimizerReport
from guardian_cluster.guardians.optimizing.opportunities import opportunities
from guardian_cluster.guardians.optimizing.proposing import proposals
from guardian_cluster.monitoring.ports import WindowSource


class Refused(Protocol):
    """What people turned down."""

    async def __call__(self, specialist: str) -> Collection[str]:
        """Return the ids of a specialist's improvements that are not to be proposed again."""
        ...


async def none_refused(specialist: str) -> Collection[str]:
    """Return nothing: nobody was asked."""
    return ()


class Optimizer:
    """Looks at a specialist's window for what could be better, and proposes changes by rules.

    `snapshot` returns what is deployed at the moment, `refused` what was turned down: in its place the next rule comes.
    """

    def __init__(
        self,
        source: WindowSource,
        clock: Clock,
        snapshot: Callable[[], Snapshot],
        refused: Refused = none_refused,
    ) -> None:
        self._refused = refused
        self._source = source
        self._clock = clock
        self._snapshot = snapshot

    async def assess_performance(self, specialist: Specialist) -> OptimizerReport:
        """Return what could be better although nothing is broken, with the records that show it."""
        window = await self._source.window(specialist.name)
        found = await asyncio.to_thread(opportunities, specialist, self._snapshot().base, window)
        return OptimizerReport(specialist=specialist.name, opportunities=found)

    async def propose(self, specialist: Specialist, needs: Sequence[Need]) -> tuple[Improvement, ...]:
        """Return a typed change for each need that a rule fits; no two of them change the same thing."""
        if not needs:
            return ()
        window = await self._source.window(specialist.name)
        refused = await self._refused(specialist.name)
        at, snapshot = self._clock.now(), self._snapshot()
        return await asyncio.to_thread(
            lambda: tuple(proposals(specialist, needs, window, snapshot, at=at, refused=refused))
        )
