"""What a started engine holds: a database, who is alive in it, the ledger and the executor; made and let go together.

Everything here blocks.
"""

import asyncio
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from guardian_cluster.engine.database import (
    SEE,
    FileLock,
    explained,
    first_line,
    is_damage,
    open_file,
    open_server,
    refused,
)
from guardian_cluster.engine.engine import EngineUnavailable, Workflow
from guardian_cluster.engine.executor import Executor, Host
from guardian_cluster.engine.lease import TTL_S, Lease
from guardian_cluster.engine.lease import now as running_s
from guardian_cluster.engine.ledger import Ledger
from guardian_cluster.engine.leftovers import Leftovers

log = logging.getLogger("guardian.engine")

_LEASE_CONNECTIONS = 2
"""Of its own: it must be renewed also while everything else waits for a connection."""


class Parts:
    """The parts of one engine."""

    def __init__(
        self,
        database: Path | str,
        executor: str,
        workflows: Collection[Workflow[Any, Any]],
        home: asyncio.AbstractEventLoop,
        host: Host,
    ) -> None:
        """Open the database and begin to take runs. Raises CannotCreate and RuntimeError."""
        self._place = database
        self._executor_id = executor
        self._leftovers = Leftovers(executor)
        self._lock = FileLock(database) if isinstance(database, Path) else None
        self.lease: Lease | None = None
        if self._lock is not None:
            self._lock.acquire()
        try:
            self._database = open_file(database) if isinstance(database, Path) else open_server(database)
        except BaseException:
            self._unlock()
            raise
        self.ledger = Ledger(self._database)
        self.executor = Executor(executor, self._database, home, host)
        try:
            self._begin(database, workflows)
        except (EngineUnavailable, SQLAlchemyError) as error:
            self._let_go()
            raise _explained(database, error) from error
        except BaseException:
            self._let_go()
            raise

    def _begin(self, database: Path | str, workflows: Collection[Workflow[Any, Any]]) -> None:
        self.ledger.migrate()
        if isinstance(database, str):
            self.lease = Lease(self._executor_id, open_server(database, connections=_LEASE_CONNECTIONS))
            self.lease.take()  # before any run is ours
        for workflow in workflows:
            self.ledger.register_queue(workflow.name, workflow.at_once)
        self.look_after(())
        self.executor.launch(workflows)

    @property
    def may_go_on(self) -> bool:
        """Whether nobody can have taken this process for dead."""
        return self.lease is None or self.lease.is_held

    def why_lost(self, error: EngineUnavailable) -> str:
        """Return why the database does not come back by itself; empty where it may."""
        return f"{self._place} is damaged: see {SEE}" if is_damage(error.__cause__) else ""

    def look_after(self, active: Collection[str]) -> set[str]:
        """Hand back the runs that were left; return those of `active` that are not ours any more.

        Raises EngineUnavailable and SQLAlchemyError.
        """
        pending = self.ledger.pending()
        for run in self._leftovers.among(pending, live=self._live(), active=active, now=running_s()):
            if self.ledger.hand_back(run):
                facts = {"run": run.id, "workflow": run.workflow, "executor": run.executor}
                log.warning("a run that was left behind is taken over", extra=facts)
        return self._leftovers.lost(pending, active)

    def close(self) -> None:
        """Stop taking runs, and have those that are left here wait for another process."""
        self.executor.destroy()
        try:
            for run in self.ledger.pending():
                if run.executor == self._executor_id:
                    self.ledger.hand_back(run)
            if self.lease is not None:
                self.lease.give_back()
        except (EngineUnavailable, SQLAlchemyError) as error:
            log.warning("runs were left as they are", extra={"reason": first_line(error)})
        self._let_go()

    def _live(self) -> Collection[str] | None:
        """Return who is alive; whoever was away just now, like everybody else, has a moment to say so first."""
        if self.lease is None:
            return {self._executor_id}
        return self.lease.live() if self.lease.held_for_s >= TTL_S else None

    def _let_go(self) -> None:
        self.executor.destroy()
        if self.lease is not None:
            self.lease.close()
        self.ledger.close()
        event.listen(self._database, "checkin", _close)  # what a late thread of DBOS's still has
        self._database.dispose()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()


def _explained(database: Path | str, error: Exception) -> Exception:
    if isinstance(database, Path):
        cause = error.__cause__ if isinstance(error, EngineUnavailable) else error
        return explained(database, cause if isinstance(cause, Exception) else error)
    return refused("the engine's database", f"cannot be used: {first_line(error)}", "Check the server's log.")


def _close(_: object, entry: ConnectionPoolEntry) -> None:
    entry.invalidate()
