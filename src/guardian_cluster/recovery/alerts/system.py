"""The AlertSystem: calls people for incidents, and says who has it, that it is over, and what was changed meanwhile."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import get_args

import msgspec

from guardian_cluster.contract.snapshot import AlertPolicy
from guardian_cluster.domain.action import Action
from guardian_cluster.domain.alert import Alert, AlertState, Delivery, SinkKind, is_untried
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import Incident
from guardian_cluster.recovery.alerts.composing import alert_of, change_of, written
from guardian_cluster.recovery.alerts.deciding import (
    HELD,
    call_from,
    has_heard,
    is_due,
    may_call,
    next_slot,
    next_step,
    page_times,
    steps_of,
    told,
)
from guardian_cluster.recovery.ports import OutboxStore

HEARS_CHANGES: frozenset[SinkKind] = frozenset({"pagerduty", "webhook"})
"""For these a change is news that wakes nobody; in a channel or a mailbox it would hide the calls."""

HEARS_ACKNOWLEDGEMENTS: frozenset[SinkKind] = frozenset({"pagerduty", "slack", "webhook", "email"})
"""Alertmanager knows of none: there an alert fires, or it does not."""

_ANY: frozenset[SinkKind] = frozenset(get_args(SinkKind))

MOST = 1_000
"""Deliveries looked at for a decision: those of several of the busiest hours that `pages_per_hour` and the budget of
actions allow."""


class AlertSystem:
    """Decides whom to call, and puts what is to be said into the outbox; see `Alerting`. One decision at a time."""

    def __init__(self, policy: Callable[[], AlertPolicy], outbox: OutboxStore, clock: Clock) -> None:
        self._policy = policy
        self._outbox = outbox
        self._clock = clock
        # Two decisions at once would each find room in the hour, or nobody called yet.
        self._deciding = asyncio.Lock()

    async def raise_alert(self, incident: Incident, state: AlertState, *, key: str) -> bool:
        """Tell whoever is to know of an incident what state it is in; return whether somebody is called.

        A `trigger` takes the first step of the escalation, once each time the incident is there, for one that is bad
        enough and folded into no other; what has come back has to stay for a while first. `acknowledge` and `resolve`
        go to the sinks that were told of it. Kept before it is delivered, once under the key; called again under it,
        or for an incident that does not say yet that people were called (`paged`), it returns the same.
        """
        async with self._deciding:
            before = await self._outbox.deliveries(incident_id=incident.id, limit=MOST)
            if state == "trigger":
                if told(before):
                    # Who called may have ended before it was noted.
                    return incident.paged is None or any(each.id == _id(key, each.sink) for each in before)
                return may_call(incident, self._policy(), before) and await self._call(
                    incident, before, 0, key
                )
            if incident.reopened is not None:
                before = await self._without_untried(incident, before)
            await self._put(self._follow_up(incident, state, before, key), key)
            return False

    async def escalate(self, incident: Incident, now: float) -> int:
        """Take the next step of the escalation if its time has come; return how many were taken, the call included.

        To be called at each tick; the store is asked only where one may be due. Whoever calls keeps the number in the
        incident; a step that is taken twice all the same is said once.
        """
        policy = self._policy()
        step = next_step(incident, policy, now)
        if step is None:
            return incident.escalation
        async with self._deciding:
            before = await self._outbox.deliveries(incident_id=incident.id, limit=MOST)
            if not is_due(steps_of(policy)[step], incident, before, now):
                return incident.escalation
            await self._call(incident, before, step, f"{incident.id}:escalation:{step}:{incident.reopened}")
        return step + 1

    async def catch_up(self, incidents: Iterable[Incident]) -> None:
        """Tell who has an incident, and the end of one that is over, where those who were called have not heard it.

        A person said so elsewhere, or a process ended between the two.
        """
        for each in incidents:
            if not each.is_open:
                await self.raise_alert(each, "resolve", key=f"{each.id}:over:{each.flaps}")
            elif each.acknowledged is not None:
                await self.raise_alert(each, "acknowledge", key=f"{each.id}:acknowledged:{each.reopened}")

    async def tell_change(self, action: Action, *, key: str) -> None:
        """Send a change event of an action that was taken, or has ended, to the sinks that know such events."""
        now = self._clock.now()
        alert = change_of(action, now)
        if alert is not None:
            sinks = self._hearing(HEARS_CHANGES, self._policy().sinks)
            await self._put([_delivery(alert, sink, key, due=now) for sink in sinks], key)

    async def _call(self, incident: Incident, before: Sequence[Delivery], step: int, key: str) -> bool:
        """Call the people of a step of the escalation, now or as soon as the hour has room."""
        policy, now = self._policy(), self._clock.now()
        steps = steps_of(policy)
        sinks = self._hearing(_ANY, steps[step].sinks)
        if not sinks:
            return False
        may = call_from(incident, before, now)
        wanted = may + steps[0].after_s if step == 0 else now
        pages = page_times(await self._outbox.deliveries(limit=MOST))
        due = next_slot(pages, wanted, policy.pages_per_hour)
        more: list[tuple[str, str]] = []
        if step:
            more.append(("escalation", f"step {step + 1}: nobody has acknowledged it yet"))
        if due == wanted and next_slot([*pages, due], wanted, policy.pages_per_hour) > wanted:
            more.append(("limit", f"the last of {policy.pages_per_hour} pages in this hour: others wait"))
        said = f"it came back: goes {written(due)}, if it is still there" if step == 0 and may > now else ""
        if due != wanted:
            said = f"{HELD}: {policy.pages_per_hour} pages an hour; goes {written(due)}"
        alert = alert_of(incident, "trigger", _at(now, before), tuple(more))
        await self._put([_delivery(alert, sink, key, due=due, said=said) for sink in sinks], key)
        return True

    async def _without_untried(self, incident: Incident, before: Sequence[Delivery]) -> Sequence[Delivery]:
        """Take back the calls for what has come back and did not stay: they would pile up where it comes and goes."""
        untried = [each.id for each in before if each.alert.state == "trigger" and is_untried(each)]
        if not untried:
            return before
        await self._outbox.withdraw(untried)
        return await self._outbox.deliveries(incident_id=incident.id, limit=MOST)

    def _follow_up(
        self, incident: Incident, state: AlertState, before: Sequence[Delivery], key: str
    ) -> Sequence[Delivery]:
        """Return what is said to those who were told of an incident, as of what they were told it was."""
        now, known = self._clock.now(), told(before)
        alert = alert_of(incident, state, _at(now, before))
        hearing = self._hearing(_ANY if state == "resolve" else HEARS_ACKNOWLEDGEMENTS, known)
        over = {sink for sink in known if has_heard(before, sink, state)}
        return [
            # The severity and the time are part of what some sinks know an alert by.
            _delivery(
                msgspec.structs.replace(
                    alert, severity=known[sink].alert.severity, opened=known[sink].alert.opened
                ),
                sink,
                key,
                due=now,
            )
            for sink in hearing
            if sink not in over
        ]

    def _hearing(self, kinds: frozenset[SinkKind], names: Iterable[str]) -> list[str]:
        """Return those of the names that are sinks of these kinds, each once."""
        sinks = self._policy().sinks
        return [name for name in dict.fromkeys(names) if name in sinks and sinks[name].kind in kinds]

    async def _put(self, deliveries: Sequence[Delivery], key: str) -> None:
        if deliveries:
            # A key of its own: whoever passes one may have kept something else under it.
            await self._outbox.put_deliveries(deliveries, key=f"{key}:deliveries")


def _at(now: float, before: Sequence[Delivery]) -> float:
    """Return when something is said: never before what was said already, though the clock be set back."""
    return max([now, *(each.alert.at for each in before)])


def _id(key: str, sink: str) -> str:
    """Return the id of what is said to a sink under a key: the same whenever it is said."""
    return sha256(f"{key}\x1f{sink}".encode()).hexdigest()[:32]


def _delivery(alert: Alert, sink: str, key: str, *, due: float, said: str = "") -> Delivery:
    return Delivery(
        id=_id(key, sink), incident_id=alert.incident_id, sink=sink, alert=alert, due=due, said=said
    )
