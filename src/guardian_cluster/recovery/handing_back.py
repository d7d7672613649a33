"""Has a recovery work once more on an incident that stays bad, later each time, for what was done did not help."""

import logging
from collections.abc import Collection
from typing import NamedTuple

from msgspec.structs import replace

from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import Conflict, FailureEvent, Incident
from guardian_cluster.domain.recovery import ValidationResult
from guardian_cluster.recovery.actions import ActionDesk
from guardian_cluster.recovery.aftercare import LONGEST_PAUSE_S
from guardian_cluster.recovery.endings import Endings
from guardian_cluster.recovery.incidents import SHOWS_AFTER_S, told
from guardian_cluster.recovery.ports import IncidentStore

log = logging.getLogger("guardian.recovery")


class _Pause(NamedTuple):
    """When an incident may be worked on once more, and how long the next pause is."""

    until: float
    next_s: float


class HandingBack:
    """Hands incidents back to recovery, or to people where it may not act by itself.

    The pauses are known here alone: a process that starts anew begins with the first.
    """

    def __init__(self, desk: ActionDesk, endings: Endings, store: IncidentStore, clock: Clock) -> None:
        self._desk = desk
        self._endings = endings
        self._store = store
        self._clock = clock
        self._pauses: dict[str, _Pause] = {}
        """By the incidents' ids."""

    def due_in_s(self, incident: Incident) -> float:
        """Return in how many seconds an incident may be worked on once more; by now, where that is not positive."""
        pause = self._pauses.get(incident.id)
        return (incident.updated + SHOWS_AFTER_S if pause is None else pause.until) - self._clock.now()

    def forget_all_but(self, ids: Collection[str]) -> None:
        """Forget the pauses of incidents that are over."""
        for gone in self._pauses.keys() - ids:
            del self._pauses[gone]

    async def hand_back(
        self, incident: Incident, said: str, *, onset: float, found: ValidationResult | None = None
    ) -> None:
        """Have a recovery work on an incident once more; where it may not act by itself, people are called.

        What a person has acknowledged is that person's.
        """
        now = self._clock.now()
        current = await self._store.incident(incident.id)
        if incident.acknowledged is not None or current is None or current.state == "detected":
            return
        if not self._desk.acts_on(incident.specialist):
            # Once, and not for what is too little to act on.
            if incident.state != "escalated" and incident.severity != "info":
                await self._endings.escalate(incident, said, key=f"{incident.id}:bad:{now:.3f}")
            return
        self._pause(incident, now)
        alarms = await self._endings.open_alarms(incident)
        event = FailureEvent(
            id=f"{incident.id}:again:{now:.3f}",
            at=now,
            onset=onset,
            specialist=incident.specialist,
            signal=incident.signal,
            where=incident.where,
            source="aftercare",
            alarm_id=min(alarms, default=""),
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

    def _pause(self, incident: Incident, now: float) -> None:
        pause = self._pauses.get(incident.id)
        pause_s = SHOWS_AFTER_S if pause is None else pause.next_s
        self._pauses[incident.id] = _Pause(now + pause_s, min(2.0 * pause_s, LONGEST_PAUSE_S))


def _observed(incident: Incident) -> float:
    """Return what was lost when an incident was opened: *still bad* begins half way to it (`still_bad_from`)."""
    return min(2.0 * incident.bad - incident.expected, 1.0)
