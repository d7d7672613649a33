"""Who uses the solver's process, and when: one at a time, from a bounded line, and anew after a bad end."""

import asyncio
from typing import Self

import msgspec

from guardian_cluster.specialists.builtin.solver.child import Child, ChildGone, start_child
from guardian_cluster.specialists.builtin.solver.frames import Broken, Ready, Reply, Task, frame
from guardian_cluster.specialists.builtin.solver.problem import Problem
from guardian_cluster.specialists.builtin.solver.solution import CannotSolve, Solution

_ATTEMPTS = 2
"""A process that was killed from outside does not make the problem unsolvable; one that dies twice does."""


class SolverBusy(Exception):
    """The line for the solver is full or did not move; ask again in seconds, or ask another specialist."""


class SolverUnavailable(Exception):
    """The solver's process does not start, or the solver is closed; the message says which and why."""


class SolverLimits(msgspec.Struct, frozen=True):
    """How much the solver may take."""

    time_s: float = 5.0
    """For one problem, by the clock on the wall."""
    memory_mb: int = 512
    """Address space of the process; it needs about 60 to start."""
    line: int = 16
    """Problems that may wait for their turn."""
    line_wait_s: float = 15.0
    """How long a problem waits for its turn: three times the time of a slow one."""
    start_s: float = 60.0
    """For the process to load SymPy: 1 to 2 s, but 10 to 20 when Python has to compile it first."""


class SolverProcess:
    """The worker process, started when first needed and again whenever it is gone."""

    def __init__(self, limits: SolverLimits | None = None) -> None:
        self.limits = limits or SolverLimits()
        self.started: Ready | None = None
        """What the current process reported about its start."""
        self._child: Child | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._last_id = 0
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def pid(self) -> int | None:
        """The id of the process that is ready, if one is."""
        return self._child.pid if self._child is not None and self._child.is_alive else None

    async def warm(self) -> None:
        """Start the process now, so that the first problem need not wait; raises what `solve` raises."""
        await self._take_turn()
        try:
            await self._ready_child()
        finally:
            self._turn.release()

    async def solve(self, problem: Problem) -> Solution | CannotSolve:
        """Solve a problem within the limits.

        Too slow, too large or deadly problems become a `CannotSolve`; the next problem meets a fresh process.
        Raises `SolverBusy` when the line is full, `SolverUnavailable` when there is no process to be had. May
        be cancelled at any time.
        """
        await self._take_turn()
        try:
            for _ in range(_ATTEMPTS):
                child = await self._ready_child()
                try:
                    return await self._exchange(child, problem)
                except ChildGone:
                    await self._discard()
            return CannotSolve("the solver's process ended twice while it worked on this")
        finally:
            self._turn.release()

    async def restart(self) -> None:
        """Start a process in the place of the one that is ready, whatever that is doing; its problem is begun again.

        One that is still starting is new enough, and where there is none the next problem starts it. Raises what
        `warm` raises.
        """
        if self.started is not None:
            await self._discard()
            await self.warm()

    async def close(self) -> None:
        """End the process, whatever it is doing; nothing can be solved afterwards."""
        self._is_closed = True
        await self._discard()

    async def _take_turn(self) -> None:
        if self._waiting >= self.limits.line:
            raise SolverBusy(
                f"{self._waiting} problems are waiting for the solver already; ask again in a few seconds"
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(self.limits.line_wait_s):
                await self._turn.acquire()
        except TimeoutError:
            raise SolverBusy(
                f"the solver was busy for {self.limits.line_wait_s:g} s; ask again in a few seconds"
            ) from None
        finally:
            self._waiting -= 1

    async def _ready_child(self) -> Child:
        """Return a process that waits for a problem; one that is still starting is waited for again."""
        if self._is_closed:
            raise SolverUnavailable("the solver is closed; start the gateway again to use it")
        if self._child is not None and not self._child.is_alive:
            await self._discard()
        if self._child is None:
            self._child = await self._new_child()
        if self.started is None:
            self.started = await self._first_message(self._child)
        return self._child

    async def _new_child(self) -> Child:
        try:
            child = await start_child(self.limits.memory_mb, self.limits.time_s)
        except OSError as error:
            raise SolverUnavailable(f"the system does not start the solver's process: {error}") from error
        if self._is_closed:
            await child.end()
            raise SolverUnavailable("the solver was closed while its process started")
        return child

    async def _first_message(self, child: Child) -> Ready:
        try:
            async with asyncio.timeout(self.limits.start_s):
                message = await child.receive()
        except TimeoutError:
            await self._discard()
            raise SolverUnavailable(
                f"the solver's process did not start within {self.limits.start_s:g} s; is the machine busy?"
            ) from None
        except ChildGone:
            await self._discard()
            if self._is_closed:
                raise SolverUnavailable("the solver was closed while its process started") from None
            raise SolverUnavailable(
                f"the solver's process ended while it started; are {self.limits.memory_mb} MB enough for it?"
            ) from None
        if isinstance(message, Ready):
            return message
        await self._discard()
        reason = message.reason if isinstance(message, Broken) else "it answered before it was asked"
        raise SolverUnavailable(f"the solver's process does not start: {reason}")

    async def _exchange(self, child: Child, problem: Problem) -> Solution | CannotSolve:
        """Send a problem and wait for its reply; a process that owes one is not kept."""
        self._last_id += 1
        is_done = False
        try:
            child.send(frame(Task(self._last_id, problem)))
            async with asyncio.timeout(self.limits.time_s):
                message = await child.receive()
            if not isinstance(message, Reply) or message.id != self._last_id:
                raise ChildGone("the solver's process answered another question")
            is_done = True
            return message.result
        except TimeoutError:
            return CannotSolve(f"it takes longer than {self.limits.time_s:g} s")
        finally:
            if not is_done:
                await self._discard()

    async def _discard(self) -> None:
        child, self._child, self.started = self._child, None, None
        if child is not None:
            await child.end()
