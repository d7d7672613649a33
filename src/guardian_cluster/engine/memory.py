"""The engine without a database: for use as a library and in tests. What it holds ends with the process.

It does what the durable one does, value for value (tests/engine/test_engine_contract.py); closed and started again,
it goes on with what was left.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from guardian_cluster.domain.clock import Clock, SystemClock
from guardian_cluster.engine import codec
from guardian_cluster.engine.engine import (
    FORGOTTEN_AT_ONCE,
    EngineUnavailable,
    RunFailed,
    RunRecord,
    RunState,
    Workflow,
)
from guardian_cluster.engine.held import HeldRun, HeldSteps
from guardian_cluster.engine.performing import Overdue, perform
from guardian_cluster.engine.registry import Registry, checked_id, run_id
from guardian_cluster.engine.replay import failed_text, redone
from guardian_cluster.engine.ticking import Schedule, tick


class MemoryEngine:
    """An `Engine` whose runs live as long as it does."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._registry = Registry()
        self._runs: dict[str, HeldRun] = {}
        self._waiting: list[HeldRun] = []
        self._stop = asyncio.Event()
        self._is_open = False
        self._tickers: list[asyncio.Task[None]] = []

    @property
    def failure(self) -> str:
        """Nothing: there is nothing that could be lost."""
        return ""

    def register(self, workflow: Workflow[Any, Any]) -> None:
        """Make a workflow known. Raises ValueError for a name that is known."""
        self._registry.register(workflow)

    def schedule(self, workflow: str, argument: Any, *, every_s: float, name: str) -> None:
        """Have a workflow enqueued every so many seconds. Raises KeyError and ValueError."""
        self._registry.schedule(workflow, argument, every_s=every_s, name=name)

    async def start(self) -> None:
        """Take up the runs that were left, and begin to take new ones."""
        self._is_open = True
        self._stop.clear()
        self._tickers = [
            asyncio.create_task(tick(schedule, self._clock, self._enqueue_due, self._stop))
            for schedule in self._registry.schedules
        ]
        self._begin_waiting()

    async def enqueue(
        self, workflow: str, argument: Any, *, id: str | None = None, once: str = "", urgent: bool = False
    ) -> str:
        """Have a workflow run soon, and return the id of its run."""
        self._check_open()
        given = self._registry.argument(workflow, argument)
        name = run_id(self._clock.now()) if id is None else checked_id(id)
        known = self._known(workflow, name, once)
        if known is not None:
            return known.id
        kept = HeldRun(name, workflow, given, once, self._clock.now(), urgent=urgent)
        self._runs[kept.id] = kept
        self._waiting.append(kept)
        self._begin_waiting()
        return kept.id

    async def result(self, id: str, *, timeout_s: float) -> Any:
        """Wait for a run's end and return what it returned."""
        self._check_open()
        kept = self._runs[id]
        async with asyncio.timeout(timeout_s):
            await kept.ended.wait()
        if kept.state != "done":
            raise RunFailed(failed_text(kept.record(with_steps=False)))
        return codec.typed(kept.result, self._registry.workflow(kept.workflow).result)

    async def run(self, workflow: str, argument: Any, *, id: str | None = None) -> Any:
        """Enqueue a run, wait for its end and return what it returned."""
        name = await self.enqueue(workflow, argument, id=id)
        return await self.result(name, timeout_s=self._registry.patience_s(workflow))

    async def runs(
        self, *, workflow: str = "", state: RunState | None = None, limit: int = 50
    ) -> Sequence[RunRecord]:
        """Return the newest runs, newest first."""
        self._check_open()
        wanted = [
            kept for kept in reversed(self._runs.values())
            if workflow in ("", kept.workflow) and state in (None, kept.state)
        ]  # fmt: skip
        return [kept.record(with_steps=False) for kept in wanted[:limit]]

    async def run_of(self, id: str) -> RunRecord | None:
        """Return one run with its steps."""
        self._check_open()
        kept = self._runs.get(id)
        return None if kept is None else kept.record(with_steps=True)

    async def cancel(self, id: str) -> bool:
        """Have a run end now; false where there is none that waits or runs."""
        self._check_open()
        kept = self._runs.get(id)
        if kept is None or kept.state not in ("waiting", "running"):
            return False
        self._end(kept, "cancelled")
        if kept.task is not None:
            kept.task.cancel()
        return True

    async def resume(self, id: str) -> bool:
        """Go on with a run that was cancelled or failed; false where there is none."""
        self._check_open()
        kept = self._runs.get(id)
        if kept is None or kept.state not in ("cancelled", "failed"):
            return False
        for number in redone(list(kept.steps.values())):
            del kept.steps[number], kept.results[number]
        kept.state, kept.error, kept.once, kept.updated = "waiting", "", "", self._clock.now()
        kept.ended.clear()
        self._waiting.append(kept)
        self._begin_waiting()
        return True

    async def forget(self, before: float) -> int:
        """Delete some of the runs that ended before a Unix time."""
        self._check_open()
        old = [kept.id for kept in self._runs.values() if kept.ended.is_set() and kept.updated < before]
        for id in old[:FORGOTTEN_AT_ONCE]:
            del self._runs[id]
        return len(old[:FORGOTTEN_AT_ONCE])

    async def close(self, *, drain_s: float) -> None:
        """Take no new runs, wait for those under way, and stop; the rest goes on when it is started again."""
        self._is_open = False
        self._stop.set()
        await asyncio.gather(*self._tickers)
        under_way = [kept.task for kept in self._runs.values() if kept.task is not None]
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=drain_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _known(self, workflow: str, id: str, once: str) -> HeldRun | None:
        known = self._runs.get(id)
        if known is not None and known.workflow != workflow:
            raise ValueError(f"run {id} is one of another workflow, and not of {workflow}")
        if known is not None or not once:
            return known
        alive = (kept for kept in self._runs.values() if kept.state in ("waiting", "running"))
        return next((kept for kept in alive if (kept.workflow, kept.once) == (workflow, once)), None)

    def _begin_waiting(self) -> None:
        for kept in sorted(self._waiting, key=lambda each: not each.urgent):
            if kept.state != "waiting":
                self._waiting.remove(kept)
            elif self._is_open and kept.task is None and self._has_room(kept.workflow):
                self._waiting.remove(kept)
                kept.state, kept.updated = "running", self._clock.now()
                kept.task = asyncio.create_task(self._execute(kept))
                kept.task.add_done_callback(partial(self._finished, kept))

    def _has_room(self, workflow: str) -> bool:
        busy = sum(kept.workflow == workflow and kept.task is not None for kept in self._runs.values())
        return busy < self._registry.workflow(workflow).at_once

    async def _execute(self, kept: HeldRun) -> None:
        workflow = self._registry.workflow(kept.workflow)
        steps = HeldSteps(kept, self._clock, workflow.again_on)
        try:
            kept.result = await perform(workflow, steps, kept.argument)
            self._end(kept, "done")
        except Overdue:
            self._end(kept, "cancelled")
        except Exception as error:
            self._end(kept, "failed", codec.reason(error))

    def _finished(self, kept: HeldRun, _: "asyncio.Task[None]") -> None:
        """Make room; a run that was stopped half-way, and not cancelled, goes on after the next start."""
        kept.task = None
        if kept.state == "running":
            kept.state = "waiting"
            self._waiting.append(kept)
        self._begin_waiting()

    def _end(self, kept: HeldRun, state: RunState, error: str = "") -> None:
        if kept.state in ("waiting", "running"):
            kept.state, kept.error, kept.updated = state, error, self._clock.now()
            kept.ended.set()

    async def _enqueue_due(self, schedule: Schedule, due: float) -> None:
        with suppress(EngineUnavailable):  # closed meanwhile
            run, once = schedule.run_id(due), schedule.once
            await self.enqueue(schedule.workflow, schedule.argument, id=run, once=once)

    def _check_open(self) -> None:
        if not self._is_open:
            raise EngineUnavailable("the engine was not started, or was closed")
