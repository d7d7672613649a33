"""The part of this process that runs workflows: DBOS, which exists once in a process, hidden in one object.

DBOS lives in threads and an event loop of its own, where it may block and sleep. Bodies and the work of their steps
run on the loop of whoever started the engine; only the keeping of what they return goes across.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig
from dbos import error as dbos_error

from guardian_cluster.engine import codec
from guardian_cluster.engine.database import SCHEMA
from guardian_cluster.engine.dbos_logs import tame_logs
from guardian_cluster.engine.engine import StepFailed, Workflow
from guardian_cluster.engine.ledger import APPLICATION, ENGINE_VERSION
from guardian_cluster.engine.performing import perform_step
from guardian_cluster.engine.replay import StepChanged
from guardian_cluster.engine.serializer import JsonSerializer

log = logging.getLogger("guardian.engine")

_Result = TypeVar("_Result")

MOST_ATTEMPTS = 20
"""So often a run is taken up: one whose process dies each time has most likely killed it."""

_RARE_POLL_S = 60.0
"""How often DBOS looks for schedules of its own, of which we have none."""

_LISTEN_S = 0.1
"""How often DBOS looks whether a run here waits for a message. None does, so it asks nothing; but closing waits."""

_SETTLE_S = 2.0
"""How long looks into queues that are under way are waited for."""

_KIND = {"sqlite": "sqlite:///engine.db", "postgresql": "postgresql://guardian@/guardian"}
"""What DBOS reads the kind of database from; the connection is ours."""

Host = Callable[[str, Workflow[Any, Any], Any, asyncio.AbstractEventLoop], Coroutine[Any, Any, Any]]
"""Performs a run on the loop of the engine's owner: id, workflow, plain argument, DBOS's loop."""


class Executor:
    """Runs what waits in queues. At most one is launched in a process; all methods block."""

    _taken = threading.Lock()

    def __init__(self, id: str, database: sa.Engine, home: asyncio.AbstractEventLoop, host: Host) -> None:
        self.id = id
        self._database = database
        self._home = home
        self._host = host
        self._dbos: DBOS | None = None

    def launch(self, workflows: Iterable[Workflow[Any, Any]]) -> None:
        """Begin to run workflows. Raises RuntimeError where another engine of this process does already."""
        if not Executor._taken.acquire(blocking=False):
            raise RuntimeError("this process runs an engine already: close it first")
        try:
            self._launch(list(workflows))
        except BaseException:
            self._dbos = None
            DBOS.destroy(destroy_registry=True)
            Executor._taken.release()
            raise

    def _launch(self, workflows: list[Workflow[Any, Any]]) -> None:
        tame_logs()
        config: DBOSConfig = {
            "name": APPLICATION,
            "application_version": ENGINE_VERSION,
            "executor_id": self.id,
            "system_database_url": _KIND[self._database.dialect.name],
            "system_database_engine": self._database,
            "dbos_system_schema": SCHEMA,
            "serializer": JsonSerializer(),
            "run_migrations": False,
            "use_listen_notify": False,
            "enable_otlp": False,
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": _LISTEN_S,
            "scheduler_polling_interval_sec": _RARE_POLL_S,
        }
        self._dbos = DBOS(config=config)
        for workflow in workflows:
            DBOS.workflow(name=workflow.name, max_recovery_attempts=MOST_ATTEMPTS)(self._entry(workflow))
        DBOS.listen_queues([workflow.name for workflow in workflows])
        DBOS.launch()
        # A thread that tries again without end could not be ended: a run that meets a database which is away is left
        # off instead, and taken up again when it is back.
        self._dbos._sys_db._retry_connection_errors = False  # pyright: ignore[reportPrivateUsage]

    def take_no_more(self) -> None:
        """Take no more runs from queues; those under way go on."""
        if self._dbos is not None:
            for event in self._dbos.background_thread_stop_events:
                event.set()

    def settle(self) -> None:
        """Wait until nothing takes runs any more: a claim that came after the end of DBOS's loop would be noise."""
        end = time.monotonic() + _SETTLE_S
        for thread in threading.enumerate():  # the one that starts the others ends when they have ended
            if thread.name.endswith("(queue_thread)") or thread.name.startswith("queue-worker-"):
                with suppress(RuntimeError):  # it is being started: its starter is waited for
                    thread.join(timeout=max(0.0, end - time.monotonic()))

    @property
    def is_busy(self) -> bool:
        """Whether an outcome is still to be written."""
        return self._dbos is not None and bool(_active(self._dbos))

    def destroy(self) -> None:
        """End everything of DBOS in this process."""
        if self._dbos is not None:
            self._dbos = None
            DBOS.destroy(destroy_registry=True)
            Executor._taken.release()

    def _entry(self, workflow: Workflow[Any, Any]) -> Callable[[Any], Coroutine[Any, Any, Any]]:
        async def entry(argument: Any) -> Any:
            loop = asyncio.get_running_loop()
            hosted = self._host(DBOS.workflow_id or "", workflow, argument, loop)
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(hosted, self._home))

        return entry


class KeptRun:
    """A run as its body sees it, on the loop of the engine's owner; DBOS keeps what its steps return."""

    def __init__(
        self,
        id: str,
        dbos_loop: asyncio.AbstractEventLoop,
        may_go_on: Callable[[], bool],
        again_on: tuple[type[Exception], ...],
    ) -> None:
        self.id = id
        self._again_on = again_on
        self._dbos_loop = dbos_loop
        self._may_go_on = may_go_on
        self._number = 0

    async def step(
        self, name: str, work: Callable[[str], Awaitable[_Result]], returns: type[_Result]
    ) -> _Result:
        """Return what the step returned when it was first done.

        Raises CancelledError where the run was cancelled or another process has it now: the body ends then, and
        nothing more of it is kept.
        """
        self._number += 1
        number = self._number
        key = f"{self.id}:{number}:{name}"
        home = asyncio.get_running_loop()

        async def kept() -> Any:
            if not self._may_go_on():
                raise _Fenced("this process may have been taken for dead")
            step = perform_step(name, work, key, returns, self._again_on)
            done = asyncio.run_coroutine_threadsafe(step, home)
            return await asyncio.wrap_future(done)

        keeping: Future[Any] = asyncio.run_coroutine_threadsafe(_keep(name, kept), self._dbos_loop)
        try:
            return codec.typed(await asyncio.wrap_future(keeping), returns)
        except (StepFailed, codec.NotKeepable, asyncio.CancelledError):
            raise
        except dbos_error.DBOSUnexpectedStepError as error:
            raise StepChanged(number, error.inputs[3], name) from error
        except BaseException as error:
            facts = {"run": self.id, "step": name, "reason": codec.reason(error)}
            log.info("a run is left off here", extra=facts)
            raise asyncio.CancelledError from error


class _Fenced(BaseException):
    """Not an Exception: it is not what the step did, and is not kept."""


async def _keep(name: str, kept: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return await DBOS.run_step_async({"name": name}, kept)


def _active(dbos: DBOS) -> list[str]:
    return dbos._active_workflows_set.activeList()  # pyright: ignore[reportPrivateUsage]  it has no public name
