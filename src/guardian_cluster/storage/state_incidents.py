"""What is kept of incidents in `state.db`: of each fault one that is open at most, and the events that told of it."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, insert, select, update

from guardian_cluster.domain.incident import MOST_OPEN, Conflict, FailureEvent, Incident, IncidentState
from guardian_cluster.domain.incident_union import (
    comes_back,
    ended,
    first_reported,
    reported_again,
    united,
)
from guardian_cluster.storage import state_tables as tables
from guardian_cluster.storage.state_effects import alone, note_result, once, result_of
from guardian_cluster.storage.state_values import MOST, Values
from guardian_cluster.storage.upsert import Row, insert_new

_incidents = Values(tables.incident, Incident)
_events = Values(tables.failure_event, FailureEvent)


def open_incident(
    connection: Connection, event: FailureEvent, incident: Incident, *, reopen_s: float, key: str, at: float
) -> Incident:
    """Keep an event, once under this key, with the incident that it opens or is counted in; return that."""
    if not once(connection, key, at=at):
        return _told(connection, key)
    alone(connection, f"incident {incident.key}")
    kept = _incident_of(connection, event)
    if kept is None:
        kept = _reported(connection, event, incident, reopen_s)
        row = _events.row(event, id=event.id, incident_id=kept.id, at=event.at)
        insert_new(connection, tables.failure_event, [row])
    return _noted(connection, key, kept)


def failure_event(connection: Connection, id: str) -> FailureEvent | None:
    """Return one event."""
    return _events.by_id(connection, id)


def incident(connection: Connection, id: str) -> Incident | None:
    """Return one incident."""
    return _incidents.by_id(connection, id)


def incidents(connection: Connection, *, specialist: str, open_only: bool, limit: int) -> Sequence[Incident]:
    """Return incidents, those updated last first."""
    row = tables.incident.c
    where = [row.specialist == specialist] if specialist else []
    where += [row.closed.is_(None)] if open_only else []
    most = MOST_OPEN if open_only else MOST
    return _incidents.newest(connection, "updated", where=where, limit=limit, most=most)


def put_incident(
    connection: Connection, incident: Incident, *, expected: IncidentState | None, key: str, at: float
) -> Incident:
    """Put an incident in the other's place, once under this key, and return what is kept.

    Raises KeyError where there is none, and Conflict where it is in another state than expected.
    """
    if not once(connection, key, at=at):
        return _told(connection, key)
    kept = _incidents.by_id(connection, incident.id, to_change=True)
    if kept is None:
        raise KeyError(incident.id)
    if expected is not None and expected != kept.state:
        raise Conflict(incident.id, expected=expected, found=kept.state)
    return _noted(connection, key, _replace(connection, united(kept, incident)))


def _reported(connection: Connection, event: FailureEvent, incident: Incident, reopen_s: float) -> Incident:
    kept = _newest_of(connection, incident.key)
    if kept is not None and comes_back(kept, incident.opened, reopen_s=reopen_s):
        return _replace(connection, reported_again(kept, event, incident))
    opened = first_reported(event, incident)
    connection.execute(insert(tables.incident), _row(opened))
    return opened


def _incident_of(connection: Connection, event: FailureEvent) -> Incident | None:
    """Return the incident of an event that is known."""
    known = tables.failure_event.c
    id = connection.scalar(select(known.incident_id).where(known.id == event.id))
    return None if id is None else _incidents.by_id(connection, id)


def _newest_of(connection: Connection, key: str) -> Incident | None:
    """Return the incident of a fault that is open, or else the one that ended last, for changing it."""
    row = tables.incident.c
    newest = select(row.value).where(row.key == key).order_by(row.closed.is_(None).desc(), row.closed.desc())
    return next(iter(_incidents.of(connection.scalars(newest.limit(1).with_for_update()))), None)


def _replace(connection: Connection, incident: Incident) -> Incident:
    statement = update(tables.incident).where(tables.incident.c.id == incident.id)
    connection.execute(statement.values(_row(incident)))
    return incident


def _row(incident: Incident) -> Row:
    return _incidents.row(
        incident,
        id=incident.id,
        key=incident.key,
        specialist=incident.specialist,
        updated=incident.updated,
        closed=None if incident.is_open else ended(incident),
    )


def _noted(connection: Connection, key: str, incident: Incident) -> Incident:
    note_result(connection, key, msgspec.msgpack.encode(incident))
    return incident


def _told(connection: Connection, key: str) -> Incident:
    """Return what came of this key the first time."""
    return msgspec.msgpack.decode(result_of(connection, key) or b"", type=Incident)
