"""Every question asked of `telemetry.db`: windows are answered from roll-ups, single requests from rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select, tuple_

from guardian_cluster.contract.records import Payload, RequestRecord, Spend
from guardian_cluster.storage import tables
from guardian_cluster.storage.histogram import Histogram, quantiles, unpacked
from guardian_cluster.storage.rollups import MINUTE_S
from guardian_cluster.storage.rows import PARTS, part_of, request_of

Measure = Literal["duration", "first_token", "overhead"]
Dimension = Literal["specialist", "endpoint", "variant", "tenant", "outcome"]
Group = tuple[str, ...]
"""A value for each dimension that was asked for, in that order; `()` where none was."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time to look at, in Unix seconds: the whole minutes that begin in it.

    Minutes older than a day are kept as five, and after thirty days as hours (`retention.COARSER`); those
    count where they begin.
    """

    since: float
    until: float

    def holds(self) -> ColumnElement[bool]:
        """Return the condition on roll-ups."""
        start, since = tables.rollup.c.start, self.since // MINUTE_S * MINUTE_S
        return and_(start >= since, start < self.until)


@dataclass(frozen=True, slots=True)
class Page:
    """Which of the newest requests: at most `limit` that began before `before`, of one tenant or of all."""

    limit: int = 50
    before: tuple[float, str] | None = None
    """(`started`, `id`) of the last one of the page before."""
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """What can be learned from one request."""

    record: RequestRecord
    marks: int
    """How often its own tenant has said before what it is worth."""


def percentiles(
    connection: Connection,
    window: Window,
    measure: Measure,
    wanted: Sequence[float],
    *,
    by: Sequence[Dimension] = (),
    where: Mapping[Dimension, str] | None = None,
) -> dict[Group, list[float | None]]:
    """Return the quantiles `wanted` (0 to 1) of a time in ms, each within `histogram.RELATIVE_ERROR`."""
    groups = _groups(connection, by, where or {})
    rollup = tables.rollup.c
    query = select(rollup.series_id, rollup[f"{measure}_histogram"]).where(window.holds())
    found: dict[Group, Histogram] = defaultdict(int)
    # All at once, and names apart: thousands of rows cost a driver a quarter less.
    for series_id, data in connection.execute(query).all():
        if data and series_id in groups:
            found[groups[series_id]] += unpacked(data)
    return {group: quantiles(histogram, wanted) for group, histogram in found.items()}


def totals(
    connection: Connection,
    window: Window,
    *,
    by: Sequence[Dimension] = (),
    where: Mapping[Dimension, str] | None = None,
) -> dict[Group, dict[str, float]]:
    """Return the sum of every column of `tables.ADDED` for each group that had a request."""
    groups = [tables.series.c[name] for name in by]
    sums = [func.sum(tables.rollup.c[name]) for name in tables.ADDED]
    query = select(*groups, *sums).join_from(
        tables.rollup, tables.series, tables.rollup.c.series_id == tables.series.c.id
    )
    query = query.where(window.holds(), *_matches(where or {}))
    query = query.group_by(*groups).having(func.sum(tables.rollup.c.n) > 0)
    return {
        tuple(row[: len(by)]): dict(zip(tables.ADDED, map(_plain, row[len(by) :]), strict=True))
        for row in connection.execute(query)
    }


def recent_requests(connection: Connection, page: Page) -> list[RequestRecord]:
    """Return a page of requests with all that hangs on them, newest first."""
    request = tables.request.c
    query = select(tables.request).order_by(request.started.desc(), request.id.desc()).limit(page.limit)
    if page.tenant is not None:
        query = query.where(request.tenant == page.tenant)
    if page.before is not None:
        query = query.where(tuple_(request.started, request.id) < page.before)
    return _with_parts(connection, connection.execute(query).all())


def request_by_id(connection: Connection, id: str, *, tenant: str | None = None) -> RequestRecord | None:
    """Return one request; `None` if there is none, or it is not this tenant's."""
    query = _of_tenant(select(tables.request).where(tables.request.c.id == id), tables.request, tenant)
    return next(iter(_with_parts(connection, connection.execute(query).all())), None)


def requests_by_id(
    connection: Connection, ids: Sequence[str], *, only: Collection[tables.Table] = PARTS.keys()
) -> list[RequestRecord]:
    """Return the requests of these ids, in the order in which they began; what hangs on them of `only` some tables."""
    request = tables.request.c
    query = select(tables.request).where(request.id.in_(list(ids)))
    rows = connection.execute(query.order_by(request.started, request.id)).all()
    return _with_parts(connection, rows, only)


