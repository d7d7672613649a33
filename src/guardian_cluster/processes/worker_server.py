"""Serves as one of several workers: shares its sockets with the others, and can leave without anybody noticing.

A worker that is replaced keeps connections that are idle for a moment: whoever asks on one meanwhile is answered, and
told that it will be closed. To close them at once would cut off a request that is on its way.
"""

import asyncio
import socket
from typing import Any

from guardian_cluster.contract.snapshot import GatewayLimits
from guardian_cluster.gateway.app import Gateway
from guardian_cluster.gateway.protocol import SWEEP_S, BoundedProtocol
from guardian_cluster.gateway.server import GatewayServer
from guardian_cluster.processes.accepting import Accepting
from guardian_cluster.processes.headcount import Headcount

IN_USE_S = 5.0
"""A connection on which nothing was asked for so long counts for nothing when it is decided who takes the next."""

LET_GO_PART = 8
"""Of the connections in use, one of so many is let go in half a second, where another worker has fewer."""

PART_S = 0.05
FAREWELL_S = 3.0
"""How long idle connections stay open at a worker that is replaced."""


class SharedProtocol(BoundedProtocol):
    """One connection of a worker."""

    is_leaving = False
    """Of all connections of a worker at once: the class is the worker's own."""

    is_let_go = False
    """Whether this one is closed with the next answer."""

    def is_in_use(self, now: float) -> bool:
        """Return whether something was asked lately, or is being answered."""
        return self._idle_since is None or now - self._idle_since < IN_USE_S

    def _cycle(self, scope: Any) -> Any:
        cycle = super()._cycle(scope)
        if self.is_leaving or self.is_let_go:
            cycle.keep_alive = False
        return cycle


class WorkerServer(GatewayServer):
    """Serves on sockets that other workers listen on too."""

    def __init__(
        self,
        gateway: Gateway,
        limits: GatewayLimits,
        tls: tuple[str, str] | None,
        *,
        headcount: Headcount | None,
        worker: int,
        replaced: asyncio.Event,
    ) -> None:
        """Prepare; `replaced` is set, before the end, where another worker has taken this one's place."""
        super().__init__(gateway, limits, tls)
        self._protocol = type("WorkerProtocol", (SharedProtocol,), {"limits": limits})
        self.config.http = self._protocol
        self._headcount = headcount
        self._worker = worker
        self._replaced = replaced
        self._accepting: Accepting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take in connections: our own way, for uvicorn's takes all that wait."""
        await super().startup(sockets=[])
        self._accepting = Accepting(
            sockets or [],
            self._connection,
            self.config.ssl,
            headcount=self._headcount,
            worker=self._worker,
        )
        self._accepting.start()

    def _connection(self) -> asyncio.Protocol:
        return self._protocol(config=self.config, server_state=self.server_state, app_state={})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in nobody any more; a worker that is replaced lets its clients go one by one."""
        self._accepting.stop()
        await self._accepting.finish()
        if self._replaced.is_set():
            await self._part()
        await super().shutdown(sockets)

    async def _part(self) -> None:
        """Answer whoever asks on an open connection, and close it with that; wait a moment for those who do not."""
        self._protocol.is_leaving = True
        for connection in self._connections():
            cycle: Any = connection.cycle  # none before the first request
            if cycle is not None and not cycle.response_complete:
                cycle.keep_alive = False
        for _ in range(int(FAREWELL_S / PART_S)):
            if not self._connections():
                return
            await asyncio.sleep(PART_S)

    async def _sweep(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super()._sweep())
            while True:
                await asyncio.sleep(SWEEP_S)
                self._balance(asyncio.get_running_loop().time())

    def _balance(self, now: float) -> None:
        """Say how many connections are in use; where they are too many, let some clients go to other workers.

        A client that keeps its connections would else stay where they were made, when another worker was starting,
        or busy. Some at a time: all workers do so at once, and by what was so half a second ago.
        """
        in_use = [
            each for each in self._connections() if isinstance(each, SharedProtocol) and each.is_in_use(now)
        ]
        self._accepting.note(len(in_use))
        staying = [each for each in in_use if not each.is_let_go]
        going = len(in_use) - len(staying)
        some = min(self._accepting.surplus() - going, max(1, len(in_use) // LET_GO_PART))
        for connection in staying[: max(0, some)]:
            connection.is_let_go = True
