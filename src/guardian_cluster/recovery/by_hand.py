"""What a person says of an incident: that there is one, that somebody has it, that it is over; or takes an action back.

It is kept and nothing else: whoever tends incidents, in this process or another, acts on it at the next tick.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from guardian_cluster.domain.action import Action
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.incident import Conflict, FailureEvent, Incident
from guardian_cluster.domain.recovery import DiagnosticReport, SeverityAssessment
from guardian_cluster.errors import BadArgument, Problem, printable
from guardian_cluster.recovery.incidents import opened, told
from guardian_cluster.recovery.ports import IncidentStore

SEE = "guardian incident --help"

MOST = 500
"""Actions that are looked through: days of them, and all that can be in force (`recovery.actions_per_hour`)."""

TRIES = 5
"""A recovery that is under way brings its incident into another state now and then, never five times in a moment."""


class ByHand:
    """Keeps what persons say."""

    def __init__(self, store: IncidentStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def incident(self, id: str) -> Incident:
        """Return an incident. Raises BadArgument where there is none."""
        found = await self._store.incident(id)
        if found is None:
            message = f"there is no incident {printable(id)}"
            raise BadArgument(Problem("incident-unknown", message, hint="guardian incident list", see=SEE))
        return found

    async def open(self, event: FailureEvent) -> Incident:
        """Keep a failure that a person tells of, and return its incident: of a fault that is known, that one."""
        now = self._clock.now()
        unseen = SeverityAssessment(
            severity="warning",
            users_affected=1.0,
            effect=1.0,
            requests_per_minute=0.0,
            why="nobody has looked at it yet",
        )
        incident = opened(event, DiagnosticReport(at=now), unseen, id=f"incident-{event.id}", now=event.at)
        return await self._store.open_incident(event, incident, key=f"{event.id}:by-hand")

    async def acknowledge(self, id: str, *, who: str, note: str = "") -> Incident:
        """Say that somebody has it: nobody else is called. Raises BadArgument where it is over or another has it."""
        now = self._clock.now()

        def acknowledged(found: Incident) -> Incident:
            _check_open(found)
            if found.acknowledged is not None:
                return found
            said = told(found, now, _said(f"acknowledged by {who}", note))
            return replace(said, acknowledged=now, acknowledged_by=who)

        kept = await self._change(id, acknowledged, key=f"{id}:acknowledged:{who}:{now:.3f}")
        if kept.acknowledged_by != who:
            message = f"{printable(kept.acknowledged_by)} has incident {printable(id)} already"
            raise BadArgument(Problem("incident-acknowledged", message, see=_shown(id)))
        return kept

    async def resolve(self, id: str, *, who: str, note: str) -> Incident:
        """Say that it is over: what was done about it ends. Raises BadArgument where it is over already."""
        now = self._clock.now()

        def resolved(found: Incident) -> Incident:
            _check_open(found)
            return replace(told(found, now, _said(f"resolved by {who}", note), "resolved"), resolved=now)

        return await self._change(id, resolved, key=f"{id}:resolved:{who}:{now:.3f}")

    async def in_force(self) -> Sequence[Action]:
        """Return the actions that are in force, newest first."""
        now = self._clock.now()
        return [each for each in await self._store.actions(active_only=True) if each.until > now]

    async def undo(self, action_id: str, *, who: str, note: str = "") -> Action:
        """Take an action back. Raises BadArgument where there is none, or it is not in force."""
        now = self._clock.now()
        found = await self._action(action_id)
        if found.state != "active" or found.until <= now:
            state = "lapsed" if found.state == "active" else found.state
            message = f"action {printable(action_id, 200)} is not in force: it is {state}"
            raise BadArgument(Problem("action-over", message, hint="guardian incident actions", see=SEE))
        why = _said(f"taken back by {who}", note)
        gone = replace(found, state="undone", ended=now, note=why)
        key = f"{action_id}:taken-back:{now:.3f}"
        await self._store.put_actions([gone], key=key)
        if found.incident_id and await self._store.incident(found.incident_id) is not None:
            await self._change(
                found.incident_id, lambda kept: told(kept, now, f"{action_id} {why}"), key=key + ":note"
            )
        return gone

    async def _action(self, id: str) -> Action:
        active, lately = await self._store.actions(active_only=True), await self._store.actions(limit=MOST)
        found = next((each for each in (*active, *lately) if each.id == id), None)
        if found is None:
            message = f"there is no action {printable(id, 200)}"
            raise BadArgument(Problem("action-unknown", message, hint="guardian incident actions", see=SEE))
        return found

    async def _change(self, id: str, change: Callable[[Incident], Incident], *, key: str) -> Incident:
        """Change an incident as it is by then, whoever else changes it meanwhile; return what is kept."""
        for _ in range(TRIES):
            found = await self.incident(id)
            try:
                return await self._store.put_incident(change(found), key=key, expected=found.state)
            except Conflict:
                continue
        message = f"incident {printable(id)} changes all the time"
        raise BadArgument(Problem("incident-busy", message, hint="try again in a moment", see=_shown(id)))


def _check_open(found: Incident) -> None:
    if not found.is_open:
        last = found.history[-1].said if found.history else found.state
        message = f"incident {printable(found.id)} is over: {printable(last, 200)}"
        raise BadArgument(Problem("incident-over", message, see=_shown(found.id)))


def _said(what: str, note: str) -> str:
    return f"{what}: {note}" if note else what


def _shown(id: str) -> str:
    return f"guardian incident show {printable(id)}"