def payload_of(connection: Connection, request_id: str, *, tenant: str | None = None) -> Payload | None:
    """Return the words of one request, where they were kept and are this tenant's."""
    columns = [tables.payload.c[name] for name in Payload.__struct_fields__]
    query = _of_tenant(select(*columns), tables.payload, tenant)
    row = connection.execute(query.where(tables.payload.c.request_id == request_id)).first()
    return None if row is None else Payload(**_named(row))


def routing_of(connection: Connection, request_id: str, *, before: float) -> Routing | None:
    """Return what can be learned from one request, with what was said of it before a Unix time."""
    record = request_by_id(connection, request_id)
    if record is None:
        return None
    said = tables.feedback.c
    query = select(func.count()).where(
        said.request_id == request_id,
        said.tenant == record.tenant,
        said.score.is_not(None),
        said.received < before,
    )
    return Routing(record, connection.scalar(query) or 0)


def decisions_since(
    connection: Connection, since: float, *, after: str = "", limit: int = 200
) -> list[tuple[RequestRecord, float | None]]:
    """Return the next requests with a choice of the router's, in order, each with the last mark of its own tenant.

    They began at `since` or later; those that began just then come after the id `after`.
    """
    request, said = tables.request.c, tables.feedback.c
    later = tuple_(request.started, request.id) > (since, after)
    query = select(tables.request).where(func.length(request.features) > 0, later)
    records = _with_parts(
        connection, connection.execute(query.order_by(request.started, request.id).limit(limit)).all()
    )
    ids = [record.id for record in records]
    marks = select(said.request_id, said.tenant, said.score).where(
        said.request_id.in_(ids), said.score.is_not(None)
    )
    rows = connection.execute(marks.order_by(said.received, said.id))
    last = {(row.request_id, row.tenant): row.score for row in rows}
    return [(record, last.get((record.id, record.tenant))) for record in records]


def spend_of(connection: Connection, month: str) -> list[Spend]:
    """Return what every key has spent in a month."""
    rows = connection.execute(select(tables.spend).where(tables.spend.c.month == month))
    return [Spend(**_named(row)) for row in rows]


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each table; slow on large ones."""
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in tables.metadata.sorted_tables
    }


def _groups(
    connection: Connection, by: Sequence[Dimension], where: Mapping[Dimension, str]
) -> dict[int, Group]:
    """Return which group each series belongs to, of those that are asked for."""
    series = tables.series.c
    query = select(series.id, *(series[name] for name in by)).where(*_matches(where))
    return {id: tuple(group) for id, *group in connection.execute(query)}


def _matches(where: Mapping[Dimension, str]) -> list[ColumnElement[bool]]:
    return [tables.series.c[name] == value for name, value in where.items()]


def _of_tenant(query: Select[Any], table: tables.Table, tenant: str | None) -> Select[Any]:
    return query if tenant is None else query.where(table.c.tenant == tenant)


def _with_parts(
    connection: Connection, rows: Sequence[Row[Any]], only: Collection[tables.Table] = PARTS.keys()
) -> list[RequestRecord]:
    ids = [row.id for row in rows]
    nothing: Mapping[str, tuple[Any, ...]] = defaultdict(tuple)
    found = {
        table: _parts(connection, table, kind, ids) if table in only else nothing
        for table, kind in PARTS.items()
    }
    return [request_of(_named(row), lambda table, id=row.id: found[table][id]) for row in rows]


def _parts(
    connection: Connection, table: tables.Table, kind: type[msgspec.Struct], request_ids: Iterable[str]
) -> Mapping[str, tuple[msgspec.Struct, ...]]:
    columns = [table.c[name] for name in kind.__struct_fields__]
    chosen = table.c.request_id.in_(list(request_ids))
    query = select(table.c.request_id, *columns).where(chosen).order_by(table.c.request_id, table.c.number)
    found: dict[str, tuple[msgspec.Struct, ...]] = defaultdict(tuple)
    for request_id, *values in connection.execute(query):
        found[request_id] += (part_of(kind, values),)
    return found


def _named(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)  # pyright: ignore[reportPrivateUsage]  the documented way to a row's names


def _plain(value: Any) -> float:
    """Return a sum as a number: PostgreSQL gives those of integers as decimals."""
    return value if isinstance(value, int | float) else float(value)
