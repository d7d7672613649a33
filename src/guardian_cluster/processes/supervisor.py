"""The supervisor: deploys the snapshot, and keeps the gateway and the control process running."""

import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from guardian_cluster.config import Config, load_config
from guardian_cluster.contract.router_model import POINTER_NAME
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.errors import CommandError, Problem
from guardian_cluster.keys import FILE_NAME
from guardian_cluster.processes.child import Child
from guardian_cluster.processes.deployer import Deployer, lock_folder
from guardian_cluster.processes.listening import bind
from guardian_cluster.thresholds import FILE_NAME as THRESHOLDS_NAME

log = logging.getLogger("guardian.supervisor")

READY_TIMEOUT_S = 30.0
POLL_S = 0.5
"""How often the disk is asked for other keys, another model of the router and other thresholds."""

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
        self._signals = 0

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; a second one ends everything at once. SIGHUP reads the configuration again.

        Raises:
            CommandError: it cannot start; nothing is left running.
        """
        config = self._deployer.config
        self._lock = lock_folder(config.data_folder)
        sockets = bind(config.gateway.host, config.gateway.port)
        # Before they are read, so that a change while the gateway starts is noticed.
        seen = _Seen.now(config.data_folder)
        snapshot = self._deployer.deploy(config)
        lifeline, self._lifeline_end = os.pipe()
        ready_read, ready_write = os.pipe()
        gateway = Child(
            "guardian_cluster.processes.gateway",
            lambda: self._gateway(sockets, lifeline, ready_write),
            grace_s=snapshot.base.limits.drain_s + EXTRA_DRAIN_S,
        )
        control = Child(
            "guardian_cluster.processes.control", lambda: self._control(lifeline), grace_s=EXTRA_DRAIN_S
        )
        self._children, self._control_child = [gateway, control], control
        self._listen_to_signals()
        async with asyncio.TaskGroup() as tasks:
            kept = [tasks.create_task(child.keep_running()) for child in self._children]
            try:
                await self._wait_ready(ready_read)
                if not self._stop.is_set():
                    self._ready(_url(sockets[0], config), snapshot)
                await self._watch(seen)
            finally:
                # Were these open, new clients would wait for a gateway that takes nobody in any more.
                for each in sockets:
                    each.close()
                # The gateway first: its last records are for the control process.
                for child in self._children:
                    await child.end()
                for task in kept:
                    task.cancel()

    def _gateway(
        self, sockets: list[socket.socket], lifeline: int, ready: int
    ) -> tuple[list[str], tuple[int, ...]]:
        config = self._deployer.config
        arguments = [
            "--data",
            str(config.data_folder),
            "--lifeline-fd",
            str(lifeline),
            "--ready-fd",
            str(ready),
        ]
        arguments += ["--log-level", config.log.level, "--log-format", config.log.format]
        for each in sockets:
            arguments += ["--listen-fd", str(each.fileno())]
        if config.gateway.tls_certificate and config.gateway.tls_key:
            arguments += [
                "--certificate",
                config.gateway.tls_certificate,
                "--private-key",
                config.gateway.tls_key,
            ]
        return arguments, (*(each.fileno() for each in sockets), lifeline, ready)

    def _control(self, lifeline: int) -> tuple[list[str], tuple[int, ...]]:
        config = self._deployer.config
        policy = msgspec.json.encode(config.records).decode()
        arguments = ["--data", str(config.data_folder), "--policy", policy, "--lifeline-fd", str(lifeline)]
        return [*arguments, "--log-level", config.log.level, "--log-format", config.log.format], (lifeline,)

    async def _wait_ready(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(descriptor, ready.set)
        stopped = asyncio.create_task(self._stop.wait())
        waiting = asyncio.create_task(ready.wait())
        done, _ = await asyncio.wait(
            {waiting, stopped}, timeout=READY_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
        )
        loop.remove_reader(descriptor)
        for task in (waiting, stopped):
            task.cancel()
        if not done:
            raise CommandError(
                Problem(
                    "start",
                    f"the gateway did not start within {READY_TIMEOUT_S:g} s; its log is above",
                    see="guardian serve --help",
                )
            )

    async def _watch(self, last: "_Seen") -> None:
        """Deploy again whenever keys are made or revoked, or something is learned, until told to stop."""
        loop = asyncio.get_running_loop()
        learned_at = -math.inf
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._stop.wait()
            now = _Seen.now(self._deployer.config.data_folder)
            if now.learned_at != last.learned_at and loop.time() - learned_at >= LEARNED_S:
                learned_at = loop.time()
            elif now.keys_at == last.keys_at:
                continue
            last = now
            self._redeploy(self._deployer.config)

    def _redeploy(self, config: Config) -> bool:
        """Deploy while serving, and return whether it is in force now; if not, the last one is."""
        try:
            snapshot = self._deployer.deploy(config)
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
        possible = _as_started(config, last)
        if possible != config:
            log.warning("gateway.listen, gateway.tls_*, data.folder and [log] change at the next start only")
        # What is kept, and for how long, is an argument of the control process.
        if self._redeploy(possible) and config.records != last.records:
            self._control_child.restart()

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
            for child in self._children:
                child.kill()


class _Seen(NamedTuple):
    """When the files that are watched were written, in ns."""

    keys_at: int | None
    learned_at: tuple[int | None, ...]

    @classmethod
    def now(cls, folder: Path) -> "_Seen":
        learned = tuple(_modified(folder / name) for name in (POINTER_NAME, THRESHOLDS_NAME))
        return cls(_modified(folder / FILE_NAME), learned)


def _modified(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _as_started(config: Config, started: Config) -> Config:
    """Return a configuration with what cannot change while serving as it was at the start."""
    fixed = started.gateway
    gateway = msgspec.structs.replace(
        config.gateway, listen=fixed.listen, tls_certificate=fixed.tls_certificate, tls_key=fixed.tls_key
    )
    return msgspec.structs.replace(config, gateway=gateway, data=started.data, log=started.log)


def _url(bound: socket.socket, config: Config) -> str:
    host, port = bound.getsockname()[:2]
    scheme = "https" if config.gateway.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def reloader(path: Path | None, flags: dict[str, str]) -> Callable[[], Config]:
    """Return how to read the configuration, the same way each time."""
    return lambda: load_config(path, flags=flags)
