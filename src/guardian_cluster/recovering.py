"""Builds workflow 4 over given guardians, records and state: the only file that knows all its parts."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.contract.snapshot import Base, Overlay
from guardian_cluster.domain.action import HeldMove
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import FailureEvent
from guardian_cluster.engine.engine import Run, StepFailed, Workflow
from guardian_cluster.errors import CannotCreate
from guardian_cluster.guarded import Guarded, InForce
from guardian_cluster.recovery.backup import BackupManager
from guardian_cluster.recovery.endings import ALARM
from guardian_cluster.recovery.engine import RecoveryEngine
from guardian_cluster.recovery.ports import Alerting, Retrying
from guardian_cluster.recovery.tending import Tending
from guardian_cluster.recovery.workflow import FailureRecoveryWorkflow
from guardian_cluster.recovery_facts import EmergencyDiagnosis, KnownSituations, ReadSince, RecentFacts
from guardian_cluster.storage.state_database import StateUnavailable

log = logging.getLogger("guardian.recovery")

RECOVERY = "failure-recovery"
"""The name under which recoveries run; those of an older version go on under it."""

PATIENCE_S = 10.0
"""So long an endpoint that a gateway has left out may take to be let in again, before it is an event: the gateway's own
breaker answers the short faults, and callers are served by others meanwhile."""

Publish = Callable[[Sequence[HeldMove]], Awaitable[None]]


class Served:
    """What is deployed, and how moves get there: a `Serving`."""

    def __init__(self, deployed: InForce, publish: Publish) -> None:
        self._deployed = deployed
        self._publish = publish

    @property
    def base(self) -> Base:
        """All that is needed to serve, as deployed."""
        return self._deployed.base

    @property
    def overlay(self) -> Overlay:
        """What is in force above it."""
        return self._deployed.snapshot.overlay

    async def publish(self, moves: Sequence[HeldMove]) -> None:
        """Have exactly these moves stand in the overlay."""
        await self._publish(moves)


class Recovering:
    """Workflow 4 with all that it needs."""

    def __init__(
        self,
        guarded: Guarded,
        publish: Publish,
        read_since: ReadSince,
        alert_system: Alerting,
        retrying: Retrying,
        clock: Clock,
        rng: random.Random,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._left_out: dict[str, GatewayEvent] = {}
        serving, store = Served(guarded.deployed, publish), guarded.store
        recent = RecentFacts(read_since, guarded.learned)
        self.backup_manager = BackupManager(guarded.learned.readings)
        situations = KnownSituations(serving, recent, store, self.backup_manager, clock)
        self.recovery_engine = RecoveryEngine(situations, rng)
        self.workflow = FailureRecoveryWorkflow(
            self.recovery_engine,
            alert_system,
            EmergencyDiagnosis(guarded.network, recent, store, clock, wait),
            retrying,
            recent,
            serving,
            store,
            clock,
            wait,
            backup_manager=self.backup_manager,
        )
        self.tending = Tending(self.workflow.desk, recent, alert_system, store, store, clock)
        self._served = lambda: serving.base.specialists

    @property
    def recovery(self) -> Workflow[FailureEvent, str]:
        """The durable workflow of one recovery: given an event, it returns the id of the incident."""
        return Workflow(
            name=RECOVERY,
            body=self._recover,
            argument=FailureEvent,
            result=str,
            again_on=(StateUnavailable, CannotCreate),
        )

    async def _recover(self, run: Run, event: FailureEvent) -> str:
        try:
            result = await self.workflow.handle_failure_event(event, run)
        except (KeyError, StepFailed) as error:
            if isinstance(error, StepFailed) and error.kind != KeyError.__name__:
                raise
            # Its specialist is not deployed any more; what was in force for it ends with its incident, or lapses.
            log.warning("a recovery ended early", extra={"event": event.id, "reason": str(error)})
            return ""
        return result.incident_id

    async def begin(self) -> None:
        """Have what is active stand in the overlay, as the last process left it."""
        await self.workflow.desk.publish()

    def events_of(self, alarms: Sequence[Alarm], events: Sequence[GatewayEvent]) -> list[FailureEvent]:
        """Return the failures that alarms and gateways tell of, by now."""
        for event in events:
            if event.kind == "endpoint_ejected":
                self._left_out[event.subject] = event
            elif event.kind in ("endpoint_readmitted", "endpoint_recovered"):
                self._left_out.pop(event.subject, None)
        found = [event_of(alarm) for alarm in alarms if alarm.closed is None]
        now = self._clock.now()
        for endpoint, event in list(self._left_out.items()):
            if now - event.at >= PATIENCE_S:
                del self._left_out[endpoint]
                found += self._of_ejected(event)
        return found

    def _of_ejected(self, event: GatewayEvent) -> list[FailureEvent]:
        for specialist in self._served():
            if any(each.id == event.subject for each in specialist.endpoints):
                return [
                    FailureEvent(
                        id=f"ejected:{event.subject}:{event.at:.3f}",
                        at=event.at,
                        onset=event.at,
                        specialist=specialist.name,
                        signal="error",
                        where=(("endpoint", event.subject),),
                        source="gateway",
                        said=event.detail,
                    )
                ]
        return []


def event_of(alarm: Alarm) -> FailureEvent:
    """Return the failure that an alarm tells of."""
    return FailureEvent(
        id=f"{ALARM}{alarm.id}",
        at=alarm.raised,
        onset=alarm.onset,
        specialist=alarm.specialist,
        signal=alarm.signal,
        where=alarm.where,
        source="alarm",
        alarm_id=alarm.id,
        expected=alarm.expected,
        observed=alarm.observed,
        requests=alarm.requests,
        record_ids=alarm.record_ids,
    )
