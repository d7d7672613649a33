"""Runs the gateway's application on uvicorn, with our bounded protocol and a clean start and end."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable

import uvicorn

from guardian_cluster.contract.snapshot import GatewayLimits
from guardian_cluster.domain.errors import GatewayStopping
from guardian_cluster.gateway.app import Gateway
from guardian_cluster.gateway.protocol import SWEEP_S, BoundedProtocol

log = logging.getLogger("guardian.gateway")

FAREWELL_S = 1.0
"""How long clients have to hear that their answers will not end; the process itself is killed 5 s after the drain."""


class GatewayServer(uvicorn.Server):
    """Serves on sockets that are bound already; `run_until` ends it."""

    def __init__(self, gateway: Gateway, limits: GatewayLimits, tls: tuple[str, str] | None = None) -> None:
        protocol = type("LimitedProtocol", (BoundedProtocol,), {"limits": limits})
        certificate, key = tls or (None, None)
        config = uvicorn.Config(
            gateway,  # type: ignore[arg-type]  # our own narrower ASGI types
            http=protocol,
            loop="none",
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            ssl_version=ssl.PROTOCOL_TLS_SERVER,
        )
        super().__init__(config)
        self._drain_s = limits.drain_s

    async def run_until(
        self, sockets: list[socket.socket], stop: asyncio.Event, ready: Callable[[], Awaitable[None]]
    ) -> None:
        """Serve until `stop` is set, then let the answers under way end, for as long as the limits allow."""
        self._stop = stop
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(self._serve(sockets))
            sweeping = tasks.create_task(self._sweep())
            while not self.started and not serving.done():  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # uvicorn has no event for it
            if self.started:
                await ready()
            await serving
            sweeping.cancel()

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def, override]
        """Leave signals to the process: it decides what they mean."""
        yield

    async def main_loop(self) -> None:
        """Wait for the end; uvicorn's own loop wakes ten times a second to look for it."""
        await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in nobody any more, wait for the answers under way, and end those that take too long."""
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in self._connections():
            connection.shutdown()
        try:
            async with asyncio.timeout(self._drain_s):
                await self._wait_tasks_to_complete()
        except TimeoutError:
            await self._stop_answers()

    async def _stop_answers(self) -> None:
        """End every answer with an error, and every connection once its client has heard it, or soon after."""
        error = GatewayStopping(
            f"The gateway stops, and the answer took more than the {self._drain_s:g} s there were; send it again.",
            retry_after_s=1.0,
        )
        works = [work for each in self._connections() if (work := each.stop(error)) is not None]
        log.warning("answers did not end in time and were ended", extra={"count": len(works)})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await self._wait_tasks_to_complete()
        for connection in self._connections():
            connection.transport.abort()

    def _connections(self) -> list[BoundedProtocol]:
        every = self.server_state.connections
        return [connection for connection in every if isinstance(connection, BoundedProtocol)]

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            for connection in self._connections():
                connection.check(now)
