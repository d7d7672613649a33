"""Durable execution as the control plane sees it: run, enqueue, schedule and step, over any database or none.

A workflow is a body of steps. What a step returned is kept; when the process ends at any moment, the run goes on
after the last step that was kept. So a body decides nothing by the clock, by chance or by what it reads outside a
step, and a step may be done twice where the process ended between its effect and the note of it: an effect on a
database is made once by the step's key (docs/design/engine.md).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

Argument = TypeVar("Argument")
Result = TypeVar("Result")

RunState = Literal["waiting", "running", "done", "failed", "cancelled"]

MAX_RUN_S = 600.0
"""No run lives longer: what takes longer is a row, advanced by short runs, so that an upgrade strands nothing."""

FORGOTTEN_AT_ONCE = 200
"""Runs that one call deletes at most, so that nobody waits long for the database meanwhile."""


class Run(Protocol):
    """One run, as its body sees it."""

    @property
    def id(self) -> str:
        """Unique for ever; the same after a restart."""
        ...

    async def step(
        self, name: str, work: Callable[[str], Awaitable[Result]], returns: type[Result]
    ) -> Result:
        """Return what `work` returned when this step was first done to its end.

        `work` is given the step's key, `run_id:number:name`, under which its effects are made once. What it returns
        is kept as JSON and should be small: ids rather than payloads; the caller gets what JSON makes of it. Steps
        begin in the same order every time; several may run at once.

        Raises StepFailed where `work` raised: the first time, and each time the body is gone through again.
        """
        ...


class Workflow(msgspec.Struct, Generic[Argument, Result], frozen=True, kw_only=True):
    """A body of steps under a name that stays."""

    name: str
    body: Callable[[Run, Argument], Awaitable[Result]]
    argument: type[Argument]
    """What a run is given and returns; both go through JSON."""
    result: type[Result]
    at_once: int = 4
    """So many runs of it at the same time, over all processes; more wait in its queue."""
    limit_s: float = MAX_RUN_S
    """Then it is cancelled."""
    again_on: tuple[type[Exception], ...] = ()
    """What a step raises where something it needs is away for now, besides EngineUnavailable: it is done again, with
    pauses, until the run has no time left."""


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A step that was done."""

    number: int
    name: str
    started: float | None = None
    ended: float | None = None
    error: str = ""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as an operator sees it. Times are Unix seconds."""

    id: str
    workflow: str
    state: RunState
    created: float
    updated: float
    executor: str = ""
    """The process that has it, or had it last."""
    version: str = ""
    argument: str = ""
    """As JSON, shortened."""
    result: str = ""
    error: str = ""
    steps: tuple[StepRecord, ...] = ()
    """Only where one run was asked for."""


class Engine(Protocol):
    """Runs workflows. All are registered before `start`.

    What asks its database raises EngineUnavailable where that cannot be used for now.
    """

    @property
    def failure(self) -> str:
        """Why it takes no more work and never will until it is started anew; empty while all is well."""
        ...

    def register(self, workflow: Workflow[Any, Any]) -> None:
        """Make a workflow known. Raises ValueError for a name that is known."""
        ...

    def schedule(self, workflow: str, argument: Any, *, every_s: float, name: str) -> None:
        """Have a workflow enqueued every so many seconds, once for all processes; a time that was missed is left out.

        To be called before `start`.
        """
        ...

    async def start(self) -> None:
        """Take up the runs that a process left behind, and begin to take new ones.

        Raises CannotCreate where its database cannot be used.
        """
        ...

    async def enqueue(
        self, workflow: str, argument: Any, *, id: str | None = None, once: str = "", urgent: bool = False
    ) -> str:
        """Have a workflow run soon, and return the id of its run; an urgent one before all that are not.

        A run with that `id`, or one of the workflow that waits or runs under the same `once`, is that run: nothing
        new begins. Raises KeyError for an unknown workflow, and ValueError where the argument is not of its type, or
        the id is that of another workflow's run.
        """
        ...

    async def result(self, id: str, *, timeout_s: float) -> Any:
        """Wait for a run's end and return what it returned.

        Raises TimeoutError, RunFailed where it failed or was cancelled, and KeyError where there is none.
        """
        ...

    async def run(self, workflow: str, argument: Any, *, id: str | None = None) -> Any:
        """Enqueue a run, wait for its end and return what it returned. Raises RunFailed."""
        ...

    async def runs(
        self, *, workflow: str = "", state: RunState | None = None, limit: int = 50
    ) -> Sequence[RunRecord]:
        """Return the newest runs, newest first."""
        ...

    async def run_of(self, id: str) -> RunRecord | None:
        """Return one run with its steps."""
        ...

    async def cancel(self, id: str) -> bool:
        """Have a run end before its next step; false where there is none that waits or runs."""
        ...

    async def resume(self, id: str) -> bool:
        """Go on with a run that was cancelled or failed; false where there is none.

        Its first step that failed, and all after that, are done again. Its time begins anew.
        """
        ...

    async def forget(self, before: float) -> int:
        """Delete some of the runs that ended before a Unix time; return how many, 0 when none is left."""
        ...

    async def close(self, *, drain_s: float) -> None:
        """Take no new runs, let those under way come to their end for so long, and stop; the rest goes on later."""
        ...


class RunFailed(Exception):
    """A run failed or was cancelled; the text says why."""


class StepFailed(Exception):
    """What a step raised, as a body may catch it: the same after a restart."""

    def __init__(self, step: str, kind: str, text: str) -> None:
        super().__init__(step, kind, text)
        self.step = step
        self.kind = kind
        """The name of the exception's class."""
        self.text = text
        """What it said, shortened."""

    def __str__(self) -> str:
        return f"step {self.step}: {self.kind}: {self.text}"


class EngineUnavailable(Exception):
    """The engine's database cannot be used for now: it is away, locked or full.

    What was asked was not done; where the database gave no answer at all, it may be done later.
    """
