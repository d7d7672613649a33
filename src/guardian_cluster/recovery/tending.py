"""Looks after incidents that were acted upon, in short ticks: each does what is due by then, and may be done again.

What is due is decided in `aftercare.py`. The trials that are under way are known here alone: a process that starts
anew begins with the first pause, which costs a twentieth of one trial.
"""

import logging
from collections.abc import Sequence

from msgspec.structs import replace

from guardian_cluster.domain.action import Action
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import MOST_OPEN, Conflict, Incident
from guardian_cluster.domain.observation import holds
from guardian_cluster.recovery.actions import ActionDesk
from guardian_cluster.recovery.aftercare import TRIAL, Due, Trial, care, looked_at_since, with_trial
from guardian_cluster.recovery.evidence import losses_of
from guardian_cluster.recovery.incidents import is_left_behind, told
from guardian_cluster.recovery.ports import Alerting, IncidentStore, OpenAlarms, RecentRequests
from guardian_cluster.recovery.validation import validate

log = logging.getLogger("guardian.recovery")

ALARM = "alarm:"
"""Begins the id of an event that an alarm raised; its own follows."""


class Tending:
    """Looks after the open incidents of a cluster."""

    def __init__(
        self,
        desk: ActionDesk,
        recent: RecentRequests,
        alerts: Alerting,
        alarms: OpenAlarms,
        store: IncidentStore,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._recent = recent
        self._alerts = alerts
        self._alarms = alarms
        self._store = store
        self._clock = clock
        self._trials: dict[str, Trial] = {}
        self._judged_from: dict[str, float] = {}
        """Since when the requests of an incident without actions are looked at, by its id."""

    async def tend(self) -> None:
        """Do all that is due now."""
        for action in await self._desk.follow():
            await self._alerts.tell_change(action, key=f"{action.id}:taken-back")
        active = await self._store.actions(active_only=True)
        open_now = await self._store.incidents(open_only=True, limit=MOST_OPEN)
        for incident in open_now:
            mine = [each for each in active if each.incident_id == incident.id]
            if is_left_behind(incident, self._clock.now()):
                said = "its recovery has not been heard of any more"
                await self._escalate(incident, said, key=f"{incident.id}:left:{incident.history[-1].at:.3f}")
            elif mine:
                await self._care(incident, mine)
            elif incident.state in ("validating", "escalated"):
                await self._close_if_over(incident)
        known = {each.id for each in open_now}
        await self._end_orphans([each for each in active if each.incident_id not in known])
        for gone in self._trials.keys() - {each.id for each in active}:
            del self._trials[gone]
        for gone in self._judged_from.keys() - known:
            del self._judged_from[gone]

    async def _care(self, incident: Incident, actions: Sequence[Action]) -> None:
        since = looked_at_since(actions, self._trials, incident)
        requests = () if since is None else await self._recent.since(incident.specialist, since)
        now, hold_s = self._clock.now(), self._desk.hold_s
        for due in care(actions, self._trials, requests, incident, incident.bad, now, hold_s=hold_s):
            await self._do(due, incident)

    async def _do(self, due: Due, incident: Incident) -> None:
        now, action = self._clock.now(), due.action
        key = f"{action.id}:{due.verb}:{now:.3f}"
        match due.verb:
            case "try" | "stop_trying":
                share = TRIAL if due.verb == "try" else 0.0
                await self._desk.change(with_trial(action, share), key=key)
                self._trials[action.id] = due.trial
            case "extend":
                await self._desk.change(action, key=key)
            case "confirm":
                await self._note(incident, due.said, key=f"{key}:note", mitigated=now)
                return
            case "undo" | "lapse" | "fail":
                state = "lapsed" if due.verb == "lapse" else "undone"
                await self._desk.end([action], state, due.said, key=key)
        await self._desk.publish()
        if due.verb in ("undo", "lapse", "fail"):
            await self._alerts.tell_change(replace(action, state="undone"), key=f"{key}:told")
        await self._note(incident, due.said, key=f"{key}:note")
        if due.verb == "undo":
            left = await self._store.actions(active_only=True, incident_id=incident.id)
            if not left:
                await self._resolve(incident, due.said, key=f"{key}:resolved")
        elif due.verb == "fail":
            await self._escalate(incident, due.said, key=f"{key}:escalated")

    async def _close_if_over(self, incident: Incident) -> None:
        """Resolve an incident that has no action in force any more, once a test says that it is over.

        That is the watcher's own, which has closed its alarms; or, of one that had none, ours on what came since.
        """
        alarms = {id.removeprefix(ALARM) for id in incident.event_ids if id.startswith(ALARM)}
        now = self._clock.now()
        if alarms:
            open_now = {each.id for each in await self._alarms.alarms(incident.specialist)}
            if alarms.isdisjoint(open_now):
                await self._resolve(incident, "its alarms are closed", key=f"{incident.id}:closed:{now:.3f}")
                return
        since = self._judged_from.setdefault(incident.id, incident.updated)
        recent = await self._recent.since(incident.specialist, since)
        mine = [each for each in recent if each.specialist == incident.specialist]
        inside = [each for each in mine if holds(incident.where, each)]
        losses = losses_of(inside, incident.signal, until=now - incident.known_after_s)
        found = validate(losses, incident.bad)
        if found.state == "confirmed" and not alarms:
            said = f"{found.requests} requests were served well since"
            await self._resolve(incident, said, key=f"{incident.id}:well:{now:.3f}")
        elif found.state == "failed":
            self._judged_from[incident.id] = now
            if await self._is_left_alone(incident):
                said = "it is still bad, and nothing is in force against it"
                await self._escalate(incident, said, key=f"{incident.id}:bad:{now:.3f}")

    async def _is_left_alone(self, incident: Incident) -> bool:
        """Return whether an incident that is bad enough to act on has nobody who does."""
        parent = await self._store.incident(incident.parent) if incident.parent else None
        is_cared_for = incident.state == "escalated" or (parent is not None and parent.is_open)
        return not is_cared_for and incident.severity != "info"

    async def _resolve(self, incident: Incident, said: str, *, key: str) -> None:
        now = self._clock.now()
        current = await self._store.incident(incident.id) or incident
        state = "resolved" if current.cause is None else "learned"
        over = replace(told(current, now, said, state), resolved=now)
        try:
            kept = await self._store.put_incident(over, key=key)
        except Conflict as conflict:  # a person was quicker
            log.debug("an incident was resolved already: %s", conflict)
            return
        await self._alerts.raise_alert(kept, "resolve", key=f"{key}:told")

    async def _escalate(self, incident: Incident, said: str, *, key: str) -> None:
        """Leave an incident to people, and call them."""
        now = self._clock.now()
        current = await self._store.incident(incident.id) or incident
        if not current.is_open:
            return
        if await self._alerts.raise_alert(current, "trigger", key=f"{key}:told"):
            current = replace(current, paged=now, escalation=max(current.escalation, 1))
        await self._store.put_incident(told(current, now, said, "escalated"), key=key)

    async def _note(self, incident: Incident, said: str, *, key: str, mitigated: float | None = None) -> None:
        current = await self._store.incident(incident.id) or incident
        noted = told(current, self._clock.now(), said)
        await self._store.put_incident(replace(noted, mitigated=mitigated or noted.mitigated), key=key)

    async def _end_orphans(self, actions: Sequence[Action]) -> None:
        """End the actions of incidents that are over: a person resolved them, or their specialist is gone."""
        now = self._clock.now()
        orphans = [each for each in actions if each.incident_id or each.until <= now]
        if not orphans:
            return
        await self._desk.end(
            orphans, "undone", "its incident is over", key=f"{orphans[0].id}:orphan:{now:.3f}"
        )
        await self._desk.publish()
