"""The supervisor: deploys the snapshot, and keeps the workers and the control process running."""

import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from guardian_cluster.config import Config, load_config
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.errors import CommandError, Problem
from guardian_cluster.processes.changed import Seen, as_started, certificate_of, needs_new_workers
from guardian_cluster.processes.child import Child
from guardian_cluster.processes.deployer import Deployer, lock_folder
from guardian_cluster.processes.fleet import Fleet, Member
from guardian_cluster.processes.headcount import Headcount, new_headcount
from guardian_cluster.processes.listening import bind
from guardian_cluster.processes.worker import START_S, Worker

log = logging.getLogger("guardian.supervisor")

FAREWELL_S = 3.0
"""What a worker that is replaced waits for clients on open connections (`worker_server.py`)."""

POLL_S = 0.2
"""How often the disk is asked for other keys, other moves of recovery, another model of the router and other
thresholds: four looks at the disk, some 20 us."""

LEARNED_S = 5.0
"""The least time between two deployments for the sake of what was learned alone: a gateway builds its parts anew for
each."""

EXTRA_DRAIN_S = 5.0
"""Beyond the answers' own time to drain, before a child is killed."""


class Supervisor:
    """Runs a deployment from start to end."""

    def __init__(self, reload: Callable[[], Config], ready: Callable[[str, Snapshot], None]) -> None:
        self._reload = reload
        self._ready = ready
        self._deployer = Deployer(reload())
        self._stop = asyncio.Event()
        self._failure: CommandError | None = None
        self._signals = 0
        self._headcount_fd = new_headcount()
        self._headcount = Headcount(self._headcount_fd)
        self._fleet = Fleet(SystemClock(), on_end=self._on_worker_end)
        self._roll = asyncio.Event()
        self._sockets: list[socket.socket] = []
        self._workers: list[Worker] = []
        self._control = Child(
            "guardian_cluster.processes.control", self._control_arguments, grace_s=EXTRA_DRAIN_S
        )
        self._certificate = certificate_of(self._deployer.config)
        self._lifeline = -1

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; a second one ends everything at once. SIGHUP reads the configuration again.

        Raises:
            CommandError: it cannot start; nothing is left running.
        """
        config = self._deployer.config
        self._lock = lock_folder(config.data_folder)
        self._sockets = bind(config.gateway.host, config.gateway.port)
        # Before they are read, so that a change while the workers start is noticed.
        seen = Seen.now(config.data_folder)
        snapshot = self._deploy(config)
        self._lifeline, self._lifeline_end = os.pipe()
        self._listen_to_signals()
        async with asyncio.TaskGroup() as tasks, asyncio.TaskGroup() as workers:
            sharing = tasks.create_task(self._fleet.run())
            await asyncio.sleep(0)
            keeping = tasks.create_task(self._control.keep_running())
            rolling = tasks.create_task(self._roll_when_asked(workers))
            try:
                await self._start(config.gateway.workers, workers)
                if not self._stop.is_set():
                    self._ready(_url(self._sockets[0], config), snapshot)
                await self._watch(seen)
            finally:
                rolling.cancel()
                # Were these open, new clients would wait for a gateway that takes nobody in any more.
                for each in self._sockets:
                    each.close()
                # The workers first: their last records are for the control process.
                await asyncio.gather(*(worker.end() for worker in self._workers))
                await self._control.end()
                sharing.cancel()
                keeping.cancel()
        if self._failure is not None:
            raise self._failure

    def _deploy(self, config: Config) -> Snapshot:
        snapshot = self._deployer.deploy(config)
        self._fleet.configure(snapshot.base)
        return snapshot

    async def _start(self, count: int, tasks: asyncio.TaskGroup) -> None:
        """Start so many workers, and wait until they serve, or until told to stop; where none does, that is the end."""
        self._add_workers(count, tasks)
        serving = [asyncio.create_task(worker.until_serving()) for worker in self._workers]
        stopped = asyncio.create_task(self._stop.wait())
        all_serving = asyncio.create_task(_all(serving))
        await asyncio.wait({all_serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        are_serving = [task.done() and task.result() for task in serving]
        for task in (*serving, stopped, all_serving):
            task.cancel()
        if not any(are_serving) and not self._stop.is_set():
            message = f"the gateway did not start within {START_S:g} s; its log is above"
            self._failure = CommandError(Problem("start", message, see="guardian serve --help"))
            self._stop.set()

    def _add_workers(self, count: int, tasks: asyncio.TaskGroup) -> None:
        for number in range(len(self._workers) + 1, count + 1):
            worker = Worker(number, self._fleet, self._worker_arguments, tasks)
            self._workers.append(worker)
            worker.start(grace_s=self._grace_s)

    @property
    def _grace_s(self) -> float:
        return self._deployer.config.gateway.limits.drain_s + FAREWELL_S + EXTRA_DRAIN_S

    async def _roll_when_asked(self, tasks: asyncio.TaskGroup) -> None:
        """Have as many workers as are configured, and each started anew, one after the other."""
        while True:
            await self._roll.wait()
            self._roll.clear()
            try:
                await self._replace_workers(self._deployer.config.gateway.workers, tasks)
            except Exception:  # a fault of ours must not end those that serve
                log.exception("workers could not be started anew")

    async def _replace_workers(self, count: int, tasks: asyncio.TaskGroup) -> None:
        before = self._workers[:count]
        self._add_workers(count, tasks)
        for worker in before:
            if not await worker.replace(grace_s=self._grace_s):
                log.error("a worker could not be replaced; those that serve stay")
                break
        surplus, self._workers[count:] = self._workers[count:], []
        await asyncio.gather(*(worker.end() for worker in surplus))
        log.info("workers started anew", extra={"workers": len(self._workers)})

    def _worker_arguments(self) -> tuple[list[str], tuple[int, ...]]:
        config = self._deployer.config
        lifeline, headcount = self._lifeline, self._headcount_fd
        arguments = ["--data", str(config.data_folder), "--workers", str(config.gateway.workers)]
        arguments += ["--lifeline-fd", str(lifeline), "--headcount-fd", str(headcount)]
        arguments += ["--log-level", config.log.level, "--log-format", config.log.format]
        for each in self._sockets:
            arguments += ["--listen-fd", str(each.fileno())]
        if config.gateway.tls_certificate and config.gateway.tls_key:
            arguments += ["--certificate", config.gateway.tls_certificate]
            arguments += ["--private-key", config.gateway.tls_key]
        return arguments, (*(each.fileno() for each in self._sockets), lifeline, headcount)

    def _control_arguments(self) -> tuple[list[str], tuple[int, ...]]:
        config, lifeline = self._deployer.config, self._lifeline
        policy = msgspec.json.encode(config.records).decode()
        arguments = ["--data", str(config.data_folder), "--policy", policy, "--lifeline-fd", str(lifeline)]
        return [*arguments, "--log-level", config.log.level, "--log-format", config.log.format], (lifeline,)

    def _on_worker_end(self, member: Member) -> None:
        """Note that a worker takes nobody in any more, unless another one has its place already."""
        if all(other.number != member.number for other in self._fleet.members):
            self._headcount.leave(member.number)

    async def _watch(self, last: "Seen") -> None:
        """Deploy again whenever keys or moves are others, or something is learned, until told to stop."""
        loop = asyncio.get_running_loop()
        learned_at = -math.inf
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._stop.wait()
            now = Seen.now(self._deployer.config.data_folder)
            if now.learned_at != last.learned_at and loop.time() - learned_at >= LEARNED_S:
                learned_at = loop.time()
            elif (now.keys_at, now.moves_at) == (last.keys_at, last.moves_at):
                continue
            last = now
            self._redeploy(self._deployer.config)

    def _redeploy(self, config: Config) -> bool:
        """Deploy while serving, and return whether it is in force now; if not, the last one is."""
        try:
            snapshot = self._deploy(config)
        except CommandError as error:
            log.error("the last configuration stays in force", extra={"reason": str(error)})
            return False
        log.info("deployed", extra={"rev": snapshot.rev})
        return True

    def _hang_up(self) -> None:
        try:
            config = self._reload()
        except CommandError as error:
            log.error("the configuration is not valid, the last one stays in force\n%s", error)
            return
        last = self._deployer.config
        possible = as_started(config, last)
        if possible != config:
            log.warning("gateway.listen, data.folder and [log] change at the next start only")
        if not self._redeploy(possible):
            return
        if (
            config.records != last.records
        ):  # what is kept, and for how long, is an argument of the control process
            self._control.restart()
        certificate = certificate_of(possible)
        if needs_new_workers(possible, last) or certificate != self._certificate:
            self._certificate = certificate
            self._roll.set()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def _on_stop_signal(self) -> None:
        self._signals += 1
        self._stop.set()
        if self._signals == 1:
            log.info("stopping: answers under way may end; a second signal ends them")
        else:
            for child in (*self._workers, self._control):
                child.kill()


async def _all(tasks: Sequence["asyncio.Task[bool]"]) -> None:
    await asyncio.wait(tasks)


def _url(bound: socket.socket, config: Config) -> str:
    host, port = bound.getsockname()[:2]
    scheme = "https" if config.gateway.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def reloader(path: Path | None, flags: dict[str, str]) -> Callable[[], Config]:
    """Return how to read the configuration, the same way each time."""
    return lambda: load_config(path, flags=flags)
