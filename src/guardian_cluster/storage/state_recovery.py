"""What workflow 4 asks of the state: an `IncidentStore` and an `OutboxStore` (`recovery/ports.py`)."""

from collections.abc import Sequence
from functools import partial

from guardian_cluster.domain.action import Action
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.incident import REOPEN_S, FailureEvent, Incident, IncidentState
from guardian_cluster.domain.recovery import FailurePattern, PlayCount, RecoveryResult
from guardian_cluster.storage import state_actions, state_deliveries, state_incidents
from guardian_cluster.storage.state_access import StateAccess


class RecoveryState(StateAccess):
    """Incidents, what was done about them and learned of it, and alerts on their way; each write once under its key."""

    async def open_incident(
        self, event: FailureEvent, incident: Incident, *, key: str, reopen_s: float = REOPEN_S
    ) -> Incident:
        """Keep an event and the incident that it opens, or count it in the one of the same fault; return that.

        That is the one which is open, or ended no more than `reopen_s` before the incident's `opened` and is open
        again. An event that is known is counted no more.
        """
        work = partial(state_incidents.open_incident, event=event, incident=incident, reopen_s=reopen_s)
        return await self._write(partial(work, key=key, at=self._clock.now()))

    async def failure_event(self, id: str) -> FailureEvent | None:
        """Return one event, as it was first told of."""
        return await self._read(partial(state_incidents.failure_event, id=id))

    async def incident(self, id: str) -> Incident | None:
        """Return one incident."""
        return await self._read(partial(state_incidents.incident, id=id))

    async def incidents(
        self, *, specialist: str = "", open_only: bool = False, limit: int = 100
    ) -> Sequence[Incident]:
        """Return incidents, those updated last first."""
        work = partial(state_incidents.incidents, specialist=specialist, open_only=open_only, limit=limit)
        return await self._read(work)

    async def put_incident(
        self, incident: Incident, *, key: str, expected: IncidentState | None = None
    ) -> Incident:
        """Put an incident in the other's place, united with what only grows of that, and return what is kept.

        Raises KeyError where there is none, and Conflict where it is in another state than expected.
        """
        work = partial(state_incidents.put_incident, incident=incident, expected=expected)
        return await self._write(partial(work, key=key, at=self._clock.now()))

    async def put_actions(self, actions: Sequence[Action], *, key: str) -> None:
        """Keep actions; one with a known id takes the other's place, unless that has ended: it stays so."""
        work = partial(state_actions.put_actions, actions=actions)
        await self._write(partial(work, key=key, at=self._clock.now()))

    async def actions(
        self, *, active_only: bool = False, incident_id: str = "", since: float = 0.0, limit: int = 500
    ) -> Sequence[Action]:
        """Return actions, newest first; `since` is when they were taken. Of those active, all, whatever the limit."""
        work = partial(state_actions.actions, active_only=active_only, incident_id=incident_id)
        return await self._read(partial(work, since=since, limit=limit))

    async def taken_since(self, at: float) -> Sequence[Action]:
        """Return all actions taken since that were ever in force, newest first."""
        return await self._read(partial(state_actions.taken_since, at=at))

    async def put_result(self, result: RecoveryResult, *, key: str) -> None:
        """Keep what came of an event."""
        work = partial(state_actions.put_result, result=result)
        await self._write(partial(work, key=key, at=self._clock.now()))

    async def result(self, event_id: str) -> RecoveryResult | None:
        """Return what came of an event."""
        return await self._read(partial(state_actions.result, event_id=event_id))

    async def patterns(self, specialist: str) -> Sequence[FailurePattern]:
        """Return the failure patterns of a specialist, those seen last first; at most 200."""
        return await self._read(partial(state_actions.patterns, specialist=specialist))

    async def learn(self, pattern: FailurePattern | None, counts: Sequence[PlayCount], *, key: str) -> None:
        """Count what was seen and what helped: `seen`, `helped` and `failed` are added to what is known."""
        work = partial(state_actions.learn, pattern=pattern, counts=counts)
        await self._write(partial(work, key=key, at=self._clock.now()))

    async def counts(self, cause: Cause | None) -> Sequence[PlayCount]:
        """Return what helped against a cause, for each kind of move and specialist."""
        return await self._read(partial(state_actions.counts, cause=cause))

    async def put_deliveries(self, deliveries: Sequence[Delivery], *, key: str) -> None:
        """Keep deliveries that are to be made; those with known ids change nothing."""
        work = partial(state_deliveries.put_deliveries, deliveries=deliveries)
        await self._write(partial(work, key=key, at=self._clock.now()))

    async def due(self, now: float, *, limit: int = 50) -> Sequence[Delivery]:
        """Return deliveries whose time has come, those that wait longest first."""
        return await self._read(partial(state_deliveries.due, now=now, limit=limit))

    async def settle(self, delivery: Delivery) -> None:
        """Note what came of a try: delivered, given up, or when it is tried again; what was delivered stays so."""
        await self._write(partial(state_deliveries.settle, delivery=delivery))

    async def withdraw(self, ids: Sequence[str]) -> None:
        """Forget those of these deliveries that wait and were never tried."""
        await self._write(partial(state_deliveries.withdraw, ids=ids))

    async def deliveries(
        self, *, incident_id: str = "", undelivered_only: bool = False, limit: int = 200
    ) -> Sequence[Delivery]:
        """Return deliveries, newest first."""
        work = partial(state_deliveries.deliveries, incident_id=incident_id)
        return await self._read(partial(work, undelivered_only=undelivered_only, limit=limit))
