"""One place among the workers: a process that serves there, kept running, and replaced without a gap."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable

from guardian_cluster.processes.child import Child
from guardian_cluster.processes.fleet import Fleet, Member

log = logging.getLogger("guardian.supervisor")

MODULE = "guardian_cluster.processes.gateway"

START_S = 30.0
"""How long a worker may take until it serves."""

Launch = Callable[[], tuple[list[str], tuple[int, ...]]]
"""What a process that is started now is given: arguments and descriptors."""


class Worker:
    """The processes at one place: one, and while it is replaced, its successor too."""

    def __init__(self, number: int, fleet: Fleet, launch: Launch, tasks: asyncio.TaskGroup) -> None:
        self.number = number
        self._fleet = fleet
        self._launch = launch
        self._tasks = tasks
        self._runs: list[_Run] = []
        self._is_ending = False

    def start(self, *, grace_s: float) -> None:
        """Start a process, and start it again whenever it dies."""
        self._add(grace_s=grace_s, why="")

    async def until_serving(self) -> bool:
        """Wait until the first process serves; return false where it ends before, or takes too long."""
        return await self._runs[0].until_serving()

    async def replace(self, *, grace_s: float) -> bool:
        """Start a successor, and once it serves end the process that did; return whether that was so.

        Where the successor does not serve, it is ended, and the old process stays.
        """
        before = self._runs[-1]
        successor = self._add(grace_s=grace_s, why="to take over what has changed")
        if not await successor.until_serving():
            self._runs.remove(successor)
            await successor.child.end()
            return False
        if not self._is_ending:
            await before.child.end(signal.SIGUSR1)
        self._runs.remove(before)
        return True

    async def end(self) -> None:
        """End what runs here; answers under way may end."""
        self._is_ending = True
        await asyncio.gather(*(run.child.end() for run in tuple(self._runs)))

    def kill(self) -> None:
        """End what runs here at once."""
        self._is_ending = True
        for run in self._runs:
            run.child.kill()

    def _add(self, *, grace_s: float, why: str) -> "_Run":
        run = _Run(self.number, self._fleet, self._launch, grace_s, why)
        self._runs.append(run)
        self._tasks.create_task(run.child.keep_running())
        return run


class _Run:
    """A process, with its tie to the fleet."""

    def __init__(self, number: int, fleet: Fleet, launch: Launch, grace_s: float, why: str) -> None:
        self._number = number
        self._fleet = fleet
        self._launch = launch
        self._why = why
        self._member: Member | None = None
        self._launched = asyncio.Event()
        self._theirs: socket.socket | None = None
        self.child = Child(MODULE, self._arguments, grace_s=grace_s, on_started=self._let_go)

    async def until_serving(self) -> bool:
        """Wait until the process serves; return false where it ends before, or takes longer than `START_S`."""
        try:
            async with asyncio.timeout(START_S):
                await self._launched.wait()
                assert self._member is not None
                ways = (self._member.serving, self._member.ended)
                waiting = [asyncio.ensure_future(way.wait()) for way in ways]
                try:
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for each in waiting:
                        each.cancel()
        except TimeoutError:
            return False
        return self._member.serving.is_set()

    def _arguments(self) -> tuple[list[str], tuple[int, ...]]:
        """Return what the process is started with: an end of a new connection among it."""
        ours, self._theirs = socket.socketpair()
        self._member = self._fleet.admit(ours, self._number)
        self._launched.set()
        arguments, descriptors = self._launch()
        number = self._theirs.fileno()
        arguments = [*arguments, "--worker", str(self._number), "--fleet-fd", str(number)]
        if why := self.child.last_end or self._why:
            arguments += ["--restarted", why]
        return arguments, (*descriptors, number)

    def _let_go(self) -> None:
        """Leave the worker's end to the worker alone: only then is it told here when that ends."""
        if self._theirs is not None:
            self._theirs.close()
            self._theirs = None
