"""The specialist that puts a diagnosis into words: asked through the product itself, apart from all that is watched.

It is asked like anybody asks: its answer is watched on its way, bounded in length and time. But by a cluster of the
control process's own (`own_cluster.py`), which has that one specialist.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.processes.own_cluster import OwnCluster, own_snapshot

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
        self._own = OwnCluster(clock)
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
        cluster = await self._own.serving(narrators_own(self._snapshot()))
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

    async def close(self) -> None:
        """Ask nobody any more."""
        await self._own.close()


def narrators_own(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot of the narrator alone: nobody answers in its place, for only it was chosen to be told.

    Raises ValueError where no narrator is deployed.
    """
    name = snapshot.base.guardians.narrator
    found = next((each for each in snapshot.base.specialists if each.name == name), None)
    if found is None:
        raise ValueError(f"the narrator {name!r} is not deployed")
    alone = msgspec.structs.replace(found, fallback=(), equals=())
    return own_snapshot(snapshot, (alone,), snapshot.overlay)
