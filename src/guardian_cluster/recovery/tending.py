"""Looks after incidents that were acted upon, in short ticks: each does what is due by then, and may be done again.

What is due is decided in `aftercare.py`. An incident that is still bad while nothing is in force against it is handed
back to a recovery; only what nobody else speaks for calls people. The trials that are under way are known here alone: a
process that starts anew begins with the first pause, which costs a twentieth of one trial.
"""

from collections.abc import Collection, Sequence

from guardian_cluster.domain.action import Action, ActionState, kind_of
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import MOST_OPEN, Incident
from guardian_cluster.domain.recovery import PlayCount, ValidationResult
from guardian_cluster.recovery.actions import ActionDesk
from guardian_cluster.recovery.aftercare import TRIAL, Due, Trial, care, telling, with_trial
from guardian_cluster.recovery.endings import ALARM, Endings
from guardian_cluster.recovery.following import MOST_READ, Following, LossOf
from guardian_cluster.recovery.handing_back import HandingBack
from guardian_cluster.recovery.incidents import SHOWS_AFTER_S, is_left_behind
from guardian_cluster.recovery.lookout import Lookout
from guardian_cluster.recovery.ports import Alerting, IncidentStore, OpenAlarms, RecentRequests

STILL_BAD = "it is still bad, and nothing is in force against it"

NOT_ENOUGH = "what is in force against it does not suffice"


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
        self._endings = Endings(alerts, alarms, store, clock)
        self._handing_back = HandingBack(desk, self._endings, store, clock)
        self._store = store
        self._clock = clock
        self._trials: dict[str, Trial] = {}
        self._followings: dict[str, Following] = {}
        """Of actions under trial, or not confirmed yet, by their ids."""
        self._lookouts: dict[str, Lookout] = {}
        """Of incidents that nothing is in force for, by their ids."""

    async def tend(self) -> None:
        """Do all that is due now. What cannot be done about one incident keeps no other from being looked after."""
        for action in await self._desk.follow():
            await self._endings.tell_ended(action, "undone")
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
        self._forget_all_but({each.id for each in active}, known)
        if failures:
            raise failures[0]

    def _forget_all_but(self, actions: Collection[str], incidents: Collection[str]) -> None:
        for kept, ids in ((self._trials, actions), (self._followings, actions), (self._lookouts, incidents)):
            for gone in kept.keys() - ids:
                del kept[gone]
        self._handing_back.forget_all_but(incidents)

    async def _tend(self, incident: Incident, actions: Sequence[Action]) -> None:
        is_ours = incident.state in ("validating", "escalated")
        if not is_ours:
            # What a recovery is at work on is looked at anew when that has ended.
            self._lookouts.pop(incident.id, None)
        if is_left_behind(incident, self._clock.now()):
            said = "its recovery has not been heard of any more"
            await self._endings.escalate(
                incident, said, key=f"{incident.id}:left:{incident.history[-1].at:.3f}"
            )
        elif actions:
            for action in actions:
                await self._care(incident, action)
            if is_ours and incident.mitigated is not None:
                await self._look_further(incident)
        elif is_ours:
            await self._look_on(incident)

    async def _care(self, incident: Incident, action: Action) -> None:
        """Do what is due for an action; how a trial goes, or one that was not confirmed yet, requests tell."""
        trial = self._trials.get(action.id)
        tells = telling(action, trial, incident)
        losses = [] if tells is None else await self._lost(incident, action, *tells)
        now = self._clock.now()
        due = care(action, trial, losses, incident, now, hold_s=self._desk.hold_s)
        if due is not None:
            await self._do(due, incident)

    async def _lost(self, incident: Incident, action: Action, since: float, loss_of: LossOf) -> list[float]:
        following = self._followings.get(action.id)
        if following is None or following.since != since:
            following = self._followings[action.id] = Following(since, by_marks=incident.by_marks)
        recent = await self._recent.since(incident.specialist, following.at, limit=MOST_READ)
        return following.take(recent, self._clock.now() - incident.known_after_s, loss_of)

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
                await self._endings.note(incident, due.said, key=f"{key}:note", mitigated=now)
                return
            case "undo" | "lapse" | "fail":
                await self._desk.end([action], _ended_as(due), due.said, key=key)
        await self._desk.publish()
        if due.verb in ("undo", "lapse", "fail"):
            await self._endings.tell_ended(action, _ended_as(due))
        await self._endings.note(incident, due.said, key=f"{key}:note")
        if due.verb == "undo":
            left = await self._store.actions(active_only=True, incident_id=incident.id)
            # While a watcher's alarm is open, that tells when it is over: it would not tell of the same fault again.
            if not left and not await self._endings.open_alarms(incident):
                await self._endings.resolve(incident, due.said, key=f"{key}:resolved")
        elif due.verb == "fail":
            await self._count(incident, action, helped=False)
            await self._handing_back.hand_back(incident, due.said, onset=action.taken)

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
        alarms = await self._endings.open_alarms(incident)
        had_alarms = any(id.startswith(ALARM) for id in incident.event_ids)
        if had_alarms and not alarms:
            await self._endings.resolve(
                incident, "its alarms are closed", key=f"{incident.id}:closed:{now:.3f}"
            )
            return
        since, found = await self._looked(incident)
        if found.state == "failed" and self._handing_back.due_in_s(incident) <= 0.0:
            await self._handing_back.hand_back(incident, STILL_BAD, onset=since, found=found)
        elif found.state == "confirmed" and not had_alarms:
            said = f"{found.requests} requests were served well since"
            await self._endings.resolve(incident, said, key=f"{incident.id}:well:{now:.3f}")

    async def _look_further(self, incident: Incident) -> None:
        """Look whether those whom no action moved, in the place of an incident, are served well, too."""
        since, found = await self._looked(incident)
        if found.state == "failed" and self._handing_back.due_in_s(incident) <= 0.0:
            await self._handing_back.hand_back(incident, NOT_ENOUGH, onset=since, found=found)

    async def _looked(self, incident: Incident) -> tuple[float, ValidationResult]:
        """Return what the requests in the place of an incident tell, and since when."""
        lookout = self._lookouts.setdefault(incident.id, _lookout(incident, incident.updated))
        recent = await self._recent.since(incident.specialist, lookout.at, limit=MOST_READ)
        now = self._clock.now()
        found = lookout.look(recent, incident, now)
        # What fails just before it may be worked on once more has failed by then.
        is_kept = found.state == "failed" and 0.0 < self._handing_back.due_in_s(incident) <= SHOWS_AFTER_S
        if found.state != "undecided" and not is_kept:
            # Anew, for what was well for long must not hide that it is bad again.
            self._lookouts[incident.id] = _lookout(incident, now)
        return lookout.since, found

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
            await self._endings.tell_ended(each, state)


def _ended_as(due: Due) -> ActionState:
    """Return the state of an action that has ended in this way."""
    return "lapsed" if due.verb == "lapse" else "undone"


def _lookout(incident: Incident, since: float) -> Lookout:
    return Lookout(since, by_marks=incident.by_marks)
