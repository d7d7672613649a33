"""The gateway of a drill: the product's own parts behind real HTTP on a loopback port, until the block ends."""

import asyncio
import random
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.snapshot import Base, Snapshot
from guardian_cluster.domain.clock import Clock
from guardian_cluster.gateway.app import Gateway, Service
from guardian_cluster.gateway.auth import Keyring
from guardian_cluster.gateway.limits import Accounts
from guardian_cluster.gateway.routes import Api
from guardian_cluster.gateway.server import GatewayServer
from guardian_cluster.request.sinks import RecentRequests, Reports
from guardian_cluster.telemetry.metrics import Metrics

SERVED_BEFORE = 100
"""Requests that a drill's gateway counts as served: what may be spent on saving a request is a share of all of them,
and a fault seldom meets a gateway among its first."""


@asynccontextmanager
async def running_gateway(base: Base, clock: Clock, rng: random.Random) -> AsyncGenerator[str, None]:
    """Serve the base on a free port of 127.0.0.1, and yield the address, which ends in `/v1`.

    It is wired as the gateway process wires it, but for what outlives a gateway: it keeps nothing, spools no
    records, and has learned nothing.
    """
    recent, metrics = RecentRequests(), Metrics(lambda: 0.0)
    reports = Reports([recent, metrics])
    snapshot = Snapshot(rev=1, base=base)
    # With its protocol named: only then asyncio has the connections' small writes leave at once.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    stop, is_ready = asyncio.Event(), asyncio.Event()

    async def ready() -> None:
        is_ready.set()

    async with LLMGuardianCluster(snapshot, sink=reports, clock=clock, rng=rng) as cluster:
        for _ in range(SERVED_BEFORE):
            cluster.load_balancer.note_request()
        api = Api(Accounts(clock), recent, reports, metrics.text, clock)
        service = Service(snapshot=snapshot, workflow=cluster.workflow, keyring=Keyring(base))
        server = GatewayServer(Gateway(api.routes(), service, clock), base.limits)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.run_until([listening], stop, ready))
            await is_ready.wait()
            try:
                yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
            finally:
                stop.set()
