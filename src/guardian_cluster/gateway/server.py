"""Runs the gateway's application on uvicorn, with our bounded protocol and a clean start and end."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable

import uvicorn

from guardian_cluster.contract.snapshot import GatewayLimits
from guardian_cluster.gateway.app import Gateway
from guardian_cluster.gateway.protocol import SWEEP_S, BoundedProtocol

log = logging.getLogger("guardian.gateway")


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
            timeout_graceful_shutdown=int(limits.drain_s),
            ssl_certfile=certificate,
            ssl_keyfile=key,
            ssl_version=ssl.PROTOCOL_TLS_SERVER,
        )
        super().__init__(config)

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

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    connection.check(now)
