"""The supervisor: owns the listening sockets, deploys the snapshot, and keeps the gateway and the control process running."""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from guardian_cluster.config import Config, check_listen_address, load_config
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.contract.snapshot_file import FILE_NAME as SNAPSHOT_NAME
from guardian_cluster.contract.snapshot_file import read_snapshot, write_snapshot
from guardian_cluster.errors import CannotCreate, CommandError, Problem
from guardian_cluster.keys import FILE_NAME, KeyFile

log = logging.getLogger("guardian.supervisor")

LOCK_NAME = "serve.lock"
READY_TIMEOUT_S = 30.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
"""Before a child that died is started again; doubled while it dies young, so that a broken one does not spin."""
STEADY_S = 30.0
"""A child that lived this long died of something new."""
KEYS_POLL_S = 0.5
EXTRA_DRAIN_S = 5.0
"""Beyond the answers' own time to drain, before a child is killed."""


class Deployer:
    """Turns configuration and keys into snapshots on disk. A revision is new only where its content is."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.keys = KeyFile(config.data_folder / FILE_NAME)

    def deploy(self) -> Snapshot:
        """Write the snapshot of what is configured now, and return it.

        Raises:
            CommandError: the keys cannot be read, or the folder cannot be written.
        """
        keys = self.keys.load()
        base = self.config.base(keys)
        folder = self.config.data_folder
        try:
            last = read_snapshot(folder)
        except (ValueError, OSError):
            last = Snapshot(rev=0, base=msgspec.structs.replace(base, specialists=()))
        if last.base.keys and not keys:
            # A lost file must not open the gateway to everyone.
            hint = f"restore {self.keys.path}; or, to serve without keys, remove {folder / SNAPSHOT_NAME} too"
            raise CannotCreate(
                Problem(
                    "keys-gone",
                    f"{self.keys.path} is gone, and it held keys",
                    hint=hint,
                    see="guardian key --help",
                )
            )
        check_listen_address(self.config, keys)
        if last.base == base:
            return last
        snapshot = Snapshot(rev=last.rev + 1, base=base, overlay=last.overlay)
        try:
            write_snapshot(folder, snapshot)
        except OSError as error:
            problem = Problem(
                "data-folder", f"{folder} cannot be written: {error.strerror}", see="guardian config show"
            )
            raise CannotCreate(problem) from error
        return snapshot


def lock_folder(folder: Path) -> int:
    """Take a data folder for this supervisor alone, for as long as the descriptor returned is open.

    Raises:
        CannotCreate: another one has it, or it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        hint = "stop that one, or name another folder in data.folder"
        raise CannotCreate(
            Problem(
                "data-folder-in-use",
                f"{folder} is in use by another gateway",
                hint=hint,
                see="guardian serve --help",
            )
        ) from error
    except OSError as error:
        raise CannotCreate(
            Problem("data-folder", f"{folder} cannot be used: {error.strerror}", see="guardian config show")
        ) from error
    return descriptor


def bind(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets for an address.

    Raises:
        CannotCreate: it cannot be had, as when another program listens there.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return [_bound(family, address) for family, _, _, _, address in addresses[:1]]
    except OSError as error:
        reason = error.strerror or str(error)
        hint = f"is another gateway running? try --listen {host}:{port + 1}" if port else ""
        raise CannotCreate(
            Problem(
                "listen", f"cannot listen on {host}:{port}: {reason}", hint=hint, see="guardian serve --help"
            )
        ) from error


def _bound(family: int, address: object) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)  # type: ignore[arg-type]
    listening.listen(2048)
    return listening


class Child:
    """One process that is kept running until told to end."""

    def __init__(
        self, module: str, arguments: Callable[[], tuple[list[str], tuple[int, ...]]], *, grace_s: float
    ) -> None:
        self.name = module.rpartition(".")[2]
        self._module = module
        self._arguments = arguments
        self._grace_s = grace_s
        self._process: asyncio.subprocess.Process | None = None
        self._ending = False

    async def keep_running(self) -> None:
        """Start the process, and start it again whenever it ends unasked."""
        loop, pause_s = asyncio.get_running_loop(), FIRST_PAUSE_S
        while not self._ending:
            started = loop.time()
            code = await self._run()
            if self._ending:
                return
            pause_s = FIRST_PAUSE_S if loop.time() - started > STEADY_S else min(pause_s * 2, LONGEST_PAUSE_S)
            log.error(
                "a process ended and is started again",
                extra={"child": self.name, "code": code, "pause_s": pause_s},
            )
            await asyncio.sleep(pause_s)

    async def _run(self) -> int:
        arguments, descriptors = self._arguments()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            *arguments,
            pass_fds=descriptors,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C at the terminal is the supervisor's to pass on, once
        )
        return await self._process.wait()

    async def end(self) -> None:
        """Ask the process to end; kill it when it takes longer than its grace."""
        self._ending = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._grace_s):
                await process.wait()
        except TimeoutError:
            self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self._ending = True
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


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
        snapshot = self._deployer.deploy()
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
        self._children = [gateway, control]
        self._listen_to_signals()
        async with asyncio.TaskGroup() as tasks:
            kept = [tasks.create_task(child.keep_running()) for child in self._children]
            try:
                await self._wait_ready(ready_read)
                host, port = sockets[0].getsockname()[:2]
                self._ready(
                    f"http{'s' if config.gateway.tls_certificate else ''}://{_shown(host)}:{port}", snapshot
                )
                await self._watch_keys()
            finally:
                for (
                    child
                ) in self._children:  # the gateway first: its last records are for the control process
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

    async def _watch_keys(self) -> None:
        """Deploy again whenever keys are made or revoked, until told to stop."""
        path = self._deployer.config.data_folder / FILE_NAME
        last = _modified(path)
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KEYS_POLL_S):
                    await self._stop.wait()
            if (now := _modified(path)) != last:
                last = now
                self._redeploy()

    def _redeploy(self) -> None:
        try:
            snapshot = self._deployer.deploy()
        except CommandError as error:
            log.error("the last configuration stays in force", extra={"reason": str(error)})
        else:
            log.info("deployed", extra={"rev": snapshot.rev})

    def _hang_up(self) -> None:
        try:
            config = self._reload()
        except CommandError as error:
            log.error("the configuration is not valid, the last one stays in force\n%s", error)
            return
        fixed = (config.gateway.listen, config.data_folder) == (
            self._deployer.config.gateway.listen,
            self._deployer.config.data_folder,
        )
        if not fixed:
            log.warning("gateway.listen and data.folder change at the next start only")
        self._deployer.config = msgspec.structs.replace(
            config,
            gateway=msgspec.structs.replace(config.gateway, listen=self._deployer.config.gateway.listen),
            data=self._deployer.config.data,
        )
        self._redeploy()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def _on_stop_signal(self) -> None:
        self._signals += 1
        self._stop.set()
        if self._signals > 1:
            for child in self._children:
                child.kill()


def _modified(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def reloader(path: Path | None, flags: dict[str, str]) -> Callable[[], Config]:
    """Return how to read the configuration, the same way each time."""
    return lambda: load_config(path, flags=flags)
