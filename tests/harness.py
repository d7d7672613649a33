"""A whole gateway on a real socket, for tests: the product's own parts, wired as the gateway process wires them."""

import asyncio
import random
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.records import Report, RequestRecord
from guardian_cluster.contract.snapshot import (
    ApiKey,
    Base,
    Capabilities,
    Endpoint,
    GatewayLimits,
    Overlay,
    Snapshot,
    Specialist,
    Tenant,
    Timeouts,
    Variant,
    WatchPolicy,
)
from guardian_cluster.domain.clock import Clock, SystemClock
from guardian_cluster.gateway.app import Gateway, Service
from guardian_cluster.gateway.auth import Keyring
from guardian_cluster.gateway.limits import Accounts
from guardian_cluster.gateway.routes import Api
from guardian_cluster.gateway.server import GatewayServer
from guardian_cluster.request.sinks import RecentRequests, Reports
from guardian_cluster.telemetry.metrics import Metrics

EVERYTHING = Capabilities(tools=True, vision=True, json=True, embeddings=True)
SOLVER = Specialist(
    name="solver",
    kind="solver",
    variants=(Variant(id="builtin"),),
    endpoints=(Endpoint(id="solver/1", url="builtin:solver", model="solver"),),
    capabilities=Capabilities(tools=False, json=False),
)
RECALL = Specialist(
    name="recall",
    kind="recall",
    variants=(Variant(id="builtin"),),
    endpoints=(Endpoint(id="recall/1", url="builtin:recall", model="recall"),),
    capabilities=Capabilities(tools=False, json=False),
)


def specialist(name: str, *urls: str, **changes: object) -> Specialist:
    """Return a specialist whose model is served at these addresses."""
    endpoints = tuple(
        Endpoint(id=f"{name}/{n}", url=url, model="simulated-1") for n, url in enumerate(urls, 1)
    )
    facts: dict[str, object] = {"variants": (Variant(id="v1"),), "capabilities": EVERYTHING, **changes}
    return Specialist(name=name, endpoints=endpoints, **facts)  # type: ignore[arg-type]


def base(
    *specialists: Specialist,
    watch: WatchPolicy | None = None,
    keys: Sequence[ApiKey] = (),
    tenants: Sequence[Tenant] = (),
    aliases: dict[str, str] | None = None,
    cors_origins: Sequence[str] = (),
    **limits: object,
) -> Base:
    """Return the base of a snapshot with these specialists."""
    return Base(
        specialists=specialists,
        watch=watch or WatchPolicy(),
        keys=tuple(keys),
        tenants=tuple(tenants),
        aliases=aliases or {},
        cors_origins=tuple(cors_origins),
        limits=GatewayLimits(**limits),  # type: ignore[arg-type]
    )


QUICK = Timeouts(connect_s=1.0, first_token_s=0.3, between_chunks_s=0.3, total_s=2.0)
"""For faults that hang."""


@dataclass
class Collected:
    """A sink that keeps everything, and lets a test wait for a record."""

    reports: list[Report] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def report(self, report: Report) -> None:
        self.reports.append(report)
        self.changed.set()

    @property
    def requests(self) -> list[RequestRecord]:
        return [report for report in self.reports if isinstance(report, RequestRecord)]

    async def request(self, number: int = 0) -> RequestRecord:
        """Return the record of that number once it is there."""
        async with asyncio.timeout(5):
            while len(self.requests) <= number:
                self.changed.clear()
                await self.changed.wait()
        return self.requests[number]


@dataclass
class RunningGateway:
    """A gateway that serves."""

    origin: str
    cluster: LLMGuardianCluster
    gateway: Gateway
    collected: Collected
    api: Api
    stop: asyncio.Event

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])

    def apply(self, fresh: Base, overlay: Overlay | None = None) -> None:
        """Serve another base from now on."""
        snapshot = Snapshot(rev=self.cluster.snapshot.rev + 1, base=fresh, overlay=overlay or Overlay())
        self.cluster.apply(snapshot)
        self.gateway.serve(Service(snapshot=snapshot, workflow=self.cluster.workflow, keyring=Keyring(fresh)))


@asynccontextmanager
async def running_gateway(serving: Base, clock: Clock | None = None) -> AsyncGenerator[RunningGateway, None]:
    """Run a gateway on a free port of 127.0.0.1."""
    clock = clock or SystemClock()
    collected, recent = Collected(), RecentRequests()
    metrics = Metrics(lambda: 0.0)
    reports = Reports([recent, metrics, collected])
    snapshot = Snapshot(rev=1, base=serving)
    listening = socket.create_server(("127.0.0.1", 0))
    stop, is_ready = asyncio.Event(), asyncio.Event()

    async def ready() -> None:
        is_ready.set()

    async with LLMGuardianCluster(snapshot, sink=reports, clock=clock, rng=random.Random(1)) as cluster:
        api = Api(Accounts(clock), recent, reports, metrics.text, clock)
        service = Service(snapshot=snapshot, workflow=cluster.workflow, keyring=Keyring(serving))
        gateway = Gateway(api.routes(), service, clock)
        server = GatewayServer(gateway, serving.limits)
        serve = asyncio.create_task(server.run_until([listening], stop, ready))
        await is_ready.wait()
        try:
            origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
            yield RunningGateway(origin, cluster, gateway, collected, api, stop)
        finally:
            stop.set()
            await serve
