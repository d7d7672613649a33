"""What workflow 4 needs of others, as Protocols over values of `domain`; `processes/` and `cluster.py` fill them in."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from guardian_cluster.contract.snapshot import Base, Overlay, RecoveryPolicy
from guardian_cluster.domain.action import Action, HeldMove, Move
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.alert import AlertState, Delivery
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.incident import REOPEN_S, FailureEvent, Incident, IncidentState
from guardian_cluster.domain.observation import Observation
from guardian_cluster.domain.recovery import (
    DiagnosticReport,
    FailurePattern,
    PlayCount,
    RecoveryResult,
    Retried,
    SeverityAssessment,
)
from guardian_cluster.recovery.situation import Situation

_Result = TypeVar("_Result")


class Steps(Protocol):
    """Where a workflow's steps are kept: an engine's run, or nowhere (`engine/`)."""

    @property
    def id(self) -> str:
        """The run's id."""
        ...

    async def step(
        self, name: str, work: Callable[[str], Awaitable[_Result]], returns: type[_Result]
    ) -> _Result:
        """Return what `work`, given its key, returned when it was first done to its end."""
        ...


class Serving(Protocol):
    """What is deployed, and the overlay of recovery in it."""

    @property
    def base(self) -> Base:
        """All that is needed to serve, as deployed."""
        ...

    @property
    def overlay(self) -> Overlay:
        """What is in force above it, as gateways have it by now."""
        ...

    async def publish(self, moves: Sequence[HeldMove]) -> None:
        """Have exactly these moves stand in the overlay, soon and in every gateway.

        Called with the same moves again, nothing changes. Raises CannotCreate where that cannot be written now.
        """
        ...


class RecentRequests(Protocol):
    """What is recorded, as it comes."""

    async def since(self, specialist: str, at: float, *, limit: int = 2_000) -> Sequence[Observation]:
        """Return the requests that asked for a specialist, or were given to it, since a Unix time; oldest first.

        One that several specialists had is there once for each: `moves` are the ids of the actions that changed its
        way, with `:trial` after those that it tried the old way of.
        """
        ...


class Diagnosing(Protocol):
    """A diagnostician, asked in a hurry."""

    async def diagnose(self, event: FailureEvent) -> DiagnosticReport:
        """Return what can be said of the specialist's recent past that fits the event best.

        A failure that was seen before is known by its pattern. Raises KeyError where the specialist is not deployed.
        """
        ...


class Retrying(Protocol):
    """Does what failed again, under the watcher, apart from what callers ask."""

    async def retry(self, event: FailureEvent, moves: Sequence[Move]) -> Retried:
        """Ask the specialist some of what failed, or something as simple, as these moves have it asked; never raises.

        What callers wrote is asked again only where it was kept, its tenant's data policy allows it, and no tool of
        the request acts.
        """
        ...


class Situations(Protocol):
    """Gathers what is known of a failure."""

    @property
    def policy(self) -> RecoveryPolicy:
        """What may be done without asking."""
        ...

    async def of(
        self, event: FailureEvent, report: DiagnosticReport, assessment: SeverityAssessment
    ) -> Situation:
        """Return the situation as it is now. Raises KeyError where the specialist is not deployed any more."""
        ...

    async def counts(self, cause: Cause | None) -> Sequence[PlayCount]:
        """Return what helped against a cause before."""
        ...


class IncidentStore(Protocol):
    """What workflow 4 keeps. Every write has a key and is done once under it; what one call writes is kept together.

    Who comes again under a key is told what came of it the first time.
    """

    async def open_incident(
        self, event: FailureEvent, incident: Incident, *, key: str, reopen_s: float = REOPEN_S
    ) -> Incident:
        """Keep an event and its incident; where one of the same key is open, count the event there and return that.

        One that ended no more than `reopen_s` before the incident's `opened` is opened again: it flaps. An event that
        is known is counted no more: its incident is returned as it is.
        """
        ...

    async def failure_event(self, id: str) -> FailureEvent | None:
        """Return one event, as it was first told of."""
        ...

    async def incident(self, id: str) -> Incident | None:
        """Return one incident."""
        ...

    async def incidents(
        self, *, specialist: str = "", open_only: bool = False, limit: int = 100
    ) -> Sequence[Incident]:
        """Return incidents, those updated last first."""
        ...

    async def put_incident(
        self, incident: Incident, *, key: str, expected: IncidentState | None = None
    ) -> Incident:
        """Put an incident in the other's place, and return what is kept (`domain.incident_union`).

        What only grows is united with what is kept: ids of events and actions, history, flaps, acknowledgement, steps
        of the escalation. Its key and when it was opened stay, and one that is over stays over. Raises KeyError where
        there is none, and `domain.incident.Conflict` where it is in another state than expected.
        """
        ...

    async def put_actions(self, actions: Sequence[Action], *, key: str) -> None:
        """Keep actions; one with a known id takes the other's place, unless that has ended: it stays so."""
        ...

    async def actions(
        self, *, active_only: bool = False, incident_id: str = "", since: float = 0.0, limit: int = 500
    ) -> Sequence[Action]:
        """Return actions, newest first; `since` is when they were taken. Of those active, all, whatever the limit."""
        ...

    async def taken_since(self, at: float) -> Sequence[Action]:
        """Return all actions taken since that were ever in force, newest first."""
        ...

    async def put_result(self, result: RecoveryResult, *, key: str) -> None:
        """Keep what came of an event."""
        ...

    async def result(self, event_id: str) -> RecoveryResult | None:
        """Return what came of an event."""
        ...

    async def patterns(self, specialist: str) -> Sequence[FailurePattern]:
        """Return the failure patterns of a specialist, those seen last first; at most 200."""
        ...

    async def learn(self, pattern: FailurePattern | None, counts: Sequence[PlayCount], *, key: str) -> None:
        """Count what was seen and what helped: `seen`, `helped` and `failed` are added to what is known."""
        ...

    async def counts(self, cause: Cause | None) -> Sequence[PlayCount]:
        """Return what helped against a cause, for each kind of move and specialist."""
        ...


class Alerting(Protocol):
    """Calls people, rightly."""

    async def raise_alert(self, incident: Incident, state: AlertState, *, key: str) -> bool:
        """Tell whoever is to know of an incident what state it is in; return whether somebody is called.

        It is kept before it is delivered, once under the key. Folded and repeated incidents call nobody.
        """
        ...

    async def tell_change(self, action: Action, *, key: str) -> None:
        """Send a change event: an action was taken or undone."""
        ...


class OutboxStore(Protocol):
    """Alerts on their way to sinks."""

    async def put_deliveries(self, deliveries: Sequence[Delivery], *, key: str) -> None:
        """Keep deliveries that are to be made; those with known ids change nothing."""
        ...

    async def due(self, now: float, *, limit: int = 50) -> Sequence[Delivery]:
        """Return deliveries whose time has come, those that wait longest first."""
        ...

    async def settle(self, delivery: Delivery) -> None:
        """Note what came of a try: delivered, given up, or when it is tried again."""
        ...

    async def withdraw(self, ids: Sequence[str]) -> None:
        """Forget those of these deliveries that wait and were never tried."""
        ...

    async def deliveries(
        self, *, incident_id: str = "", undelivered_only: bool = False, limit: int = 200
    ) -> Sequence[Delivery]:
        """Return deliveries, newest first."""
        ...


class OpenAlarms(Protocol):
    """What watchers hold against a specialist."""

    async def alarms(self, specialist: str = "", *, open_only: bool = True) -> Sequence[Alarm]:
        """Return its alarms, newest first."""
        ...
