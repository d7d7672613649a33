"""Does what failed again: asks a specialist through the product itself, apart from all that callers ask.

As with the narrator, it is a cluster of its own, with the moves in force, that reports nothing and remembers nothing:
what recovery asks is no traffic, and must not be in the windows by which recovery is judged.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from guardian_cluster.contract.records import Report
from guardian_cluster.contract.snapshot import Base, MemoryPolicy, RecoveryPolicy, Snapshot
from guardian_cluster.domain.action import HeldMove, Move
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.incident import FailureEvent
from guardian_cluster.domain.recovery import Retried
from guardian_cluster.domain.request import UserRequest

if TYPE_CHECKING:
    from guardian_cluster.cluster import LLMGuardianCluster

log = logging.getLogger("guardian.recovery")

TENANT = "guardian-recovery"
"""No tenant of the configuration: none of their limits and policies is meant for it."""

ASKED = "Answer with the one word: ready"
"""What is asked where the words of what failed were not kept."""

TIMES = 3
"""Requests of one retry: enough to see a fault of every request, and cheap."""

MAX_TOKENS = 16
TIMEOUT_S = 15.0


class SpecialistRetrier:
    """Asks specialists as recovery would have them asked. `close` it in the end."""

    def __init__(
        self, snapshot: Callable[[], Snapshot], clock: Clock, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._timeout_s = timeout_s
        self._cluster: LLMGuardianCluster | None = None
        self._turn = asyncio.Lock()

    async def retry(self, event: FailureEvent, moves: Sequence[Move]) -> Retried:
        """Ask the event's specialist as these moves have it asked; never raises."""
        async with self._turn:
            try:
                cluster = await self._serving(event, moves)
                async with asyncio.timeout(self._timeout_s):
                    found = await asyncio.gather(
                        *(self._ask(cluster, event.specialist) for _ in range(TIMES))
                    )
            except (GuardianError, TimeoutError, ValueError, OSError) as error:
                return Retried(said=str(error) or f"no answer within {self._timeout_s:g} s")
        failures = [said for said in found if said]
        said = failures[0] if failures else "all were answered"
        return Retried(tried=len(found), well=len(found) - len(failures), said=said[:300])

    async def _ask(self, cluster: "LLMGuardianCluster", specialist: str) -> str:
        """Ask once; return what is wrong with the answer, nothing where it is sound."""
        body: dict[str, Any] = {
            "model": specialist,
            "messages": [{"role": "user", "content": ASKED}],
            "max_tokens": MAX_TOKENS,
        }
        try:
            response = await cluster.process_request(
                UserRequest(body=body, tenant=TENANT, timeout_s=self._timeout_s)
            )
        except GuardianError as error:
            return f"{error.code}: {error}"
        # A short answer is cut off by our own limit; what watchers find beside that is the specialist's.
        found = [each for each in response.record.verdicts if each.rule != "truncated"]
        return f"{found[0].detector}/{found[0].rule}" if found else ""

    async def _serving(self, event: FailureEvent, moves: Sequence[Move]) -> "LLMGuardianCluster":
        """Return a cluster that serves what is deployed now with these moves."""
        held = tuple(
            HeldMove(id=f"retry:{number}", until=self._clock.now() + 2 * self._timeout_s, move=move)
            for number, move in enumerate(moves)
        )
        snapshot = _own(self._snapshot(), held)
        if all(each.name != event.specialist for each in snapshot.base.specialists):
            raise ValueError(f"{event.specialist!r} is not deployed")
        if self._cluster is None:
            cluster = await asyncio.to_thread(self._new, snapshot)
            await cluster.__aenter__()
            self._cluster = cluster
        else:
            self._cluster.apply(snapshot)
        return self._cluster

    def _new(self, snapshot: Snapshot) -> "LLMGuardianCluster":
        # Imported here, and in a thread: where nothing fails, a control process needs nothing of it.
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


def _own(snapshot: Snapshot, moves: Sequence[HeldMove]) -> Snapshot:
    """Return a snapshot of the specialists alone, without the memory and the keys of callers."""
    base = snapshot.base
    own = Base(
        specialists=tuple(replace(each, hedge=False) for each in base.specialists),
        watch=base.watch,
        limits=base.limits,
        memory=MemoryPolicy(conversations="off"),
        balancing=base.balancing,
        recovery=RecoveryPolicy(),
    )
    overlay = replace(snapshot.overlay, moves=(*snapshot.overlay.moves, *moves))
    return Snapshot(rev=snapshot.rev, base=own, overlay=overlay)
