"""GatewayProcess: a worker. It serves from the snapshot on disk, takes over each new one, and needs nothing else.

Where that snapshot cannot be served, the last one that was is.
"""

import asyncio
import logging
import random
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import msgspec

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.records import GatewayEvent, Spend
from guardian_cluster.contract.snapshot import AlertPolicy, Snapshot
from guardian_cluster.contract.snapshot_file import FILE_NAME, SERVED_NAME, read_snapshot, stamp
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.errors import CannotCreate, Problem, printable
from guardian_cluster.gateway.app import Gateway, Service
from guardian_cluster.gateway.auth import Keyring
from guardian_cluster.gateway.limits import Accounts
from guardian_cluster.gateway.routes import Api
from guardian_cluster.processes.garbage import spare_the_collector
from guardian_cluster.processes.headcount import Headcount
from guardian_cluster.processes.membership import Membership
from guardian_cluster.processes.portion import portion
from guardian_cluster.processes.served import keep_one
from guardian_cluster.processes.worker_server import WorkerServer
from guardian_cluster.request.sinks import RecentRequests, Reports
from guardian_cluster.telemetry.metrics import Metrics
from guardian_cluster.telemetry.reporter import Reporter

log = logging.getLogger("guardian.gateway")

SPEND_WAIT_S = 0.5
"""A control process that runs answers within 10 ms; one that does not must not keep requests waiting for long."""

POLL_S = 0.1
"""How often the disk is asked for a new snapshot: 5 µs each, so that a rollback is in force within 0.1 s."""


