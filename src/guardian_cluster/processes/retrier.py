"""Does what failed again: asks a specialist through the product itself, apart from all that callers ask.

It is asked of a cluster of the control process's own (`own_cluster.py`), with the moves in force.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.action import HeldMove, Move
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.incident import FailureEvent
from guardian_cluster.domain.recovery import Retried
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.processes.own_cluster import OwnCluster, own_snapshot

if TYPE_CHECKING:
    from guardian_cluster.cluster import LLMGuardianCluster

log = logging.getLogger("guardian.recovery")

TENANT = "guardian-recovery"
"""No tenant of the configuration: none of their limits and policies is meant for it."""

ASKED = "Answer with the one word: ready"
"""What callers wrote is not asked again: that would need its words, its tenant's leave, and that no tool acts."""

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
        self._own = OwnCluster(clock)
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
            HeldMove(
                id=f"retry:{event.id}:{number}", until=self._clock.now() + 2 * self._timeout_s, move=move
            )
            for number, move in enumerate(moves)
        )
        snapshot = _as_moved(self._snapshot(), held)
        if all(each.name != event.specialist for each in snapshot.base.specialists):
            raise ValueError(f"{event.specialist!r} is not deployed")
        return await self._own.serving(snapshot)

    async def close(self) -> None:
        """Ask nobody any more."""
        await self._own.close()


def _as_moved(snapshot: Snapshot, moves: Sequence[HeldMove]) -> Snapshot:
    """Return a snapshot of the specialists alone, with these moves besides those in force."""
    alone = [replace(each, hedge=False) for each in snapshot.base.specialists]
    overlay = replace(snapshot.overlay, moves=(*snapshot.overlay.moves, *moves))
    return own_snapshot(snapshot, alone, overlay)
