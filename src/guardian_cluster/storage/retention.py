"""What is deleted when, and how roll-ups grow coarser: in small transactions, so that no batch waits long.

The caller runs one step after another, each until it says that there is nothing left.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, literal, select, tuple_

from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.storage import tables
from guardian_cluster.storage.upsert import added, insert

CHUNK_ROWS = 1_000
"""Rows deleted in one transaction, with what hangs on them: some 20 ms, during which a batch waits."""

DAY_S = 86_400

COARSER = ((1 * DAY_S, 300), (30 * DAY_S, 3_600))
"""(age in seconds, width in seconds): minutes become five after a day and hours after thirty. A year of
minutes would be ten times the rows of everything else."""

LOOK_BACK_S = 7 * DAY_S
"""How far beyond its age a roll-up is still made coarser; one that was missed for longer stays fine."""

Step = Callable[[Connection], int]
"""Does a little in the caller's transaction; returns how much, 0 when there is nothing left to do."""


@dataclass(frozen=True, slots=True)
class _Age:
    """Which rows of a table are over, by its column of time."""

    table: Table
    column: str
    before: float

    def is_over(self) -> ColumnElement[bool]:
        return self.table.c[self.column] < self.before


def steps(policy: RecordPolicy, now: float) -> Iterator[Step]:
    """Yield every step of one sweep, each to be repeated until it returns 0."""
    for age in _ages(policy, now):
        yield partial(_delete_some, age)
    for age_s, width_s in COARSER:
        yield partial(_coarsen_one, now - age_s, width_s)


def sweep(connection: Connection, policy: RecordPolicy, now: float) -> int:
    """Do everything in the caller's transaction; for small databases. Return the number of rows concerned."""
    return sum(_exhausted(step, connection) for step in steps(policy, now))


def _exhausted(step: Step, connection: Connection) -> int:
    total = 0
    while done := step(connection):
        total += done
    return total


def _ages(policy: RecordPolicy, now: float) -> Iterator[_Age]:
    bodies = now - policy.bodies_days * DAY_S
    requests = now - policy.requests_days * DAY_S
    rollups = now - policy.rollups_days * DAY_S
    # `expires` is what was promised when a body was recorded; a shorter promise made since holds for it as
    # well.
    yield _Age(tables.payload, "expires", now)
    yield _Age(tables.payload, "recorded", bodies)
    yield _Age(tables.request, "started", requests)  # Takes all that hangs on it along.
    yield _Age(tables.feedback, "received", requests)
    yield _Age(tables.gateway_event, "at", requests)
    yield _Age(tables.rollup, "start", rollups)
    yield _Age(tables.rollup_histogram, "start", rollups)
    # A mark that went while its gateway's spool is still on disk would let those batches count twice.
    yield _Age(tables.batch, "received", rollups)


def _delete_some(age: _Age, connection: Connection) -> int:
    key = tuple_(*age.table.primary_key)
    chosen = select(*age.table.primary_key).where(age.is_over()).limit(CHUNK_ROWS)
    return connection.execute(delete(age.table).where(key.in_(chosen))).rowcount


def _coarsen_one(before: float, width_s: int, connection: Connection) -> int:
    """Merge the roll-ups of one interval of `width_s` that ended before `before` into one at its start."""
    start = tables.rollup.c.start
    finished = int(before // width_s) * width_s
    finer = and_(start >= finished - LOOK_BACK_S, start < finished, start % width_s != 0)
    found = connection.scalar(select(func.min(start)).where(finer))
    if found is None:
        return 0
    interval = found - found % width_s
    _merge(connection, tables.rollup, tables.ADDED, interval, width_s)
    return _merge(connection, tables.rollup_histogram, ("n",), interval, width_s)


def _merge(
    connection: Connection, table: Table, columns: tuple[str, ...], interval: int, width_s: int
) -> int:
    inside = and_(table.c.start > interval, table.c.start < interval + width_s)
    keys = [column for column in table.primary_key if column.name != "start"]
    sums = [func.sum(table.c[name]).label(name) for name in columns]
    merged = select(literal(interval).label("start"), *keys, *sums).where(inside).group_by(*keys)
    names = ["start", *(column.name for column in keys), *columns]
    statement = insert(connection, table).from_select(names, merged)
    connection.execute(added(statement, columns))
    return connection.execute(delete(table).where(inside)).rowcount
