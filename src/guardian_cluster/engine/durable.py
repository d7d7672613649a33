"""The durable engine: DBOS over `engine.db` (SQLite) or over a PostgreSQL that several processes share.

A run goes on after the process that had it ended in any way: on SQLite when the next process starts, on PostgreSQL
within seconds in another one (docs/design/engine.md). DBOS takes a second to import, and is imported by `start`.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from guardian_cluster.domain.clock import Clock, SystemClock
from guardian_cluster.engine import codec
from guardian_cluster.engine.asking import Asking
from guardian_cluster.engine.engine import EngineUnavailable, RunFailed, RunRecord, RunState, Workflow
from guardian_cluster.engine.performing import Overdue, perform
from guardian_cluster.engine.registry import Registry, checked_id, run_id
from guardian_cluster.engine.replay import failed_text
from guardian_cluster.engine.ticking import Schedule, tick

if TYPE_CHECKING:
    from guardian_cluster.engine.parts import Parts

log = logging.getLogger("guardian.engine")

_Answer = TypeVar("_Answer")

_FIRST_LOOK_S = 0.02
_LAST_LOOK_S = 0.1
"""How often the end of a run is looked for, at first and later."""

_STOP_S = 3.0
"""How long bodies may take to end once they were stopped."""

_CLOSED = "the engine was not started, or was closed"

_WATCH_S = 0.25
"""How often it is looked at whether this process may have been taken for dead."""

_LOOK_AFTER_S = 0.5
"""How often runs that were left are looked for: a part of the five seconds in which they go on."""


class DurableEngine:
    """An `Engine` whose runs survive the process; at most one is started in a process.

    `database` is the path of an SQLite file (one process at a time) or the address of a PostgreSQL
    (`postgresql://...`, any number of processes). `executor` names this process; by default a name that no other one
    has, ever.
    """

    def __init__(self, database: Path | str, *, clock: Clock | None = None, executor: str = "") -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._registry = Registry()
        self._asking: Asking | None = None
        self._stop = asyncio.Event()
        self._active: dict[asyncio.Task[Any], str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._parts: Parts | None = None
        self._failure = ""
        self.executor = executor or f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:12]}"

    @property
    def failure(self) -> str:
        """Why it takes no more work and never will until it is started anew; empty while all is well."""
        return self._failure

    def register(self, workflow: Workflow[Any, Any]) -> None:
        """Make a workflow known. Raises ValueError for a name that is known."""
        self._registry.register(workflow)

    def schedule(self, workflow: str, argument: Any, *, every_s: float, name: str) -> None:
        """Have a workflow enqueued every so many seconds, once for all processes. Raises KeyError and ValueError."""
        self._registry.schedule(workflow, argument, every_s=every_s, name=name)

    async def start(self) -> None:
        """Take up the runs that a process left behind, and begin to take new ones.

        Raises CannotCreate where the database cannot be used, and RuntimeError where this process has an engine.
        """
        home = asyncio.get_running_loop()
        self._asking = asking = Asking()
        self._stop.clear()
        try:
            self._parts = parts = await asking.open(partial(self._open, home))
        except BaseException:
            asking.end()
            raise
        log.info("the engine runs", extra={"executor": self.executor})
        loops = [self._watch(parts), self._look_after(parts)]
        loops += [tick(each, self._clock, self._enqueue_due, self._stop) for each in self._registry.schedules]
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    def _open(self, home: asyncio.AbstractEventLoop) -> "Parts":
        from guardian_cluster.engine.parts import Parts

        return Parts(self._database, self.executor, self._registry.workflows, home, self._host)

    async def enqueue(
        self, workflow: str, argument: Any, *, id: str | None = None, once: str = "", urgent: bool = False
    ) -> str:
        """Have a workflow run soon, and return the id of its run; an urgent one before all that are not."""
        given = self._registry.argument(workflow, argument)
        return await self._enqueue(workflow, given, id, once, urgent=urgent)

    async def _enqueue(self, workflow: str, given: Any, id: str | None, once: str, *, urgent: bool) -> str:
        limit_s = self._registry.workflow(workflow).limit_s
        name = run_id(self._clock.now()) if id is None else checked_id(id)
        enqueue = partial(self._open_parts().ledger.enqueue, workflow, given, id=name, once=once)
        return await self._ask(partial(enqueue, limit_s=limit_s, urgent=urgent))

    async def result(self, id: str, *, timeout_s: float) -> Any:
        """Wait for a run's end and return what it returned; also through times without a database."""
        ledger = self._open_parts().ledger
        look_s = _FIRST_LOOK_S
        async with asyncio.timeout(timeout_s):
            while (ended := await self._ended(id)) is None:
                await asyncio.sleep(look_s)
                look_s = min(look_s * 1.5, _LAST_LOOK_S)
        if ended.state != "done":
            raise RunFailed(failed_text(await self._ask(partial(ledger.run_of, id)) or ended))
        return self._registry.result(ended.workflow, await self._ask(partial(ledger.outcome, id)))

    async def _ended(self, id: str) -> RunRecord | None:
        """Return a run that has ended; None where it has not, or where that cannot be told now. Raises KeyError."""
        try:
            run = await self._ask(partial(self._open_parts().ledger.status, id))
        except EngineUnavailable:
            self._open_parts()
            return None
        if run is None:
            raise KeyError(id)
        return None if run.state in ("waiting", "running") else run

    async def run(self, workflow: str, argument: Any, *, id: str | None = None) -> Any:
        """Enqueue a run, wait for its end and return what it returned."""
        name = await self.enqueue(workflow, argument, id=id)
        return await self.result(name, timeout_s=self._registry.patience_s(workflow))

    async def runs(
        self, *, workflow: str = "", state: RunState | None = None, limit: int = 50
    ) -> Sequence[RunRecord]:
        """Return the newest runs, newest first."""
        ledger = self._open_parts().ledger
        return await self._ask(partial(ledger.runs, workflow=workflow, state=state, limit=limit))

    async def run_of(self, id: str) -> RunRecord | None:
        """Return one run with its steps."""
        return await self._ask(partial(self._open_parts().ledger.run_of, id))

    async def cancel(self, id: str) -> bool:
        """Have a run end within a second; false where there is none that waits or runs."""
        is_cancelled = await self._ask(partial(self._open_parts().ledger.cancel, id))
        if is_cancelled:
            self._leave_off({id})
        return is_cancelled

    async def resume(self, id: str) -> bool:
        """Go on with a run that was cancelled or failed; false where there is none."""
        return await self._ask(partial(self._open_parts().ledger.resume, id))

    async def forget(self, before: float) -> int:
        """Delete some of the runs that ended before a Unix time."""
        return await self._ask(partial(self._open_parts().ledger.forget, before))

    async def close(self, *, drain_s: float) -> None:
        """Take no new runs, let those under way come to their end for so long, and stop; the rest goes on later.

        It ends some seconds after `drain_s` at the latest, whatever the database does.
        """
        parts, self._parts = self._parts, None
        self._stop.set()
        if parts is not None:
            parts.executor.take_no_more()
        await self._end_tasks()
        if parts is not None and self._asking is not None:
            await self._asking.last(parts.executor.settle)
            await self._drain(parts, drain_s)
            await self._asking.last(parts.close)
            self._asking.end()
        log.info("the engine ended", extra={"executor": self.executor})

    async def _end_tasks(self) -> None:
        """End what goes on beside the runs; a question that it has just asked is not waited for."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_WATCH_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tasks = []

    async def _drain(self, parts: "Parts", drain_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                while self._active or parts.executor.is_busy:  # noqa: ASYNC110  it writes outcomes in threads
                    await asyncio.sleep(_FIRST_LOOK_S)
        left = list(self._active)
        self._leave_off()
        if left:
            await asyncio.wait(left, timeout=_STOP_S)

    async def _host(
        self, id: str, workflow: Workflow[Any, Any], argument: Any, dbos_loop: asyncio.AbstractEventLoop
    ) -> Any:
        """Go through a run's body here; where it was not ours to end, CancelledError leaves it as it is."""
        from guardian_cluster.engine.executor import KeptRun

        task = asyncio.current_task()
        if task is None or self._stop.is_set() or not self._may_go_on():
            raise asyncio.CancelledError
        self._active[task] = id
        steps = KeptRun(id, dbos_loop, self._may_go_on, workflow.again_on)
        try:
            return await perform(workflow, steps, argument)
        except Overdue as error:
            log.warning(
                "a run was cancelled", extra={"run": id, "workflow": workflow.name, "reason": str(error)}
            )
            with suppress(EngineUnavailable):  # it is cancelled when it is taken up again
                await self._ask(partial(self._open_parts().ledger.cancel, id))
            raise asyncio.CancelledError from error
        except Exception as error:
            facts = {"run": id, "workflow": workflow.name, "reason": codec.reason(error)}
            log.warning("a run failed", extra=facts)
            raise
        finally:
            del self._active[task]

    def _may_go_on(self) -> bool:
        return self._parts is None or self._parts.may_go_on

    def _leave_off(self, ids: set[str] | None = None) -> None:
        """Stop the bodies of some runs, or of all: what they were doing is done again by whoever has them next."""
        for task, id in list(self._active.items()):
            if ids is None or id in ids:
                task.cancel()

    async def _watch(self, parts: "Parts") -> None:
        """Leave all runs off when this process may have been taken for dead; take none when nobody sees to that."""
        lease, lapses = parts.lease, 0
        while lease is not None and not await self._stopped(_WATCH_S):
            if lease.lapses != lapses or not lease.is_held:
                lapses = lease.lapses
                self._leave_off()
            if not lease.is_kept:
                self._fail(parts, "its lease is not renewed any more: start it anew")

    def _fail(self, parts: "Parts", why: str) -> None:
        """Take no more runs, and say why once."""
        if not self._failure:
            self._failure = why
            log.critical("the engine takes no more work", extra={"reason": why})
            parts.executor.take_no_more()

    async def _look_after(self, parts: "Parts") -> None:
        """Hand back what was left by others or lost here, and stop what is not ours any more."""
        while not await self._stopped(_LOOK_AFTER_S):
            try:
                self._leave_off(await self._ask(partial(parts.look_after, set(self._active.values()))))
            except EngineUnavailable as error:
                log.debug("runs cannot be looked after: %s", error)
                if why := parts.why_lost(error):
                    self._fail(parts, why)
            except Exception:
                log.exception("runs cannot be looked after")

    async def _enqueue_due(self, schedule: Schedule, due: float) -> None:
        run = schedule.run_id(due)
        await self._enqueue(schedule.workflow, schedule.argument, run, schedule.once, urgent=False)

    async def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        """Ask the database. Raises EngineUnavailable."""
        if self._asking is None:
            raise EngineUnavailable(_CLOSED)
        return await self._asking.ask(question)

    async def _stopped(self, time_s: float) -> bool:
        """Wait for so long; tell whether the engine is to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(time_s):
                await self._stop.wait()
        return self._stop.is_set()

    def _open_parts(self) -> "Parts":
        if self._parts is None:
            raise EngineUnavailable(_CLOSED)
        return self._parts
