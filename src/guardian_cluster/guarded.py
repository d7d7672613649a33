"""Builds workflow 2 over given records, state and audits: the only file that knows all its parts."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Protocol

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.contract.snapshot import Base, Snapshot
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.clock import Clock
from guardian_cluster.engine.engine import Run, StepFailed, Workflow
from guardian_cluster.guardians.diagnosis.narrative import Narrator
from guardian_cluster.guardians.diagnostician import Diagnostician
from guardian_cluster.guardians.meta import MetaGuardian
from guardian_cluster.guardians.network import GuardianNetwork, GuardianSet
from guardian_cluster.guardians.optimizer import Optimizer
from guardian_cluster.guardians.ports import Audits
from guardian_cluster.guardians.safety import RecordedTexts, SafetyMonitor
from guardian_cluster.guardians.watcher import WindowWatcher
from guardian_cluster.improvement.investigation import owner_of
from guardian_cluster.improvement.queue import ImprovementQueue
from guardian_cluster.improvement.refused import refused_ids
from guardian_cluster.monitoring.coordination import CoordinationEngine
from guardian_cluster.monitoring.ports import WindowSource
from guardian_cluster.monitoring.windows import RecentWindows, Records
from guardian_cluster.monitoring.workflow import GuardianMonitoringWorkflow
from guardian_cluster.processes.learned import Learned
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.state_database import StateUnavailable

log = logging.getLogger("guardian.monitoring")

CYCLE = "monitoring-cycle"
"""The name under which cycles run; those of an older version go on under it."""


class InForce(Protocol):
    """What is deployed at the moment."""

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot in force."""
        ...

    @property
    def base(self) -> Base:
        """All that is needed to serve."""
        ...

    async def refresh(self) -> Snapshot | None:
        """Look whether another one is in force now; return the one before it, `None` where nothing changed."""
        ...


class Looked(NamedTuple):
    """What a look at what came found."""

    has_more: bool
    raised: Sequence[Alarm] = ()
    events: Sequence[GatewayEvent] = ()
    left_out: int = 0
    """Requests that were passed over, for there were too many."""


class Guarded(ABC):
    """Workflow 2 with all that it needs. How records come, and where what is known is kept, differs."""

    def __init__(
        self,
        deployed: InForce,
        records: Records,
        audits: Audits,
        store: StateStore,
        clock: Clock,
        narrator: Narrator | None = None,
        texts: RecordedTexts | None = None,
    ) -> None:
        self.deployed = deployed
        self.store = store
        self.learned = Learned()
        self._clock = clock
        self._narrator = narrator
        self._texts = texts
        windows = RecentWindows(records, store, self.learned, clock, lambda: deployed.base.guardians.window)
        self.network = GuardianNetwork(
            lambda: deployed.base.specialists, windows, self._guardians, MetaGuardian(audits, clock)
        )
        queue = ImprovementQueue(store, clock, lambda: owner_of(deployed.base.guardians, deployed.base.keys))
        self.workflow = GuardianMonitoringWorkflow(self.network, CoordinationEngine(), queue, store, clock)

    def _guardians(self, source: WindowSource) -> GuardianSet:
        clock, snapshot = self._clock, lambda: self.deployed.snapshot
        narrator = self._narrator if self.deployed.base.guardians.narrator else None
        return GuardianSet(
            watcher=WindowWatcher(source, clock, self.learned),
            diagnostician=Diagnostician(source, clock, narrator),
            optimizer=Optimizer(source, clock, snapshot, partial(refused_ids, self.store)),
            safety_monitor=SafetyMonitor(source, clock, snapshot, self._texts),
        )

    @property
    def cycle(self) -> Workflow[str, str]:
        """The durable workflow of one cycle: given a specialist's name, it returns the id of what it found."""
        return Workflow(
            name=CYCLE, body=self._cycle, argument=str, result=str, at_once=2, again_on=(StateUnavailable,)
        )

    async def _cycle(self, run: Run, specialist: str) -> str:
        try:
            await self.workflow.execute_monitoring_cycle(specialist, run)
        except (KeyError, StepFailed) as error:
            if isinstance(error, StepFailed) and error.kind != KeyError.__name__:
                raise
            # It is not deployed, or not any more; what was queued before stays, and is for who looks into it.
            log.warning("a cycle ended early", extra={"specialist": specialist, "reason": str(error)})
        return run.id

    def configure(self) -> None:
        """Do as the snapshot that is in force now says; what is known of specialists that are gone is forgotten."""
        self.learned.configure(self.deployed.base, self._clock.now())

    @abstractmethod
    async def restore(self) -> Snapshot | None:
        """Know what the last process knew, and go on after what it looked at; return what was deployed by then."""

    @abstractmethod
    async def look(self, limit: int) -> Looked:
        """Take in the next requests, at most so many, marks and events, in the order in which they came."""

    @abstractmethod
    async def keep(self, alarms: Sequence[Alarm]) -> None:
        """Keep alarms, and what is known and up to where was looked, in one transaction."""
