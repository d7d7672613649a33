"""The gateway process: serves from the snapshot on disk, and takes over each new one. It needs nothing else to run.

Where that snapshot cannot be served, the last one that was is.
"""

import asyncio
import gc
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import click
import uvloop

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.records import GatewayEvent, Spend
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.contract.snapshot_file import FILE_NAME, SERVED_NAME, keep_served, read_snapshot, stamp
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.errors import CannotCreate, CommandError, Problem, printable
from guardian_cluster.gateway.app import Gateway, Service
from guardian_cluster.gateway.auth import Keyring
from guardian_cluster.gateway.limits import Accounts
from guardian_cluster.gateway.routes import Api
from guardian_cluster.gateway.server import GatewayServer
from guardian_cluster.processes.lifeline import follow_parent
from guardian_cluster.request.sinks import RecentRequests, Reports
from guardian_cluster.telemetry.logs import set_up_logs
from guardian_cluster.telemetry.metrics import Metrics
from guardian_cluster.telemetry.reporter import Reporter

log = logging.getLogger("guardian.gateway")

SPEND_WAIT_S = 0.5
"""A control process that runs answers within 10 ms; one that does not must not keep requests waiting for long."""

POLL_S = 0.1
"""How often the disk is asked for a new snapshot: 5 µs each, so that a rollback is in force within 0.1 s."""