class GatewayProcess:
    """Wires the parts of one worker: its number, and of how many; `fleet` is its end of the tie to the supervisor."""

    def __init__(
        self, data: Path, worker: int = 1, workers: int = 1, fleet: socket.socket | None = None
    ) -> None:
        self._data = data
        self._worker = worker
        self._workers = workers
        self._clock = SystemClock()
        self._recent = RecentRequests()
        self._metrics = Metrics(lambda: float(self._in_flight()), worker)
        self._reporter = Reporter(data, random.Random(), clock=self._clock, on_spend=self._learn_spend)
        self._metrics.watch_drops(self._reporter.dropped)
        self._reports = Reports([self._recent, self._metrics, self._reporter])
        self._accounts = Accounts(self._clock, shared=fleet is not None)
        self._fleet = fleet
        self._membership = None if fleet is None else self._new_membership()
        siblings = None if self._membership is None else self._membership.inquiries
        self._api = Api(
            self._accounts, self._recent, self._reports, self._metrics.text, self._clock, siblings
        )
        self._gateway: Gateway | None = None
        self._service: Service | None = None
        self._at_once: int | None = None
        self._snapshot: Snapshot
        self._knows_spend = asyncio.Event()

    async def run(
        self,
        sockets: list[socket.socket],
        stop: asyncio.Event,
        replaced: asyncio.Event,
        tls: tuple[str, str] | None,
        *,
        headcount: Headcount | None = None,
        restarted: str = "",
    ) -> None:
        """Serve until `stop` is set; `restarted` is why this worker takes another's place, if it does.

        Raises:
            CannotCreate: there is no snapshot that can be served.
        """
        at = stamp(self._data)
        async with AsyncExitStack() as stack:
            await self._tie(stack)
            cluster = await self._cluster(stack)
            snapshot = self._snapshot
            # Not before: what it is told of keys' spending is shared out to the tenants of the snapshot.
            await stack.enter_async_context(self._reporter)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            gateway = self._gateway = Gateway(self._api.routes(), self._served(cluster), self._clock)
            self._reporter.applied(snapshot.rev)
            self._tell("started", str(snapshot.rev))
            if restarted:
                self._tell("worker_restarted", str(self._worker), restarted)
            await self._wait_for_limits(snapshot)
            ready = asyncio.Event()
            following = tasks.create_task(self._follow(cluster, at, ready))
            tasks.create_task(_warm(cluster))
            server = WorkerServer(
                gateway,
                snapshot.base.limits,
                tls,
                headcount=headcount,
                worker=self._worker,
                replaced=replaced,
            )
            await server.run_until(sockets, self._draining(tasks, stop), lambda: self._say_ready(ready))
            following.cancel()
            self._tell("stopped", str(self._snapshot.rev))

    async def _tie(self, stack: AsyncExitStack) -> None:
        """Be a worker among others from now on, until all else has ended."""
        if self._membership is None or self._fleet is None:
            return
        tied = asyncio.create_task(self._membership.run(self._fleet))

        async def untie() -> None:
            tied.cancel()
            await asyncio.wait({tied})

        stack.push_async_callback(untie)

    def _new_membership(self) -> Membership:
        return Membership(
            self._worker,
            self._accounts,
            self._recent,
            self._metrics,
            self._clock,
            in_flight=self._in_flight,
            on_share=self._take_at_once,
        )

    def _in_flight(self) -> int:
        return 0 if self._gateway is None else self._gateway.in_flight

    def _take_at_once(self, at_once: int) -> None:
        """Take in so many requests at once from now on."""
        self._at_once = at_once
        if self._gateway is not None and self._service is not None:
            self._gateway.serve(self._limited(self._service))

    def _served(self, cluster: LLMGuardianCluster) -> Service:
        """Return what is served of the snapshot in force."""
        keyring = Keyring(self._snapshot.base)
        self._service = Service(snapshot=self._snapshot, workflow=cluster.workflow, keyring=keyring)
        return self._limited(self._service)

    def _limited(self, service: Service) -> Service:
        if self._at_once is None:
            return service
        limits = msgspec.structs.replace(service.base.limits, max_concurrency=self._at_once)
        base = msgspec.structs.replace(service.base, limits=limits)
        snapshot = msgspec.structs.replace(service.snapshot, base=base)
        return msgspec.structs.replace(service, snapshot=snapshot)

    async def _say_ready(self, ready: asyncio.Event) -> None:
        spare_the_collector()
        ready.set()
        if self._membership is not None:
            self._membership.serves(self._snapshot.rev)

    async def _cluster(self, stack: AsyncExitStack) -> LLMGuardianCluster:
        """Return what serves the snapshot on disk; where that cannot be served, the last one that was."""
        try:
            return await self._serving(FILE_NAME, stack)
        except Exception as error:  # whatever is wrong with it: requests go on, or it is said below
            refused = error
        try:
            cluster = await self._serving(SERVED_NAME, stack)
        except Exception as error:
            raise _nothing_to_serve(refused, error) from refused
        facts = {"reason": _said(refused), "rev": cluster.snapshot.rev}
        log.error(
            "the snapshot on disk cannot be served; the last one that was is in force again", extra=facts
        )
        self._tell("snapshot_refused", str(cluster.snapshot.rev), _said(refused))
        return cluster

    async def _serving(self, name: str, stack: AsyncExitStack) -> LLMGuardianCluster:
        snapshot = await asyncio.to_thread(_read, self._data, name)
        part = portion(snapshot, self._workers)
        cluster = LLMGuardianCluster(part, sink=self._reports, clock=self._clock, folder=self._data)
        stack.push_async_exit(cluster)  # one that cannot serve has opened connections too
        await cluster.__aenter__()
        self._snapshot = snapshot
        return cluster

    async def _wait_for_limits(self, snapshot: Snapshot) -> None:
        """Wait a moment until it is known what may be used here, and, where there are budgets, what is left of them.

        Requests that came while the gateway was away would else be served as if nothing had been spent.
        """
        has_budgets = any(
            each.limits.budget_usd_per_month for each in (*snapshot.base.keys, *snapshot.base.tenants)
        )
        member = self._membership
        waited_for = [] if member is None else [member.has_shares]
        if has_budgets:
            waited_for.append(self._knows_spend if member is None else member.knows_spending)
        with suppress(TimeoutError):
            async with asyncio.timeout(SPEND_WAIT_S):
                for event in waited_for:
                    await event.wait()

    def _learn_spend(self, spends: Sequence[Spend]) -> None:
        self._knows_spend.set()
        if self._membership is not None:
            self._membership.tell_spending(spends)
            return
        tenants = {key.id: key.tenant for key in self._snapshot.base.keys}
        self._accounts.learn(spends, tenants)

    def _draining(self, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> asyncio.Event:
        async def mark() -> None:
            await stop.wait()
            self._api.draining = True

        tasks.create_task(mark())
        return stop

    async def _follow(
        self, cluster: LLMGuardianCluster, at: tuple[int, int] | None, ready: asyncio.Event
    ) -> None:
        """Take over each new snapshot once the first one is served, and keep those to fall back on."""
        await ready.wait()
        log.info("gateway ready", extra={"rev": cluster.snapshot.rev, "worker": self._worker})
        is_kept = await self._keep(self._snapshot)
        while True:
            await asyncio.sleep(POLL_S)
            now = stamp(self._data)
            if now is not None and now != at:
                at = now
                if await self._take_over(cluster):
                    is_kept = False
            if not is_kept:
                is_kept = await self._keep(self._snapshot)

    async def _take_over(self, cluster: LLMGuardianCluster) -> bool:
        """Serve the new snapshot, and return whether that can be done; where not, the last one stays."""
        try:
            snapshot = await asyncio.to_thread(_read, self._data, FILE_NAME)
            await asyncio.to_thread(cluster.prepare, snapshot)
            cluster.apply(portion(snapshot, self._workers))
        except Exception as error:  # whatever is wrong with it: requests go on
            log.error("snapshot refused, the last one stays in force", extra={"reason": _said(error)})
            self._tell("snapshot_refused", str(cluster.snapshot.rev), _said(error))
            return False
        self._snapshot = snapshot
        if self._gateway is not None:
            self._gateway.serve(self._served(cluster))
        self._accounts.keep_only(snapshot.base)
        self._reporter.applied(snapshot.rev)
        if self._membership is not None:
            self._membership.serves(snapshot.rev)
        log.info("snapshot applied", extra={"rev": snapshot.rev, "worker": self._worker})
        return True

    async def _keep(self, snapshot: Snapshot) -> bool:
        """Keep what is served, to fall back on; return whether that is done, or cannot be."""
        try:
            return await asyncio.to_thread(keep_one, self._data, snapshot)
        except OSError as error:
            log.warning("the snapshot that is served cannot be kept", extra={"reason": _said(error)})
            return True

    def _tell(self, kind: str, subject: str, detail: str = "") -> None:
        event = GatewayEvent(kind=kind, at=self._clock.now(), subject=subject, detail=detail)  # type: ignore[arg-type]
        self._reports.report(event)


def _read(folder: Path, name: str) -> Snapshot:
    """Return a snapshot on disk without what no gateway needs: who is called when something fails, and their keys."""
    snapshot = read_snapshot(folder, name)
    base = msgspec.structs.replace(snapshot.base, alerts=AlertPolicy())
    return msgspec.structs.replace(snapshot, base=base)


def _said(error: Exception) -> str:
    return printable(str(error) if isinstance(error, ValueError | OSError) else repr(error), 500)


def _nothing_to_serve(refused: Exception, fallback: Exception) -> CannotCreate:
    message = (
        f"there is no snapshot that can be served: {_said(refused)}; and of those served: {_said(fallback)}"
    )
    hint = "to have it written anew, start guardian serve again, or send it SIGHUP"
    return CannotCreate(Problem("no-snapshot", message, hint=hint, see="guardian config check"))


async def _warm(cluster: LLMGuardianCluster) -> None:
    try:
        await cluster.warm()
    except Exception:  # nothing depends on it: whoever asks first waits, or is told
        log.exception("the solver could not be started ahead")
