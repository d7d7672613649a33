"""What workflow 2 keeps in `state.db`: alarms, changes, what each cycle found, and where its loops go on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, select

from guardian_cluster.domain.alarm import Acceptance, Alarm
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.monitoring import MonitoringCycleResult
from guardian_cluster.storage import state_tables as tables
from guardian_cluster.storage.rows import plain
from guardian_cluster.storage.state_values import Values
from guardian_cluster.storage.upsert import insert, insert_new

MAX_ALARMS = 200
MAX_CHANGES = 2_000
"""The newest of a stretch: an endpoint that comes and goes all the time would fill a diagnosis with itself."""

_alarms = Values(tables.alarm, Alarm)
_changes = Values(tables.change, ChangeEvent)
_cycles = Values(tables.cycle, MonitoringCycleResult)


class LoopState(NamedTuple):
    """What a loop of the control process knew, and up to where it had read by then."""

    value: bytes
    place_started: float
    place_id: str


def alarms(connection: Connection, specialist: str, *, open_only: bool) -> Sequence[Alarm]:
    """Return the newest alarms, of one specialist or (empty) of all."""
    alarm = tables.alarm.c
    where = [alarm.specialist == specialist] if specialist else []
    where += [alarm.closed.is_(None)] if open_only else []
    return _alarms.newest(connection, "raised", where=where, limit=MAX_ALARMS)


def put_alarms(connection: Connection, alarms: Iterable[Alarm]) -> None:
    """Keep alarms; one with a known id takes the other's place, but for what a person has said of that meanwhile."""
    for alarm in alarms:
        known = _alarms.by_id(connection, plain(alarm.id), to_change=True)
        if alarm.acceptance is None and known is not None and known.acceptance is not None:
            alarm = replace(alarm, acceptance=known.acceptance)
        of = {"id": alarm.id, "specialist": alarm.specialist, "raised": alarm.raised, "closed": alarm.closed}
        statement = insert(connection, tables.alarm)
        taken = {name: statement.excluded[name] for name in ("specialist", "raised", "closed", "value")}
        replacing = statement.on_conflict_do_update(index_elements=[tables.alarm.c.id], set_=taken)
        connection.execute(replacing, _alarms.row(alarm, **of))


def accept_alarm(connection: Connection, id: str, acceptance: Acceptance) -> Alarm:
    """Keep that an alarm was accepted, where it is open and nobody has accepted it before; return it as it is then.

    Raises KeyError where there is none.
    """
    known = _alarms.by_id(connection, plain(id), to_change=True)
    if known is None:
        raise KeyError(id)
    if known.closed is not None or known.acceptance is not None:
        return known
    accepted = replace(known, acceptance=acceptance)
    put_alarms(connection, [accepted])
    return accepted


def changes(connection: Connection, since: float, until: float) -> Sequence[ChangeEvent]:
    """Return the newest changes from `since` to before `until`, oldest first."""
    at = tables.change.c.at
    return _changes.newest(connection, "at", where=[at >= since, at < until], limit=MAX_CHANGES)[::-1]


def put_changes(connection: Connection, changes: Iterable[ChangeEvent]) -> None:
    """Keep changes; those whose id is known are passed over."""
    rows = [_changes.row(change, id=change.id, at=change.at) for change in changes]
    insert_new(connection, tables.change, rows)


def put_cycle(connection: Connection, id: str, result: MonitoringCycleResult) -> None:
    """Keep what a cycle found; one with a known id changes nothing."""
    row = _cycles.row(
        result,
        id=id,
        specialist=result.specialist_id,
        at=result.cycle_timestamp.timestamp(),
        eventful=_is_eventful(result),
    )
    insert_new(connection, tables.cycle, [row])


def cycles(connection: Connection, specialist: str, *, limit: int) -> Sequence[MonitoringCycleResult]:
    """Return the newest cycles, of one specialist or (empty) of all."""
    where = [tables.cycle.c.specialist == specialist] if specialist else []
    return _cycles.newest(connection, "at", where=where, limit=limit)


def cycle(connection: Connection, id: str) -> MonitoringCycleResult | None:
    """Return what one cycle found."""
    return _cycles.by_id(connection, id)


def loop_state(connection: Connection, name: str) -> LoopState | None:
    """Return what a loop knew last."""
    loop = tables.loop_state.c
    row = connection.execute(
        select(loop.value, loop.place_started, loop.place_id).where(loop.name == name)
    ).first()
    return None if row is None else LoopState(*row)


def put_loop_states(connection: Connection, states: Mapping[str, LoopState], *, at: float) -> None:
    """Keep what loops know now, by their names."""
    for name, state in states.items():
        statement = insert(connection, tables.loop_state)
        taken = {column.name: statement.excluded[column.name] for column in tables.loop_state.c}
        replacing = statement.on_conflict_do_update(index_elements=[tables.loop_state.c.name], set_=taken)
        connection.execute(replacing, {"name": name, "saved": at, **state._asdict()})


def _is_eventful(result: MonitoringCycleResult) -> bool:
    """Tell whether something was found: such a cycle is kept for longer."""
    reports = result.guardian_reports
    found = (
        reports.watcher.alarms,
        reports.diagnostician.diagnoses,
        reports.safety_monitor.findings,
        result.coordination_result.needs,
        result.improvements,
        result.meta_analysis.proposal,
    )
    return any(map(bool, found))
