"""What recovery does again and again: failures become durable runs, incidents are tended, people are called."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import MOST_OPEN, Conflict, FailureEvent, Incident
from guardian_cluster.engine.engine import Engine, EngineUnavailable
from guardian_cluster.errors import CannotCreate
from guardian_cluster.guarded import Guarded
from guardian_cluster.processes.retrier import SpecialistRetrier
from guardian_cluster.recovering import RECOVERY, Publish, Recovering
from guardian_cluster.recovery.alerts.outbox import Outbox
from guardian_cluster.recovery.alerts.sinks.making import ConfiguredSinks
from guardian_cluster.recovery.alerts.system import AlertSystem
from guardian_cluster.recovery.incidents import told
from guardian_cluster.recovery_facts import ReadSince
from guardian_cluster.specialists.transports import Transports
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.state_database import StateUnavailable

log = logging.getLogger("guardian.recovery")


class _Said(NamedTuple):
    """All of an incident by which there is something to say to those who were called."""

    id: str
    is_open: bool
    paged: float | None
    flaps: int

    @classmethod
    def of(cls, incident: Incident) -> "_Said":
        return cls(incident.id, incident.is_open, incident.paged, incident.flaps)


class Recoveries:
    """Has an engine recover from what fails, and looks after what was done."""

    def __init__(
        self,
        recovering: Recovering,
        alert_system: AlertSystem,
        outbox: Outbox,
        store: StateStore,
        engine: Engine,
        clock: Clock,
    ) -> None:
        self.recovering = recovering
        self.alert_system = alert_system
        self._outbox = outbox
        self._store = store
        self._engine = engine
        self._clock = clock
        self._due: dict[str, FailureEvent] = {}
        """By the ids of their runs."""
        self._taken_up: set[str] = set()
        """Newest events of incidents that nobody works on yet."""
        self._caught_up: set[_Said] = set()

    async def begin(self) -> None:
        """Go on where the last process ended: what is active is in force."""
        await self.recovering.begin()

    def note(self, alarms: Sequence[Alarm], events: Sequence[GatewayEvent]) -> None:
        """Take in what watchers and gateways tell of; each failure is recovered from once."""
        for event in self.recovering.events_of(alarms, events):
            self._open(event)

    def _open(self, event: FailureEvent) -> None:
        """Have a failure recovered from, once."""
        self._due[f"{RECOVERY}:{event.id}"] = event

    async def enqueue_due(self) -> None:
        """Have the recoveries begin that are due; what the engine cannot take now stays due."""
        self.note((), ())
        for id, event in list(self._due.items()):
            try:
                await self._engine.enqueue(RECOVERY, event, id=id, urgent=True)
            except EngineUnavailable as error:
                log.debug("a recovery waits to be enqueued: %s", error)
                return
            del self._due[id]

    async def tend(self) -> None:
        """Send what is due to people, and do what is due for open incidents; what cannot be done now is later.

        Each by itself, calls first: where moves cannot be written, people are needed more than ever. Never raises.
        """
        send = self._outbox.start_due
        # Sent once more at the end: what was decided meanwhile is not a second late.
        for work in (send, self._take_up, self.recovering.tending.tend, self._catch_up, self._call_on, send):
            await self._attempt(work)

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except (StateUnavailable, CannotCreate) as error:
            log.warning("incidents wait to be looked after", extra={"reason": str(error)})
        except Exception:
            log.exception("a part of looking after incidents failed; the others go on")

    async def _call_on(self) -> None:
        for incident in await self._store.incidents(open_only=True, limit=MOST_OPEN):
            await self._attempt(partial(self._escalate, incident))

    async def _take_up(self) -> None:
        """Have a recovery begin for each incident that a person opened, or that is to be worked on once more."""
        opened = [
            each
            for each in await self._store.incidents(open_only=True, limit=MOST_OPEN)
            if each.state == "detected"
        ]
        for incident in opened:
            id = incident.event_ids[-1]
            event = None if id in self._taken_up else await self._store.failure_event(id)
            if event is None or event.source not in ("person", "aftercare"):
                continue
            # It may have waited for this process longer than what is taken for left behind.
            heard = told(incident, self._clock.now(), "it is taken up")
            with suppress(Conflict):
                await self._store.put_incident(heard, key=f"{id}:taken-up", expected="detected")
                self._open(event)
        self._taken_up = {each.event_ids[-1] for each in opened}

    async def _catch_up(self) -> None:
        """Have those who were called hear what a person has said of an incident meanwhile."""
        latest = await self._store.incidents()
        said = {_Said.of(each): each for each in latest if not each.is_open or each.acknowledged is not None}
        await self.alert_system.catch_up(each for key, each in said.items() if key not in self._caught_up)
        self._caught_up = set(said)

    async def _escalate(self, incident: Incident) -> None:
        """Call the next people where nobody has acknowledged an incident for too long."""
        if incident.escalation == 0 or incident.acknowledged is not None:
            return
        now = self._clock.now()
        taken = await self.alert_system.escalate(incident, now)
        if taken > incident.escalation:
            told_of = told(incident, now, f"nobody has acknowledged it: step {taken} of the escalation")
            called = replace(told_of, escalation=taken, paged=now)
            await self._store.put_incident(called, key=f"{incident.id}:step:{taken}:{incident.reopened}")


@asynccontextmanager
async def recoveries(
    guarded: Guarded, engine: Engine, publish: Publish, read_since: ReadSince, clock: Clock, rng: Random
) -> AsyncGenerator[Recoveries]:
    """Build workflow 4 over guardians, and register it with an engine that has not begun yet."""
    snapshot: Callable[[], Snapshot] = lambda: guarded.deployed.snapshot  # noqa: E731  a name for its type
    retrier, transport = SpecialistRetrier(snapshot, clock), Transports()
    policy = lambda: guarded.deployed.base.alerts  # noqa: E731
    outbox = Outbox(guarded.store, ConfiguredSinks(policy, transport), clock, rng)
    alert_system = AlertSystem(policy, guarded.store, clock)
    recovering = Recovering(guarded, publish, read_since, alert_system, retrier, clock, rng)
    engine.register(recovering.recovery)
    try:
        yield Recoveries(recovering, alert_system, outbox, guarded.store, engine, clock)
    finally:
        await outbox.close()
        await retrier.close()
        await transport.close()
