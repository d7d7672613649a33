"""A cluster of the control process's own: guardians ask through the product, apart from all that is watched.

What they ask is answered and watched like anybody's question. But it is no traffic of callers: this cluster reports
nothing and remembers nothing, so that nothing of it is in the windows by which specialists are judged.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from guardian_cluster.contract.records import Report
from guardian_cluster.contract.snapshot import Base, MemoryPolicy, Overlay, Snapshot, Specialist
from guardian_cluster.domain.clock import Clock

if TYPE_CHECKING:
    from guardian_cluster.cluster import LLMGuardianCluster


class OwnCluster:
    """Opened when it is asked first. `close` it in the end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._cluster: LLMGuardianCluster | None = None
        self._served: Snapshot | None = None
        self._opening = asyncio.Lock()

    async def serving(self, snapshot: Snapshot) -> "LLMGuardianCluster":
        """Return the cluster as it serves from this snapshot. Raises ValueError where it cannot."""
        async with self._opening:
            cluster = self._cluster
            if cluster is None:
                cluster = await asyncio.to_thread(self._new, snapshot)
                await cluster.__aenter__()
                self._cluster = cluster
            elif snapshot != self._served:
                cluster.apply(snapshot)
            self._served = snapshot
            return cluster

    def _new(self, snapshot: Snapshot) -> "LLMGuardianCluster":
        # Imported here, and in a thread: where nobody is asked, a control process needs nothing of it.
        from guardian_cluster.cluster import LLMGuardianCluster

        return LLMGuardianCluster(snapshot, sink=_Nowhere(), clock=self._clock)

    async def close(self) -> None:
        """Ask nobody any more."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            await cluster.__aexit__(None, None, None)


class _Nowhere:
    """Takes reports, and keeps none."""

    def report(self, report: Report) -> None:
        """Take one report."""


def own_snapshot(snapshot: Snapshot, specialists: Sequence[Specialist], overlay: Overlay) -> Snapshot:
    """Return a snapshot of these specialists, without the keys, the tenants and the memory of callers.

    What holds for every answer holds here: how it is watched, and limits of size.
    """
    base = snapshot.base
    own = Base(
        specialists=tuple(specialists),
        watch=base.watch,
        limits=base.limits,
        memory=MemoryPolicy(conversations="off"),
        balancing=base.balancing,
    )
    return Snapshot(rev=snapshot.rev, base=own, overlay=overlay)
