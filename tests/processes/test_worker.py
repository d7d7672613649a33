"""A place among the workers: a process is replaced only by one that serves."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from serving import lives, until

from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.processes import worker as worker_module
from guardian_cluster.processes.fleet import Fleet
from guardian_cluster.processes.worker import Worker

STAND_IN = """
import os, pathlib, signal, socket, sys
from guardian_cluster.contract import link
from guardian_cluster.contract.fleet import Serves
arguments = sys.argv
folder = pathlib.Path(arguments[1])
for number in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: (folder / f"{os.getpid()}.{number}").touch() or sys.exit(0))
if (folder / "broken").exists():
    sys.exit(1)
(folder / f"{os.getpid()}.started").write_text(" ".join(arguments))
wire = socket.socket(fileno=int(arguments[arguments.index("--fleet-fd") + 1]))
wire.send(link.encode_message(Serves(rev=1)))
while True:
    signal.pause()
"""


@asynccontextmanager
async def placed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[Worker, Fleet], None]:
    """Run a stand-in for a worker, which says that it serves."""
    (folder / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
    monkeypatch.setattr(worker_module, "MODULE", "stand_in")
    async with asyncio.TaskGroup() as tasks:
        fleet = Fleet(SystemClock())
        running = tasks.create_task(fleet.run())
        await asyncio.sleep(0)
        worker = Worker(3, fleet, lambda: ([str(folder)], ()), tasks)
        worker.start(grace_s=5)
        assert await worker.until_serving()
        yield worker, fleet
        await worker.end()
        running.cancel()


def started(folder: Path) -> list[Path]:
    """Return what stand-ins have written, the oldest first."""
    return sorted(folder.glob("*.started"), key=lambda path: path.stat().st_mtime_ns)


async def test_the_successor_serves_before_the_old_process_is_told_to_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with placed(tmp_path, monkeypatch) as (worker, fleet):
        assert await worker.replace(grace_s=5)
        old, new = started(tmp_path)
        (member,) = fleet.members

        assert (tmp_path / f"{old.stem}.{signal.SIGUSR1.value}").exists()
        assert member.number == 3
        assert lives(int(new.stem))
        assert "--restarted to take over what has changed" in new.read_text()


async def test_where_the_successor_does_not_serve_the_old_process_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with placed(tmp_path, monkeypatch) as (worker, _):
        (tmp_path / "broken").touch()
        was_replaced = await worker.replace(grace_s=5)
        (only,) = started(tmp_path)

        assert not was_replaced
        assert lives(int(only.stem))


async def test_a_worker_that_dies_is_started_again_and_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with placed(tmp_path, monkeypatch):
        os.kill(int(started(tmp_path)[0].stem), signal.SIGKILL)
        await until(lambda: len(started(tmp_path)) == 2)

        assert "--restarted by SIGKILL" in started(tmp_path)[1].read_text()
    assert (tmp_path / f"{started(tmp_path)[1].stem}.{signal.SIGTERM.value}").exists()