class GatewayProcess:
    """Wires the parts of one gateway."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._clock = SystemClock()
        self._recent = RecentRequests()
        self._metrics = Metrics(lambda: float(self._gateway.in_flight))
        self._reporter = Reporter(data, random.Random(), clock=self._clock, on_spend=self._learn_spend)
        self._metrics.watch_drops(self._reporter.dropped)
        self._reports = Reports([self._recent, self._metrics, self._reporter])
        self._accounts = Accounts(self._clock)
        self._api = Api(self._accounts, self._recent, self._reports, self._metrics.text, self._clock)
        self._gateway: Gateway
        self._snapshot: Snapshot
        self._knows_spend = asyncio.Event()

    async def run(
        self,
        sockets: list[socket.socket],
        stop: asyncio.Event,
        ready_fd: int | None,
        tls: tuple[str, str] | None,
    ) -> None:
        """Serve until `stop` is set.

        Raises:
            CannotCreate: there is no snapshot that can be served.
        """
        at = stamp(self._data)
        async with AsyncExitStack() as stack:
            cluster = await self._cluster(stack)
            snapshot = self._snapshot = cluster.snapshot
            # Not before: what it is told of keys' spending is shared out to the tenants of the snapshot.
            await stack.enter_async_context(self._reporter)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            self._gateway = Gateway(self._api.routes(), _service(cluster, snapshot), self._clock)
            self._reporter.applied(snapshot.rev)
            self._tell("started", snapshot)
            await self._wait_for_spend(snapshot)
            ready = asyncio.Event()
            following = tasks.create_task(self._follow(cluster, at, ready))
            tasks.create_task(_warm(cluster))
            server = GatewayServer(self._gateway, snapshot.base.limits, tls)
            await server.run_until(sockets, self._draining(tasks, stop), lambda: _say_ready(ready_fd, ready))
            following.cancel()
            self._tell("stopped", self._snapshot)

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
        self._tell("snapshot_refused", cluster.snapshot, _said(refused))
        return cluster

    async def _serving(self, name: str, stack: AsyncExitStack) -> LLMGuardianCluster:
        snapshot = await asyncio.to_thread(read_snapshot, self._data, name)
        cluster = LLMGuardianCluster(snapshot, sink=self._reports, clock=self._clock, folder=self._data)
        stack.push_async_exit(cluster)  # one that cannot serve has opened connections too
        return await cluster.__aenter__()

    async def _wait_for_spend(self, snapshot: Snapshot) -> None:
        """Wait a moment, where there are budgets, until it is known what is left of them.

        Requests that came while the gateway was away would else be served as if nothing had been spent.
        """
        if any(each.limits.budget_usd_per_month for each in (*snapshot.base.keys, *snapshot.base.tenants)):
            with suppress(TimeoutError):
                async with asyncio.timeout(SPEND_WAIT_S):
                    await self._knows_spend.wait()

    def _learn_spend(self, spends: Sequence[Spend]) -> None:
        self._knows_spend.set()
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
        log.info("gateway ready", extra={"rev": cluster.snapshot.rev})
        await self._keep(cluster.snapshot)
        while True:
            await asyncio.sleep(POLL_S)
            now = stamp(self._data)
            if now is None or now == at:
                continue
            at = now
            if await self._take_over(cluster):
                await self._keep(cluster.snapshot)

    async def _take_over(self, cluster: LLMGuardianCluster) -> bool:
        """Serve the new snapshot, and return whether that can be done; where not, the last one stays."""
        try:
            snapshot = await asyncio.to_thread(read_snapshot, self._data)
            await asyncio.to_thread(cluster.prepare, snapshot)
            cluster.apply(snapshot)
        except Exception as error:  # whatever is wrong with it: requests go on
            log.error("snapshot refused, the last one stays in force", extra={"reason": _said(error)})
            self._tell("snapshot_refused", cluster.snapshot, _said(error))
            return False
        self._snapshot = snapshot
        self._gateway.serve(_service(cluster, snapshot))
        self._reporter.applied(snapshot.rev)
        log.info("snapshot applied", extra={"rev": snapshot.rev})
        return True

    async def _keep(self, snapshot: Snapshot) -> None:
        try:
            await asyncio.to_thread(keep_served, self._data, snapshot)
        except OSError as error:
            log.warning("the snapshot that is served cannot be kept", extra={"reason": _said(error)})

    def _tell(self, kind: str, snapshot: Snapshot, detail: str = "") -> None:
        event = GatewayEvent(kind=kind, at=self._clock.now(), subject=str(snapshot.rev), detail=detail)  # type: ignore[arg-type]
        self._reports.report(event)


def _service(cluster: LLMGuardianCluster, snapshot: Snapshot) -> Service:
    return Service(snapshot=snapshot, workflow=cluster.workflow, keyring=Keyring(snapshot.base))


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


def _spare_the_collector() -> None:
    """Exempt from garbage collection what stays as long as the process, and collect less often.

    Nearly all a request makes is freed as soon as it is dropped; only what is in cycles waits for this.
    Collecting as often as Python does by default takes about 3 % of a request's time (1.68 times that of the bare
    pass-through of docs/benchmarks.md, against 1.63), spent on what is no garbage. A young collection now looks
    at 10,000 objects, in about 0.3 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def _say_ready(ready_fd: int | None, ready: asyncio.Event) -> None:
    _spare_the_collector()
    ready.set()
    if ready_fd is not None:
        os.write(ready_fd, b"ready\n")
        os.close(ready_fd)


async def serve(
    data: Path,
    sockets: list[socket.socket],
    ready_fd: int | None,
    lifeline_fd: int | None,
    tls: tuple[str, str] | None,
) -> None:
    """Serve until the first SIGTERM or SIGINT, or until the parent is gone; then drain."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if lifeline_fd is not None:
        follow_parent(loop, lifeline_fd, stop.set)
    await GatewayProcess(data).run(sockets, stop, ready_fd, tls)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--listen-fd", "listen_fds", type=int, multiple=True, required=True)
@click.option("--ready-fd", type=int)
@click.option("--lifeline-fd", type=int)
@click.option("--log-level", default="info")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text")
@click.option("--certificate")
@click.option("--private-key")
def main(
    data: Path,
    listen_fds: tuple[int, ...],
    ready_fd: int | None,
    lifeline_fd: int | None,
    log_level: str,
    log_format: str,
    certificate: str | None,
    private_key: str | None,
) -> None:
    """Serve on sockets that the supervisor bound."""
    set_up_logs(log_level, "json" if log_format == "json" else "text")
    sockets = [socket.socket(fileno=number) for number in listen_fds]
    tls = (certificate, private_key) if certificate and private_key else None
    try:
        uvloop.run(serve(data, sockets, ready_fd, lifeline_fd, tls))
    except CommandError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
