"""What is deleted when, and how roll-ups grow coarser: in small transactions, so that no batch waits long.

The caller runs one step after another, each until it says that there is nothing left.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    Table,
    and_,
    delete,
    func,
    select,
    true,
    tuple_,
    update,
)

from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.storage import tables
from guardian_cluster.storage.rollups import Rollup, rollup_of, row_of
from guardian_cluster.storage.upsert import insert_new

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
class Age:
    """Which rows of a table are over, by its column of time, among those for which `where` holds."""

    table: Table
    column: str
    before: float
    where: ColumnElement[bool] = true()  # noqa: RUF009  a constant

    def is_over(self) -> ColumnElement[bool]:
        """Return the condition on its rows."""
        return and_(self.table.c[self.column] < self.before, self.where)


def steps(policy: RecordPolicy, now: float) -> Iterator[Step]:
    """Yield every step of one sweep, each to be repeated until it returns 0."""
    for age in _ages(policy, now):
        yield partial(delete_some, age)
    yield partial(_empty_newest_mark, now - policy.requests_days * DAY_S)
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


def _ages(policy: RecordPolicy, now: float) -> Iterator[Age]:
    bodies = now - policy.bodies_days * DAY_S
    requests = now - policy.requests_days * DAY_S
    rollups = now - policy.rollups_days * DAY_S
    # `expires` is what was promised when a body was recorded; a shorter promise made since holds for it as
    # well.
    yield Age(tables.payload, "expires", now)
    yield Age(tables.payload, "recorded", bodies)
    yield Age(tables.request, "started", requests)  # Takes all that hangs on it along.
    yield Age(tables.feedback, "received", requests, tables.feedback.c.id < _newest_mark())
    yield Age(tables.gateway_event, "at", requests)
    yield Age(tables.rollup, "start", rollups)
    # A mark that went while its gateway's spool is still on disk would let those batches count twice.
    yield Age(tables.batch, "received", rollups)


def delete_some(age: Age, connection: Connection) -> int:
    """Delete at most `CHUNK_ROWS` rows that are over; return how many."""
    key = tuple_(*age.table.primary_key)
    chosen = select(*age.table.primary_key).where(age.is_over()).limit(CHUNK_ROWS)
    return connection.execute(delete(age.table).where(key.in_(chosen))).rowcount


def _newest_mark() -> ScalarSelect[int]:
    return select(func.max(tables.feedback.c.id)).scalar_subquery()


def _empty_newest_mark(before: float, connection: Connection) -> int:
    """Empty the newest feedback where it is over; it stays as a number that is then never given twice.

    SQLite counts on from the highest number there is: whoever reads feedback in the order of arrival would never see
    what came under a number that was passed already.
    """
    said = tables.feedback.c
    is_over = and_(said.id == _newest_mark(), said.received < before, said.request_id != "")
    nothing = {"request_id": "", "tenant": "", "score": None, "label": None, "comment": None}
    return connection.execute(update(tables.feedback).where(is_over).values(nothing)).rowcount


def _coarsen_one(before: float, width_s: int, connection: Connection) -> int:
    """Merge the roll-ups of one interval of `width_s` that ended before `before` into one at its start."""
    start = tables.rollup.c.start
    finished = int(before // width_s) * width_s
    finer = and_(start >= finished - LOOK_BACK_S, start < finished, start % width_s != 0)
    found = connection.scalar(select(func.min(start)).where(finer))
    if found is None:
        return 0
    return _merge(connection, found - found % width_s, width_s)


def _merge(connection: Connection, interval: int, width_s: int) -> int:
    """Replace the roll-ups of an interval by one of each series; return how many there were."""
    start, series_id = tables.rollup.primary_key
    inside = and_(start >= interval, start < interval + width_s)
    columns = [tables.rollup.c[name] for name in (*tables.ADDED, *tables.HISTOGRAMS)]
    merged: dict[int, Rollup] = {}
    for series, *values in connection.execute(select(series_id, *columns).where(inside)):
        rollup = rollup_of(values)
        merged[series] = merged[series].plus(rollup) if series in merged else rollup
    deleted = connection.execute(delete(tables.rollup).where(inside)).rowcount
    insert_new(connection, tables.rollup, [row_of((interval, id), rollup) for id, rollup in merged.items()])
    return deleted
