"""What workflow 4 keeps, in memory: for library use, rehearsals and tests."""

from collections.abc import Iterable, Sequence

from guardian_cluster.domain.action import ENDED, NEVER_IN_FORCE, Action
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.incident import REOPEN_S, Conflict, FailureEvent, Incident, IncidentState
from guardian_cluster.domain.incident_union import (
    comes_back,
    ended,
    first_reported,
    reported_again,
    united,
)
from guardian_cluster.domain.recovery import MAX_PATTERNS, FailurePattern, PlayCount, RecoveryResult


class MemoryIncidentStore:
    """An `IncidentStore` that ends with its process. One event loop may use it; no call gives way half-way."""

    def __init__(self) -> None:
        self._done: set[str] = set()
        self._told: dict[str, Incident] = {}
        """What came of a key that an incident was opened or put under."""
        self._incidents: dict[str, Incident] = {}
        self._incident_of: dict[str, str] = {}
        """By the id of an event."""
        self._events: dict[str, FailureEvent] = {}
        self._actions: dict[str, Action] = {}
        self._results: dict[str, RecoveryResult] = {}
        self._patterns: dict[str, FailurePattern] = {}
        self._counts: dict[tuple[Cause | None, str, str], PlayCount] = {}

    async def open_incident(
        self, event: FailureEvent, incident: Incident, *, key: str, reopen_s: float = REOPEN_S
    ) -> Incident:
        """Keep an event with the incident that it opens, or the one of the same fault that it is counted in."""
        if key not in self._told:
            known = self._incident_of.get(event.id)
            kept = self._reported(event, incident, reopen_s) if known is None else self._incidents[known]
            self._incident_of[event.id] = kept.id
            self._events.setdefault(event.id, event)
            self._told[key] = self._incidents[kept.id] = kept
        return self._told[key]

    def _reported(self, event: FailureEvent, incident: Incident, reopen_s: float) -> Incident:
        alike = [each for each in self._incidents.values() if each.key == incident.key]
        kept = max(alike, key=lambda each: (each.is_open, ended(each)), default=None)
        if kept is not None and comes_back(kept, incident.opened, reopen_s=reopen_s):
            return reported_again(kept, event, incident)
        return first_reported(event, incident)

    async def failure_event(self, id: str) -> FailureEvent | None:
        """Return one event, as it was first told of."""
        return self._events.get(id)

    async def incident(self, id: str) -> Incident | None:
        """Return one incident."""
        return self._incidents.get(id)

    async def incidents(
        self, *, specialist: str = "", open_only: bool = False, limit: int = 100
    ) -> Sequence[Incident]:
        """Return incidents, those updated last first."""
        found = [
            each
            for each in self._incidents.values()
            if specialist in ("", each.specialist) and (each.is_open or not open_only)
        ]
        return sorted(found, key=lambda each: (each.updated, each.id), reverse=True)[:limit]

    async def put_incident(
        self, incident: Incident, *, key: str, expected: IncidentState | None = None
    ) -> Incident:
        """Put an incident in the other's place, united with what only grows of that, and return what is kept.

        Raises KeyError where there is none, and Conflict where it is in another state than expected.
        """
        if key not in self._told:
            kept = self._incidents[incident.id]
            if expected is not None and kept.state != expected:
                raise Conflict(incident.id, expected=expected, found=kept.state)
            self._told[key] = self._incidents[incident.id] = united(kept, incident)
        return self._told[key]

    async def put_actions(self, actions: Sequence[Action], *, key: str) -> None:
        """Keep actions; one with a known id takes the other's place, unless that has ended: it stays so."""
        if not self._is_new(key):
            return
        for each in actions:
            kept = self._actions.get(each.id)
            if kept is None or kept.state not in ENDED:
                self._actions[each.id] = each

    async def actions(
        self, *, active_only: bool = False, incident_id: str = "", since: float = 0.0, limit: int = 500
    ) -> Sequence[Action]:
        """Return actions, newest first; `since` is when they were taken. Of those active, all, whatever the limit."""
        found = [
            each
            for each in self._actions.values()
            if incident_id in ("", each.incident_id)
            and each.taken >= since
            and (each.state == "active" or not active_only)
        ]
        return _newest(found)[: None if active_only else limit]

    async def taken_since(self, at: float) -> Sequence[Action]:
        """Return all actions taken since that were ever in force, newest first."""
        return _newest(
            each for each in self._actions.values() if each.taken >= at and each.state not in NEVER_IN_FORCE
        )

    async def put_result(self, result: RecoveryResult, *, key: str) -> None:
        """Keep what came of an event."""
        if self._is_new(key):
            self._results[result.failure_event_id] = result

    async def result(self, event_id: str) -> RecoveryResult | None:
        """Return what came of an event."""
        return self._results.get(event_id)

    async def patterns(self, specialist: str) -> Sequence[FailurePattern]:
        """Return the failure patterns of a specialist, those seen last first."""
        mine = [each for each in self._patterns.values() if each.specialist == specialist]
        return sorted(mine, key=lambda each: each.last, reverse=True)[:MAX_PATTERNS]

    async def learn(self, pattern: FailurePattern | None, counts: Sequence[PlayCount], *, key: str) -> None:
        """Add what was seen and what helped to what is known, once under this key."""
        if not self._is_new(key):
            return
        if pattern is not None:
            known = self._patterns.get(pattern.id)
            self._patterns[pattern.id] = pattern if known is None else known.joined(pattern)
        for each in counts:
            name = (each.cause, each.kind, each.specialist)
            before = self._counts.get(name)
            self._counts[name] = each if before is None else _sum(before, each)

    async def counts(self, cause: Cause | None) -> Sequence[PlayCount]:
        """Return what helped against a cause, for each kind of move and specialist."""
        found = [each for each in self._counts.values() if each.cause == cause]
        return sorted(found, key=lambda each: (each.kind, each.specialist))

    def _is_new(self, key: str) -> bool:
        is_new = key not in self._done
        self._done.add(key)
        return is_new


def _newest(actions: Iterable[Action]) -> list[Action]:
    return sorted(actions, key=lambda each: (each.taken, each.id), reverse=True)


def _sum(one: PlayCount, other: PlayCount) -> PlayCount:
    return PlayCount(
        cause=one.cause,
        kind=one.kind,
        specialist=one.specialist,
        helped=one.helped + other.helped,
        failed=one.failed + other.failed,
    )
