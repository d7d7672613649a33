"""What is known of runs, in the database: enqueued, listed, cancelled and taken over through DBOS's client.

It needs no process that runs workflows, so commands use it beside one. Everything here blocks.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from dbos import DBOSClient, EnqueueOptions, WorkflowStatus
from dbos import error as dbos_error
from sqlalchemy.exc import SQLAlchemyError

from guardian_cluster.engine import codec
from guardian_cluster.engine.database import SCHEMA, first_line
from guardian_cluster.engine.dbos_logs import tame_logs
from guardian_cluster.engine.engine import (
    FORGOTTEN_AT_ONCE,
    EngineUnavailable,
    RunRecord,
    RunState,
    StepRecord,
)
from guardian_cluster.engine.replay import redone
from guardian_cluster.engine.serializer import JsonSerializer

APPLICATION = "guardian"

ENGINE_VERSION = "1"
"""Runs begun under one version are taken up by a process of the same one alone.

It is not the program's version: a changed body goes on with the steps that are kept, or fails and says which step
changed. It is raised only when kept runs of before could not even be read.
"""

QUEUE_POLL_S = 0.1
"""How often each process looks for waiting runs: a run begins some 50 ms after it was enqueued."""

_URGENT, _USUAL = 1, 2
"""DBOS takes the lowest first, and of those the oldest."""

_STATES: dict[str, RunState] = {
    "ENQUEUED": "waiting",
    "DELAYED": "waiting",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
_ENDED = [name for name, state in _STATES.items() if state not in ("waiting", "running")]
_TOO_OFTEN = "it was taken up again and again, and each time its process ended: it may be what ends it"


class PendingRun(msgspec.Struct, frozen=True):
    """A run that some process has, or had when it died."""

    id: str
    workflow: str
    executor: str
    claimed: float


class Ledger:
    """The runs of one database."""

    def __init__(self, database: sa.Engine) -> None:
        tame_logs()
        self._is_shared = database.dialect.name != "sqlite"
        self._client = DBOSClient(
            system_database_engine=database,
            dbos_system_schema=SCHEMA,
            serializer=JsonSerializer(),
            application_name=APPLICATION,
            lazy=True,
            retry_connection_errors=False,
        )

    def close(self) -> None:
        """Let go of the database."""
        self._client.destroy()

    def migrate(self) -> None:
        """Make the tables, or make them those of this version; several processes may do so at once."""
        with _asking():
            self._client._sys_db.run_migrations()  # pyright: ignore[reportPrivateUsage]  with our connection

    def register_queue(self, workflow: str, at_once: int) -> None:
        """Make a workflow's queue, or change how many of its runs go on at once.

        Where there is one process, it knows without asking how many go on: that is a quarter of what polling costs.
        """
        limit = "global_concurrency" if self._is_shared else "worker_concurrency"
        limits: dict[str, Any] = {limit: at_once}
        with _asking():
            self._client.register_queue(workflow, polling_interval_sec=QUEUE_POLL_S, **limits)

    def enqueue(
        self, workflow: str, argument: Any, *, id: str, once: str, limit_s: float, urgent: bool = False
    ) -> str:
        """Have a run wait in its workflow's queue. Raises ValueError and EngineUnavailable."""
        known = self.status(id)
        if known is not None and known.workflow == workflow:
            return known.id
        options: EnqueueOptions = {
            "workflow_name": workflow,
            "queue_name": workflow,
            "app_version": ENGINE_VERSION,
            "workflow_id": id,
            "workflow_timeout": limit_s,
            "priority": _URGENT if urgent else _USUAL,
        }
        if once:
            options["deduplication_id"] = once
            options["duplication_policy"] = "return-existing"
        with _asking():
            try:
                handle = cast("Any", self._client.enqueue(options, argument))
            except dbos_error.DBOSConflictingWorkflowError as error:
                raise ValueError(f"run {id} is one of another workflow, and not of {workflow}") from error
        return handle.get_workflow_id()

    def status(self, id: str) -> RunRecord | None:
        """Return a run without what it was given and returned: the cheapest question."""
        found = self._list(workflow_ids=[id], load_input=False, load_output=False)
        return _record(found[0]) if found else None

    def outcome(self, id: str) -> Any:
        """Return the plain result of a run that is done."""
        return self._list(workflow_ids=[id], load_input=False)[0].output

    def runs(
        self, *, workflow: str = "", state: RunState | None = None, limit: int = 50
    ) -> Sequence[RunRecord]:
        """Return the newest runs, newest first."""
        states = [name for name, each in _STATES.items() if state in (None, each)]
        found = self._list(name=workflow or None, status=states, limit=limit, sort_desc=True)
        records = [_record(each) for each in found]
        # SQLite dates to the second.
        return sorted(records, key=lambda run: (run.created, run.id), reverse=True)

    def run_of(self, id: str) -> RunRecord | None:
        """Return a run with its steps."""
        found = self._list(workflow_ids=[id])
        return msgspec.structs.replace(_record(found[0]), steps=self._steps(id)) if found else None

    def cancel(self, id: str) -> bool:
        """End a run that waits or runs; its process stops it within a second."""
        before = self.status(id)
        if before is None or before.state not in ("waiting", "running"):
            return False
        with _asking():
            self._client.cancel_workflow(id)
        after = self.status(id)
        return after is not None and after.state == "cancelled"

    def resume(self, id: str) -> bool:
        """Have a run that was cancelled or failed wait in its queue again, without its failed last steps."""
        run = self.run_of(id)
        if run is None or run.state not in ("cancelled", "failed"):
            return False
        again = redone(run.steps)
        first = again[0] if again else max((step.number for step in run.steps), default=0) + 1
        with _asking():
            try:
                self._client.rewind_workflow(
                    id, start_step=first, queue_name=run.workflow, application_version=ENGINE_VERSION
                )
            except dbos_error.DBOSException:  # somebody else was faster
                return False
        return True

    def forget(self, before: float) -> int:
        """Delete some of the runs that ended before a Unix time."""
        moment = datetime.fromtimestamp(before, UTC).isoformat()
        old = self._list(
            status=_ENDED,
            completed_before=moment,
            limit=FORGOTTEN_AT_ONCE,
            load_input=False,
            load_output=False,
        )
        if old:
            with _asking():
                self._client.delete_workflows([each.workflow_id for each in old])
        return len(old)

    def pending(self) -> list[PendingRun]:
        """Return the runs that a process has, or had when it died."""
        found = self._list(status="PENDING", load_input=False, load_output=False)
        return [
            PendingRun(each.workflow_id, each.name, each.executor_id or "", _seconds(each.dequeued_at))
            for each in found
        ]

    def hand_back(self, run: PendingRun) -> bool:
        """Have a run wait again, if it still is with the process that `run` names; tell whether it was.

        The only use made of DBOS's own recovery, which is private: one statement that changes the row where its
        executor is the named one, and takes its owner's token away, so that a process that is not dead after all
        cannot keep another step of it (tests/engine/test_take_over.py).
        """
        with _asking():
            recover = self._client._sys_db.reenqueue_for_recovery  # pyright: ignore[reportPrivateUsage]
            return recover(run.id, [run.executor], run.workflow)

    def _steps(self, id: str) -> tuple[StepRecord, ...]:
        with _asking():
            found = self._client.list_workflow_steps(id)
        return tuple(
            StepRecord(
                number=each["function_id"],
                name=each["function_name"],
                started=_maybe_seconds(each["started_at_epoch_ms"]),
                ended=_maybe_seconds(each["completed_at_epoch_ms"]),
                error=codec.said(each["error"]) if each["error"] is not None else "",
            )
            for each in found
        )

    def _list(self, **wanted: Any) -> list[WorkflowStatus]:
        with _asking():
            return self._client.list_workflows(application_name=APPLICATION, **wanted)


@contextmanager
def _asking() -> Generator[None]:
    """Turn what a database driver raises into EngineUnavailable."""
    try:
        yield
    except SQLAlchemyError as error:
        raise EngineUnavailable(f"the engine's database cannot be used: {first_line(error)}") from error


def _record(status: WorkflowStatus) -> RunRecord:
    error = codec.reason(status.error) if status.error is not None else ""
    if status.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
        error = _TOO_OFTEN
    return RunRecord(
        id=status.workflow_id,
        workflow=status.name,
        state=_STATES[status.status],
        created=_seconds(status.created_at),
        updated=_seconds(status.updated_at),
        executor=status.executor_id or "",
        version=status.app_version or "",
        argument=codec.shown(_argument(status)),
        result=codec.shown(status.output) if status.status == "SUCCESS" else "",
        error=error,
    )


def _argument(status: WorkflowStatus) -> Any:
    given = cast("Mapping[str, Any] | None", status.input)
    arguments = given.get("args") if given is not None else None
    return arguments[0] if arguments else None


def _seconds(milliseconds: int | None) -> float:
    return (milliseconds or 0) / 1_000


def _maybe_seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1_000
