"""Sends the probes with which an endpoint that is left alone can show that it is back, while no request waits.

Others keep backups warm: the first requests that are given to one find connections that are open.
"""

import asyncio
from collections.abc import Callable

from guardian_cluster.contract.snapshot import Base, Endpoint, Specialist
from guardian_cluster.domain.clock import Clock
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.specialists.probing import probe
from guardian_cluster.specialists.transport import Transport

LOOKS_S = 0.5
"""How often it is asked whose probe is due: a microsecond each, and the first is due after one second."""


WARM_S = 10.0
"""How often those who stand in for others are asked: before a connection that nobody uses is closed
(`specialists/pool.py`)."""


class Prober:
    """Asks for lists of models, which cost nothing, and tells the balancer who answered."""

    def __init__(
        self, balancer: LoadBalancer, transport: Transport, clock: Clock, base: Callable[[], Base]
    ) -> None:
        self._balancer = balancer
        self._transport = transport
        self._clock = clock
        self._base = base

    async def run(self) -> None:
        """Probe until cancelled; each probe takes a few seconds at most, and waits for no other."""
        async with asyncio.TaskGroup() as probing:
            probing.create_task(self._keep_warm(probing))
            while True:
                await asyncio.sleep(LOOKS_S)
                for endpoint_id in self._balancer.probes_due(self._clock.monotonic()):
                    probing.create_task(self._probe(endpoint_id))

    async def _probe(self, endpoint_id: str) -> None:
        found = self._find(endpoint_id)
        if found is not None:
            self._balancer.probed(endpoint_id, await probe(self._transport, *found))

    async def _keep_warm(self, probing: asyncio.TaskGroup) -> None:
        """Use a connection to each backup now and then; what comes of it tells nobody anything."""
        while True:
            await asyncio.sleep(WARM_S)
            for specialist in backups(self._base()):
                for endpoint in specialist.endpoints:
                    probing.create_task(probe(self._transport, specialist, endpoint, is_fresh=False))

    def _find(self, endpoint_id: str) -> tuple[Specialist, Endpoint] | None:
        """Return an endpoint that the snapshot in force still has, and that is somewhere else than in this house."""
        for specialist in self._base().specialists:
            for endpoint in specialist.endpoints:
                if endpoint.id == endpoint_id:
                    return (specialist, endpoint) if specialist.kind == "http" else None
        return None


def backups(base: Base) -> list[Specialist]:
    """Return those who take others' requests when these fail, as far as they are somewhere else than in this house."""
    named = {name for each in base.specialists for name in base.recovery.backups_of(each)}
    return [each for each in base.specialists if each.name in named and each.kind == "http"]
