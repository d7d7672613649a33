"""The specialist that puts a diagnosis into words: asked through the product itself, apart from all that is watched.

It is asked like anybody asks: its answer is watched on its way, bounded in length and time. But by a cluster of its
own, which has that one specialist, reports nothing, and remembers nothing: what guardians ask is no traffic of
callers, and must not be in the windows that guardians look at.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from guardian_cluster.contract.records import Report
from guardian_cluster.contract.snapshot import Base, MemoryPolicy, Snapshot
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest

if TYPE_CHECKING:
    from guardian_cluster.cluster import LLMGuardianCluster

log = logging.getLogger("guardian.monitoring")

TENANT = "guardian-narrator"
"""No tenant of the configuration: none of their limits and policies is meant for it."""

TIMEOUT_S = 20.0
MAX_TOKENS = 400
"""Five sentences, and a model that thinks a little first."""

REST_S = 60.0
"""Without a word, after it failed: during an outage every diagnosis would wait for it."""


class SpecialistNarrator:
    """Asks the specialist that the snapshot in force names as narrator. `close` it in the end."""

    def __init__(
        self, snapshot: Callable[[], Snapshot], clock: Clock, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._timeout_s = timeout_s
        self._cluster: LLMGuardianCluster | None = None
        self._served: Snapshot | None = None
        self._opening = asyncio.Lock()
        self._rests_until = float("-inf")

    async def tell(self, prompt: str) -> str:
        """Return what the narrator answers; nothing where there is none, or it fails, or it did a moment ago."""
        name = self._snapshot().base.guardians.narrator
        if not name or self._clock.monotonic() < self._rests_until:
            return ""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._asked(name, prompt)
        except (GuardianError, TimeoutError, ValueError) as error:
            self._rests_until = self._clock.monotonic() + REST_S
            reason = str(error) or f"no answer within {self._timeout_s:g} s"
            log.warning("no narrative", extra={"narrator": name, "reason": reason})
            return ""

    async def _asked(self, name: str, prompt: str) -> str:
        cluster = await self._serving()
        body = {
            "model": name,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": MAX_TOKENS,
        }
        request = UserRequest(body=body, tenant=TENANT, timeout_s=self._timeout_s)
        response = await cluster.process_request(request)
        record = response.record
        facts = {"narrator": name, "output_tokens": record.output_tokens, "cost_usd": record.cost_usd}
        log.info("a diagnosis was put into words", extra=facts)  # the only place where it is noted
        return response.text

    async def _serving(self) -> "LLMGuardianCluster":
        """Return a cluster that serves the narrator as it is deployed now."""
        async with self._opening:
            snapshot = self._snapshot()
            cluster = self._cluster
            if cluster is None:
                cluster = await asyncio.to_thread(self._new, snapshot)
                await cluster.__aenter__()
                self._cluster = cluster
            elif snapshot is not self._served:
                cluster.apply(narrators_own(snapshot))
            self._served = snapshot
            return cluster

    def _new(self, snapshot: Snapshot) -> "LLMGuardianCluster":
        # Imported here, and in a thread: where nobody narrates, a control process needs nothing of it.
        from guardian_cluster.cluster import LLMGuardianCluster

        return LLMGuardianCluster(narrators_own(snapshot), sink=_Nowhere(), clock=self._clock)

    async def close(self) -> None:
        """Ask nobody any more."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            await cluster.__aexit__(None, None, None)


class _Nowhere:
    """Takes reports, and keeps none."""

    def report(self, report: Report) -> None:
        """Take one report."""


def narrators_own(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot of the narrator alone: nobody answers in its place, for only it was chosen to be told.

    What holds for every answer holds for its own: how it is watched, and limits of size. Raises ValueError where no
    narrator is deployed.
    """
    base = snapshot.base
    name = base.guardians.narrator
    found = next((each for each in base.specialists if each.name == name), None)
    if found is None:
        raise ValueError(f"the narrator {name!r} is not deployed")
    alone = msgspec.structs.replace(found, fallback=(), equals=())
    own = Base(
        specialists=(alone,),
        watch=base.watch,
        limits=base.limits,
        memory=MemoryPolicy(conversations="off"),
        balancing=base.balancing,
    )
    return Snapshot(rev=snapshot.rev, base=own, overlay=snapshot.overlay)
