"""Looks after incidents that were acted upon, in short ticks: each does what is due by then, and may be done again.

What is due is decided in `aftercare.py`. An incident that is still bad while nothing is in force against it is handed
back to a recovery; only what nobody else speaks for calls people. The trials that are under way are known here alone: a
process that starts anew begins with the first pause, which costs a twentieth of one trial.
"""

import logging
from collections.abc import Sequence

from msgspec.structs import replace

from guardian_cluster.domain.action import Action, ActionState, kind_of
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import MOST_OPEN, Conflict, FailureEvent, Incident
from guardian_cluster.domain.recovery import PlayCount, ValidationResult
from guardian_cluster.recovery.actions import ActionDesk, ended_key
from guardian_cluster.recovery.aftercare import (
    LONGEST_PAUSE_S,
    TRIAL,
    Due,
    Trial,
    care,
    looked_at_since,
    with_trial,
)
from guardian_cluster.recovery.calling import called
from guardian_cluster.recovery.incidents import SHOWS_AFTER_S, is_left_behind, speaker, told
from guardian_cluster.recovery.lookout import MOST_READ, Lookout
from guardian_cluster.recovery.ports import Alerting, IncidentStore, OpenAlarms, RecentRequests

log = logging.getLogger("guardian.recovery")

STILL_BAD = "it is still bad, and nothing is in force against it"

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
        self._lookouts: dict[str, Lookout] = {}
        """Of incidents that nothing is in force for, by their ids."""
        self._again: dict[str, Trial] = {}
        """When an incident may be worked on once more, by its id."""

    async def tend(self) -> None:
        """Do all that is due now. What cannot be done about one incident keeps no other from being looked after."""
        for action in await self._desk.follow():
            await self._tell_ended(action, "undone")
        active = await self._store.actions(active_only=True)
        open_now = await self._store.incidents(open_only=True, limit=MOST_OPEN)
        failures: list[Exception] = []
        for incident in open_now:
            try:
                await self._tend(incident, [each for each in active if each.incident_id == incident.id])
            except Exception as error:  # whatever it is: others have faults that people wait for
                failures.append(error)
        known = {each.id for each in open_now}
        await self._end_orphans([each for each in active if each.incident_id not in known])
        for gone in self._trials.keys() - {each.id for each in active}:
            del self._trials[gone]
        for kept in (self._lookouts, self._again):
            for gone in kept.keys() - known:
                del kept[gone]
        if failures:
            raise failures[0]

    async def _tend(self, incident: Incident, actions: Sequence[Action]) -> None:
        if is_left_behind(incident, self._clock.now()):
            said = "its recovery has not been heard of any more"
            await self._escalate(incident, said, key=f"{incident.id}:left:{incident.history[-1].at:.3f}")
        elif actions:
            await self._care(incident, actions)
        elif incident.state in ("validating", "escalated"):
            await self._look_on(incident)

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
                await self._count(incident, action, helped=True)
                await self._note(incident, due.said, key=f"{key}:note", mitigated=now)
                return
            case "undo" | "lapse" | "fail":
                await self._desk.end([action], _ended_as(due), due.said, key=key)
        await self._desk.publish()
        if due.verb in ("undo", "lapse", "fail"):
            await self._tell_ended(action, _ended_as(due))
        await self._note(incident, due.said, key=f"{key}:note")
        if due.verb == "undo":
            left = await self._store.actions(active_only=True, incident_id=incident.id)
            # While a watcher's alarm is open, that tells when it is over: it would not tell of the same fault again.
            if not left and not await self._open_alarms(incident):
                await self._resolve(incident, due.said, key=f"{key}:resolved")
        elif due.verb == "fail":
            await self._count(incident, action, helped=False)
            await self._hand_back(incident, due.said, onset=action.taken)

    async def _count(self, incident: Incident, action: Action, *, helped: bool) -> None:
        """Count what a move came to that its recovery could not wait for: once for a plan of several actions."""
        count = PlayCount(
            cause=incident.cause,
            kind=kind_of(action.move),
            specialist=incident.specialist,
            helped=int(helped),
            failed=int(not helped),
        )
        plan, _, _ = action.id.rpartition(":")
        await self._store.learn(None, [count], key=f"{plan}:counted")

    async def _look_on(self, incident: Incident) -> None:
        """Look whether an incident that no action is in force for is over, or needs one.

        It is over when the watcher has closed its alarms; of one that had none, when our own test says so.
        """
        now = self._clock.now()
        alarms = await self._open_alarms(incident)
        had_alarms = any(id.startswith(ALARM) for id in incident.event_ids)
        if had_alarms and not alarms:
            await self._resolve(incident, "its alarms are closed", key=f"{incident.id}:closed:{now:.3f}")
            return
        lookout = self._lookouts.setdefault(incident.id, Lookout(incident.updated))
        recent = await self._recent.since(incident.specialist, lookout.at, limit=MOST_READ)
        found = lookout.take(recent, incident, now)
        if found.state == "undecided":
            return
        # Anew, for what was well for long must not hide that it is bad again.
        self._lookouts[incident.id] = Lookout(now)
        if found.state == "failed":
            if now >= self._may_act_from(incident):
                await self._hand_back(incident, STILL_BAD, onset=lookout.since, found=found)
        elif not had_alarms:
            said = f"{found.requests} requests were served well since"
            await self._resolve(incident, said, key=f"{incident.id}:well:{now:.3f}")

    def _may_act_from(self, incident: Incident) -> float:
        """Return when an incident may be worked on once more: later each time, for what was done did not help."""
        again = self._again.get(incident.id)
        return incident.updated + SHOWS_AFTER_S if again is None else again.next

    async def _hand_back(
        self, incident: Incident, said: str, *, onset: float, found: ValidationResult | None = None
    ) -> None:
        """Have a recovery work on an incident once more; where it may not act by itself, people are called.

        What a person has acknowledged is that person's.
        """
        now = self._clock.now()
        if incident.acknowledged is not None:
            return
        if not self._desk.acts_on(incident.specialist):
            # Once, and not for what is too little to act on.
            if incident.state != "escalated" and incident.severity != "info":
                await self._escalate(incident, said, key=f"{incident.id}:bad:{now:.3f}")
            return
        pause_s = self._again[incident.id].pause_s if incident.id in self._again else SHOWS_AFTER_S
        self._again[incident.id] = Trial(next=now + pause_s, pause_s=min(2.0 * pause_s, LONGEST_PAUSE_S))
        alarms = await self._open_alarms(incident)
        event = FailureEvent(
            id=f"{incident.id}:again:{now:.3f}",
            at=now,
            onset=onset,
            specialist=incident.specialist,
            signal=incident.signal,
            where=incident.where,
            source="aftercare",
            alarm_id=next(iter(sorted(alarms)), ""),
            expected=incident.expected,
            observed=_observed(incident) if found is None else found.observed,
            requests=0 if found is None else found.requests,
            said=said,
            again=incident.id,
        )
        # The event first: without it nobody would know what to take the incident up for.
        kept = await self._store.open_incident(event, incident, key=event.id)
        try:
            back = replace(told(kept, now, said, "detected"), mitigated=None)
            await self._store.put_incident(back, key=f"{event.id}:back", expected=incident.state)
        except Conflict as conflict:  # a person was quicker
            log.debug("an incident is not worked on again: %s", conflict)

    async def _open_alarms(self, incident: Incident) -> set[str]:
        """Return the ids of the incident's alarms that are open."""
        mine = {id.removeprefix(ALARM) for id in incident.event_ids if id.startswith(ALARM)}
        return mine & {each.id for each in await self._alarms.alarms(incident.specialist)} if mine else mine

    async def _resolve(self, incident: Incident, said: str, *, key: str) -> None:
        now = self._clock.now()
        current = await self._store.incident(incident.id) or incident
        if not current.is_open:
            return
        state = "resolved" if current.cause is None else "learned"
        over = replace(told(current, now, said, state), resolved=now)
        try:
            kept = await self._store.put_incident(over, key=key, expected=current.state)
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
        parent = await self._store.incident(current.parent) if current.parent else None
        told_of = await called(self._alerts, self._store, speaker(current, parent), now, key=f"{key}:told")
        if told_of.id == current.id:
            current = told_of
        await self._store.put_incident(told(current, now, said, "escalated"), key=key)

    async def _note(self, incident: Incident, said: str, *, key: str, mitigated: float | None = None) -> None:
        current = await self._store.incident(incident.id) or incident
        noted = told(current, self._clock.now(), said)
        await self._store.put_incident(replace(noted, mitigated=mitigated or noted.mitigated), key=key)

    async def _end_orphans(self, actions: Sequence[Action]) -> None:
        """End the actions of incidents that are over: a person resolved them, or their specialist is gone."""
        now = self._clock.now()
        over = [each for each in actions if each.until <= now]
        orphans = [each for each in actions if each.incident_id and each.until > now]
        await self._end_all(over, "lapsed", "its time was over", now)
        await self._end_all(orphans, "undone", "its incident is over", now)

    async def _end_all(self, actions: Sequence[Action], state: ActionState, said: str, now: float) -> None:
        if not actions:
            return
        await self._desk.end(actions, state, said, key=f"{actions[0].id}:{state}:{now:.3f}")
        await self._desk.publish()
        for each in actions:
            await self._tell_ended(each, state)

    async def _tell_ended(self, action: Action, state: ActionState) -> None:
        """Tell of an action that has ended, once, whoever else tells of it."""
        ended = replace(action, state=state, ended=action.ended or self._clock.now())
        await self._alerts.tell_change(ended, key=ended_key(action))


def _ended_as(due: Due) -> ActionState:
    """Return the state of an action that has ended in this way."""
    return "lapsed" if due.verb == "lapse" else "undone"


def _observed(incident: Incident) -> float:
    """Return what was lost when an incident was opened: *still bad* begins half way to it (`still_bad_from`)."""
    return min(2.0 * incident.bad - incident.expected, 1.0)
