"""What befalls the control process of a gateway under load: it is killed, it freezes, or its databases are gone."""

import contextlib
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Generator
from pathlib import Path

from benchmarks.harness.processes import PROC, Running
from benchmarks.harness.targets import CONTROL

DATABASES = ("telemetry.db", "state.db", "engine.db")
"""Those of the control plane."""

KILL_AGAIN_S = 0.1
"""How often it is looked whether it has been started again."""


def data_folder(running: Running) -> Path:
    """Return the data folder of a gateway, as its control process was told. Raises RuntimeError without one."""
    pid = running.find(CONTROL)
    words = (PROC / str(pid) / "cmdline").read_bytes().decode().split("\0") if pid else []
    if "--data" not in words:
        raise RuntimeError("the gateway has no control process")
    return Path(words[words.index("--data") + 1])


@contextlib.contextmanager
def killed(running: Running, folder: Path) -> Generator[None]:
    """Kill it with SIGKILL, and again whenever it was started again."""
    over = threading.Event()
    killing = threading.Thread(target=_keep_killing, args=(running, over))
    killing.start()
    try:
        yield
    finally:
        over.set()
        killing.join()


def _keep_killing(running: Running, over: threading.Event) -> None:
    while not over.is_set():
        _signal(running, signal.SIGKILL)
        over.wait(KILL_AGAIN_S)


@contextlib.contextmanager
def frozen(running: Running, folder: Path) -> Generator[None]:
    """Stop it with SIGSTOP, and have it go on afterwards."""
    _signal(running, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(running, signal.SIGCONT)


@contextlib.contextmanager
def locked(running: Running, folder: Path) -> Generator[None]:
    """Lock its databases from another program, so that nothing can be written."""
    with contextlib.ExitStack() as locks:
        for path in filter(Path.exists, (folder / name for name in DATABASES)):
            connection = locks.enter_context(contextlib.closing(sqlite3.connect(path, timeout=10)))
            connection.execute("BEGIN EXCLUSIVE")
        yield


Outage = Callable[[Running, Path], contextlib.AbstractContextManager[None]]
OUTAGES: dict[str, Outage] = {"killed": killed, "frozen": frozen, "locked": locked}


def _signal(running: Running, number: signal.Signals) -> None:
    pid = running.find(CONTROL)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
