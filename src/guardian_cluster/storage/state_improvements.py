"""What is kept of improvements in `state.db`: each in its state, the investigations of them, and lessons.

A decision is a comparison and a change in one transaction: of two people that decide at once, one is told that it was
decided already.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Table, update

from guardian_cluster.domain.improvement import (
    Lesson,
    QueuedImprovement,
    QueueState,
    SafetyInvestigation,
)
from guardian_cluster.improvement.ports import Conflict
from guardian_cluster.storage import state_tables as tables
from guardian_cluster.storage.state_effects import note_result, once, result_of
from guardian_cluster.storage.state_values import Values
from guardian_cluster.storage.upsert import Row, insert, insert_new


class Decision(NamedTuple):
    """Into which state an improvement comes, by whom, why and when (Unix seconds)."""

    state: QueueState
    who: str
    note: str
    at: float


_improvements = Values(tables.improvement, QueuedImprovement)
_investigations = Values(tables.investigation, SafetyInvestigation)
_lessons = Values(tables.lesson, Lesson)


def put(
    connection: Connection,
    items: Iterable[QueuedImprovement],
    investigations: Iterable[SafetyInvestigation],
    *,
    key: str,
    at: float,
) -> Sequence[str]:
    """Keep what is new of these, once under this key; return the ids of the improvements that were."""
    if not once(connection, key, at=at):
        return msgspec.json.decode(result_of(connection, key) or b"[]", type=list[str])
    new = [item.improvement.id for item in items if _is_new(connection, tables.improvement, _row(item))]
    opened = [each for each in investigations if each.improvement_id in new]
    insert_new(connection, tables.investigation, list(map(_investigation_row, opened)))
    note_result(connection, key, msgspec.json.encode(new))
    return new


def improvements(
    connection: Connection, *, specialist: str, state: QueueState | None, limit: int
) -> Sequence[QueuedImprovement]:
    """Return improvements, newest first by when they came into their state."""
    row = tables.improvement.c
    where = [row.specialist == specialist] if specialist else []
    where += [row.state == state] if state else []
    return _improvements.newest(connection, "since", where=where, limit=limit)


def improvement(connection: Connection, id: str) -> QueuedImprovement | None:
    """Return one improvement."""
    return _improvements.by_id(connection, id)


def investigations(
    connection: Connection, *, specialist: str, open_only: bool, limit: int
) -> Sequence[SafetyInvestigation]:
    """Return investigations, newest first by when they were opened."""
    row = tables.investigation.c
    where = [row.specialist == specialist] if specialist else []
    where += [row.outcome == "open"] if open_only else []
    return _investigations.newest(connection, "opened", where=where, limit=limit)


def investigation(connection: Connection, id: str) -> SafetyInvestigation | None:
    """Return one investigation."""
    return _investigations.by_id(connection, id)


def decide(
    connection: Connection,
    id: str,
    decision: Decision,
    *,
    expected: QueueState,
    lesson: Lesson | None,
    investigation: SafetyInvestigation | None,
) -> QueuedImprovement:
    """Bring an improvement from the state that is expected into another, with what follows from it, and return it.

    Raises KeyError where there is none, or no such investigation, and Conflict where it is in another state.
    """
    found = _improvements.by_id(connection, id, to_change=True)
    if found is None:
        raise KeyError(id)
    if found.state != expected:
        raise Conflict(id, expected=expected, found=found.state)
    state, who, note, at = decision
    decided = msgspec.structs.replace(found, state=state, who=who, note=note, since=at)
    _replace(connection, tables.improvement, _row(decided))
    if investigation is not None:
        _replace(connection, tables.investigation, _investigation_row(investigation))
    if lesson is not None:
        put_lesson(connection, lesson)
    return decided


def put_lesson(connection: Connection, lesson: Lesson) -> None:
    """Keep a lesson, unless its id is known."""
    row = _lessons.row(lesson, id=lesson.id, specialist=lesson.specialist, at=lesson.at)
    insert_new(connection, tables.lesson, [row])


def lessons(connection: Connection, specialist: str, *, limit: int) -> Sequence[Lesson]:
    """Return what was learned of a specialist's improvements, newest first."""
    return _lessons.newest(connection, "at", where=[tables.lesson.c.specialist == specialist], limit=limit)


def _row(item: QueuedImprovement) -> Row:
    about = item.improvement
    return _improvements.row(
        item, id=about.id, specialist=about.specialist, state=item.state, since=item.since
    )


def _investigation_row(item: SafetyInvestigation) -> Row:
    times = {"opened": item.opened, "closed": item.closed}
    return _investigations.row(item, id=item.id, specialist=item.specialist, outcome=item.outcome, **times)


def _is_new(connection: Connection, table: Table, row: Row) -> bool:
    """Insert a row; return whether there was none with its key."""
    statement = insert(connection, table).on_conflict_do_nothing()
    return connection.execute(statement, row, execution_options={"preserve_rowcount": True}).rowcount > 0


def _replace(connection: Connection, table: Table, row: Row) -> None:
    statement = update(table).where(table.c.id == row["id"]).values(row)
    if not connection.execute(statement).rowcount:
        raise KeyError(row["id"])
