"""What is kept and said of an incident once its recovery has ended: that it is over, that it is left to people."""

import logging

from msgspec.structs import replace

from guardian_cluster.domain.action import Action, ActionState
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import Conflict, Incident
from guardian_cluster.recovery.actions import ended_key
from guardian_cluster.recovery.calling import called
from guardian_cluster.recovery.incidents import speaker, told
from guardian_cluster.recovery.ports import Alerting, IncidentStore, OpenAlarms

log = logging.getLogger("guardian.recovery")

ALARM = "alarm:"
"""Begins the id of an event that an alarm raised; its own follows."""


class Endings:
    """Writes the last chapters of incidents, and has those told who are to know. Each is written once under its key."""

    def __init__(self, alerts: Alerting, alarms: OpenAlarms, store: IncidentStore, clock: Clock) -> None:
        self._alerts = alerts
        self._alarms = alarms
        self._store = store
        self._clock = clock

    async def open_alarms(self, incident: Incident) -> set[str]:
        """Return the ids of the incident's alarms that are open."""
        mine = {id.removeprefix(ALARM) for id in incident.event_ids if id.startswith(ALARM)}
        return mine & {each.id for each in await self._alarms.alarms(incident.specialist)} if mine else mine

    async def resolve(self, incident: Incident, said: str, *, key: str) -> None:
        """Note that an incident is over, unless a person was quicker."""
        now = self._clock.now()
        current = await self._store.incident(incident.id) or incident
        if not current.is_open:
            return
        state = "resolved" if current.cause is None else "learned"
        over = replace(told(current, now, said, state), resolved=now)
        try:
            kept = await self._store.put_incident(over, key=key, expected=current.state)
        except Conflict as conflict:
            log.debug("an incident was resolved already: %s", conflict)
            return
        await self._alerts.raise_alert(kept, "resolve", key=f"{key}:told")

    async def escalate(self, incident: Incident, said: str, *, key: str) -> None:
        """Leave an incident to people, and call them."""
        now = self._clock.now()
        current = await self._store.incident(incident.id) or incident
        if not current.is_open:
            return
        parent = await self._store.incident(current.parent) if current.parent else None
        told_of = await called(self._alerts, self._store, speaker(current, parent), now, key=f"{key}:told")
        if told_of.id == current.id:
            current = told_of
        await self._store.put_incident(told(current, now, said, "escalated"), key=key)

    async def note(self, incident: Incident, said: str, *, key: str, mitigated: float | None = None) -> None:
        """Keep one more line of an incident's history; `mitigated` is since when its users are served well."""
        current = await self._store.incident(incident.id) or incident
        noted = told(current, self._clock.now(), said)
        await self._store.put_incident(replace(noted, mitigated=mitigated or noted.mitigated), key=key)

    async def tell_ended(self, action: Action, state: ActionState) -> None:
        """Tell of an action that has ended, once, whoever else tells of it."""
        ended = replace(action, state=state, ended=action.ended or self._clock.now())
        await self._alerts.tell_change(ended, key=ended_key(action))
