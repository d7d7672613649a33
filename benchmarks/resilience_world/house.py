"""What can happen in the gateway's own house: its control process dies, its databases are locked, its disk is full."""

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

from benchmarks.harness.processes import PROC, descendants
from benchmarks.harness.targets import CONTROL
from benchmarks.resilience_world.suite import House

KILL_EVERY_S = 1.0


@contextlib.asynccontextmanager
async def trouble(kind: House, root: int, data: Path) -> AsyncGenerator[None]:
    """Make the trouble for the `guardian serve` whose first process is `root`, and end it with the block."""
    match kind:
        case "control_killed":
            async with _control_killed(root):
                yield
        case "database_locked":
            with _databases_locked(data):
                yield
        case "disk_full":
            with _disk_full(root):
                yield


@contextlib.asynccontextmanager
async def _control_killed(root: int) -> AsyncGenerator[None]:
    async def kill() -> None:
        while True:
            if pid := _control(root):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(KILL_EVERY_S)

    killing = asyncio.create_task(kill())
    try:
        yield
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)


def _control(root: int) -> int | None:
    """Return the control process that runs now."""
    for pid in descendants(root):
        with contextlib.suppress(OSError):
            if CONTROL in (PROC / str(pid) / "cmdline").read_text():
                return pid
    return None


@contextlib.contextmanager
def _databases_locked(data: Path) -> Generator[None]:
    """Begin a transaction that writes in every database, and leave it open: nobody else can write."""
    with contextlib.ExitStack() as held:
        for path in sorted(data.glob("*.db")):
            connection = held.enter_context(contextlib.closing(sqlite3.connect(path, timeout=2.0)))
            connection.isolation_level = None
            with contextlib.suppress(
                sqlite3.OperationalError
            ):  # one that writes for longer than 2 s holds it itself
                connection.execute("begin exclusive")
        yield


@contextlib.contextmanager
def _disk_full(root: int) -> Generator[None]:
    """Let no process of the gateway write to any file: to it, that is a disk without room."""
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in descendants(root)}
    for pid, (_, hard) in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        for pid, before in limits.items():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
