"""What is kept in `state.db` of what recovery did: actions, what came of each event, and what was learned of it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from guardian_cluster.domain.action import ENDED, NEVER_IN_FORCE, Action
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.recovery import MAX_PATTERNS, FailurePattern, PlayCount, RecoveryResult
from guardian_cluster.storage import state_tables as tables
from guardian_cluster.storage.state_effects import alone, once
from guardian_cluster.storage.state_values import Values
from guardian_cluster.storage.upsert import Insert, Row, insert, insert_added

_actions = Values(tables.action, Action)
_results = Values(tables.result, RecoveryResult)
_patterns = Values(tables.pattern, FailurePattern)


def put_actions(connection: Connection, actions: Iterable[Action], *, key: str, at: float) -> None:
    """Keep actions, once under this key; one takes the place of that with its id unless that has ended."""
    if not once(connection, key, at=at):
        return
    # In one order: two processes that put the same ones would otherwise wait for each other on PostgreSQL.
    for action in sorted(actions, key=lambda action: action.id):
        times = {"taken": action.taken, "ended": action.ended}
        of = {"incident_id": action.incident_id, "state": action.state}
        statement = insert(connection, tables.action)
        state = tables.action.c.state
        replacing = statement.on_conflict_do_update(
            index_elements=[tables.action.c.id],
            set_=_taken(statement, *times, *of, "value"),
            where=state.not_in(ENDED),
        )
        connection.execute(replacing, _actions.row(action, id=action.id, **times, **of))


def actions(
    connection: Connection, *, active_only: bool, incident_id: str, since: float, limit: int
) -> Sequence[Action]:
    """Return actions taken since, newest first; of one incident or (empty) of all. Of those active, all."""
    row = tables.action.c
    where = [row.taken >= since]
    where += [row.state == "active"] if active_only else []
    where += [row.incident_id == incident_id] if incident_id else []
    return _actions.newest(connection, "taken", where=where, limit=None if active_only else limit)


def taken_since(connection: Connection, at: float) -> Sequence[Action]:
    """Return all actions taken since that were ever in force, newest first."""
    row = tables.action.c
    where = [row.taken >= at, row.state.not_in(NEVER_IN_FORCE)]
    return _actions.newest(connection, "taken", where=where, limit=None)


def put_result(connection: Connection, result: RecoveryResult, *, key: str, at: float) -> None:
    """Keep what came of an event, once under this key; it takes the place of what was known of that event."""
    if once(connection, key, at=at):
        row = _results.row(result, id=result.failure_event_id, at=at)
        _put(connection, insert(connection, tables.result), row)


def result(connection: Connection, event_id: str) -> RecoveryResult | None:
    """Return what came of an event."""
    return _results.by_id(connection, event_id)


def patterns(connection: Connection, specialist: str) -> Sequence[FailurePattern]:
    """Return the failure patterns of a specialist, those seen last first."""
    mine = tables.pattern.c.specialist == specialist
    return _patterns.newest(connection, "last", where=[mine], limit=MAX_PATTERNS)


def learn(
    connection: Connection,
    pattern: FailurePattern | None,
    counts: Iterable[PlayCount],
    *,
    key: str,
    at: float,
) -> None:
    """Add what was seen and what helped to what is known, once under this key."""
    if not once(connection, key, at=at):
        return
    if pattern is not None:
        _add_pattern(connection, pattern)
    rows = [_count_row(count) for count in counts]
    in_one_order = sorted(rows, key=lambda row: (row["cause"], row["kind"], row["specialist"]))
    insert_added(connection, tables.play_count, ["helped", "failed"], in_one_order)


def counts(connection: Connection, cause: Cause | None) -> Sequence[PlayCount]:
    """Return what helped against a cause, for each kind of move and specialist."""
    row = tables.play_count.c
    query = select(row.kind, row.specialist, row.helped, row.failed).where(row.cause == (cause or ""))
    rows = connection.execute(query.order_by(row.kind, row.specialist)).mappings()
    return [PlayCount(cause=cause, **found) for found in rows]


def _add_pattern(connection: Connection, pattern: FailurePattern) -> None:
    alone(connection, f"pattern {pattern.id}")
    known = _patterns.by_id(connection, pattern.id)
    joined = pattern if known is None else known.joined(pattern)
    row = _patterns.row(joined, id=joined.id, specialist=joined.specialist, last=joined.last)
    _put(connection, insert(connection, tables.pattern), row)


def _count_row(count: PlayCount) -> Row:
    of = {"cause": count.cause or "", "kind": count.kind, "specialist": count.specialist}
    return {**of, "helped": count.helped, "failed": count.failed}


def _put(connection: Connection, statement: Insert, row: Row) -> None:
    """Insert a row, or put it in the place of the one with its id."""
    others = _taken(statement, *(name for name in row if name != "id"))
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=others), row)


def _taken(statement: Insert, *names: str) -> Row:
    return {name: statement.excluded[name] for name in names}
