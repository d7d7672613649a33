"""What guardians ask of `telemetry.db`: a specialist's newest requests, and what came since they last looked.

Requests come with their attempts, verdicts and scores; without what only routing and its learning need. Of feedback
only marks of the request's own tenant count, and of many on one request the last ones; its words stay where they are.
All is read in whole tables' worth, for a window of 5,000 requests is asked for every few minutes.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Table,
    and_,
    func,
    or_,
    select,
    union,
)

from guardian_cluster.contract.records import (
    AttemptRecord,
    Feedback,
    GatewayEvent,
    RequestRecord,
    ScoreRecord,
    VerdictRecord,
)
from guardian_cluster.domain.ids import ID_PREFIX, first_request_id
from guardian_cluster.storage import tables
from guardian_cluster.storage.detections import Judged
from guardian_cluster.storage.rows import names_of

PAGE = 200
"""Requests looked at in one transaction: some 10 ms."""

MARKS = 20
"""Marks of one request, at most, the last ones: who sends more has nothing new to say."""

CLOCKS_S = 60.0
"""How far the time in a request's id may be from when it began: a clock that was set meanwhile."""

_PARTS: Mapping[str, tuple[Table, type[msgspec.Struct]]] = {
    "attempts": (tables.attempt, AttemptRecord),
    "verdicts": (tables.verdict, VerdictRecord),
    "scores": (tables.score, ScoreRecord),
}
_NOT_READ = frozenset({*_PARTS, "assessments", "parts", "routing", "context"})
_FIELDS = tuple(name for name in RequestRecord.__struct_fields__ if name not in _NOT_READ)
_COLUMNS = tuple(tables.request.c[name] for name in _FIELDS)
_ID, _STARTED = _FIELDS.index("id"), _FIELDS.index("started")
_MARK = ("request_id", "tenant", "received", "score", "label")

_Rows = Sequence[Row[Any]]
_Told = list[tuple[int, Feedback]]
"""What a tenant said of a request of its own, each with the number under which it came."""


class Arrived(NamedTuple):
    """Requests in the order in which they were written, and the number of the last one."""

    judged: tuple[Judged, ...]
    last: int | None
    """From which to go on; `None` where nothing came."""


class Events(NamedTuple):
    """Events in the order in which they were written, and the number of the last one."""

    events: tuple[GatewayEvent, ...]
    last: int | None


class Places(NamedTuple):
    """Up to which request, mark and event was read, by the numbers under which they were written."""

    arrival: int = 0
    mark: int = 0
    event: int = 0


class Marks(NamedTuple):
    """Requests with the marks that came since, in the order in which these came, and the number of the last one."""

    judged: tuple[Judged, ...]
    """Each with what its tenant had said by then: the mark itself is the last of its feedback."""
    last: int | None
    """From which to go on; `None` where nothing came."""


def window_of(connection: Connection, specialist: str, limit: int) -> list[Judged]:
    """Return the newest so many requests that a specialist answered or failed, oldest first."""
    request = tables.request.c
    mine = request.specialist == specialist
    newest = select(*_COLUMNS).where(mine).order_by(request.started.desc(), request.id.desc()).limit(limit)
    rows = connection.execute(newest).all()[::-1]
    # Records that come in between two of these questions are read in vain and do no harm.
    since = and_(mine, request.started >= (rows[0][_STARTED] if rows else 0.0))
    answered = _judged(connection, rows, since, None) if rows else []
    failed = _failed(connection, specialist, limit, rows[0][_STARTED] if len(rows) == limit else 0.0)
    return sorted([*answered, *failed], key=_began)[-limit:] if failed else answered


def _failed(connection: Connection, specialist: str, limit: int, since: float) -> list[Judged]:
    """Return the newest requests that a specialist failed and another one answered, or nobody."""
    request, attempt = tables.request.c, tables.attempt.c
    failed = select(attempt.request_id).where(attempt.specialist == specialist, attempt.outcome == "failed")
    others = or_(request.specialist.is_(None), request.specialist != specialist)
    those = and_(request.id.in_(failed), request.started >= since, others)
    newest = select(*_COLUMNS).where(those).order_by(request.started.desc(), request.id.desc()).limit(limit)
    rows = connection.execute(newest).all()[::-1]
    return _judged(connection, rows, those, None) if rows else []


def _began(judged: Judged) -> tuple[float, str]:
    return judged.record.started, judged.record.id


def requests_since(connection: Connection, specialist: str, at: float, limit: int) -> list[Judged]:
    """Return the first so many requests that began since a Unix time and are a specialist's, oldest first.

    Its own are those that asked for it by name, whoever answered, and those that it answered or failed.
    """
    request = tables.request.c
    first = [
        select(request.id, request.started)
        .where(those, request.started >= at)
        .order_by(request.started, request.id)
        .limit(limit)
        .subquery()
        for those in (
            request.requested_model == specialist,
            request.specialist == specialist,
            request.id.in_(_failed_since(specialist, at)),
        )
    ]
    either = union(*(select(each) for each in first)).subquery()
    ids = select(either.c.id).order_by(either.c.started, either.c.id).limit(limit)
    found = list(connection.scalars(ids))
    those = request.id.in_(found)
    rows = connection.execute(select(*_COLUMNS).where(those).order_by(request.started, request.id)).all()
    return _judged(connection, rows, those, None) if rows else []


def _failed_since(specialist: str, at: float) -> CompoundSelect[tuple[str]]:
    """Return the ids of requests that a specialist failed, without most of those that came before a Unix time.

    Attempts have no time of their own, but ids have: those of a long outage in the past are not looked at.
    """
    attempt = tables.attempt.c
    failed = select(attempt.request_id).where(attempt.specialist == specialist, attempt.outcome == "failed")
    since = failed.where(attempt.request_id >= first_request_id(at - CLOCKS_S))
    of_another_form = failed.where(attempt.request_id < ID_PREFIX)
    return since.union_all(of_another_form)  # `OR` would have SQLite look at all of them


def arrived_after(
    connection: Connection, number: int, *, marks_until: int | None = None, limit: int = PAGE
) -> Arrived:
    """Return the next requests in the order in which they were written, whenever they began.

    Of feedback they have what came up to the number `marks_until`; what comes after it is for `marks_after`. So each
    mark is seen once: with its request, or by itself.
    """
    arrival = tables.request.c.arrival
    query = select(*_COLUMNS, arrival).where(arrival > number).order_by(arrival).limit(limit)
    rows = connection.execute(query).all()
    if not rows:
        return Arrived((), None)
    first, last = rows[0][-1], rows[-1][-1]
    return Arrived(tuple(_judged(connection, rows, arrival.between(first, last), marks_until)), last)


def newest_arrival(connection: Connection) -> int:
    """Return the number of the request that was written last; 0 where there is none."""
    return connection.scalar(select(func.max(tables.request.c.arrival))) or 0


def marks_after(
    connection: Connection, number: int, limit: int = PAGE, *, arrived: int | None = None
) -> Marks:
    """Return the next marks in the order in which they came, each with its request.

    Those of requests written after the one numbered `arrived`, which nobody has looked at yet, and of requests that
    are not known are passed over: they come with their request.
    """
    said, request = tables.feedback.c, tables.request.c
    query = select(said.id, said.request_id).where(said.id > number, said.score.is_not(None))
    rows = connection.execute(query.order_by(said.id).limit(limit)).all()
    if not rows:
        return Marks((), None)
    those = request.id.in_({id for _, id in rows})
    if arrived is not None:
        those = and_(those, request.arrival <= arrived)
    records = connection.execute(select(*_COLUMNS).where(those)).all()
    bare = {each.id: each for each in _records(connection, records, those)}
    told = _marks(connection, those, None)
    found = [_told(bare[id], told[id], mark) for mark, id in rows if id in bare]
    return Marks(tuple([each for each in found if each is not None]), rows[-1][0])


def events_after(connection: Connection, number: int, limit: int = PAGE) -> Events:
    """Return the next events that gateways noticed, in the order in which they were written."""
    event = tables.gateway_event.c
    columns = [event[name] for name in GatewayEvent.__struct_fields__]
    query = select(event.id, *columns).where(event.id > number).order_by(event.id).limit(limit)
    rows = connection.execute(query).all()
    names = GatewayEvent.__struct_fields__
    events = tuple([GatewayEvent(**dict(zip(names, row[1:], strict=True))) for row in rows])
    return Events(events, rows[-1][0] if rows else None)


def newest(connection: Connection) -> Places:
    """Return the numbers of what was written last."""
    return Places(newest_arrival(connection), newest_mark(connection), newest_event(connection))


def newest_event(connection: Connection) -> int:
    """Return the number of the event that was written last; 0 where there is none."""
    return connection.scalar(select(func.max(tables.gateway_event.c.id))) or 0


def newest_mark(connection: Connection) -> int:
    """Return the number of the feedback that came last; 0 where none ever did."""
    return connection.scalar(select(func.max(tables.feedback.c.id))) or 0


def _told(record: RequestRecord, told: _Told, mark: int) -> Judged | None:
    """Return a request with what was known when this mark came; `None` where it is not one that counts."""
    if not any(number == mark for number, _ in told):
        return None
    return Judged(record, tuple([said for number, said in told if number <= mark]))


def _judged(
    connection: Connection, rows: _Rows, those: ColumnElement[bool], marks_until: int | None
) -> list[Judged]:
    told = _marks(connection, those, marks_until)
    return [
        Judged(record, tuple([said for _, said in told.get(record.id, ())]))
        for record in _records(connection, rows, those)
    ]


def _records(connection: Connection, rows: _Rows, those: ColumnElement[bool]) -> Iterator[RequestRecord]:
    """Yield the requests of these rows, with the parts of all requests for which `those` holds."""
    parts = {name: _parts_of(connection, *of, those) for name, of in _PARTS.items()}
    for row in rows:
        values: dict[str, Any] = dict(zip(_FIELDS, row, strict=False))  # a row may end with its number
        for name, found in parts.items():
            values[name] = tuple(found.get(row[_ID], ()))
        values["moves"] = names_of(values["moves"])
        yield RequestRecord(**values)


def _parts_of(
    connection: Connection, table: Table, kind: type[msgspec.Struct], those: ColumnElement[bool]
) -> Mapping[str, list[msgspec.Struct]]:
    names = kind.__struct_fields__
    query = select(table.c.request_id, *(table.c[name] for name in names))
    query = query.join(tables.request, tables.request.c.id == table.c.request_id).where(those)
    found: dict[str, list[msgspec.Struct]] = defaultdict(list)
    for id, *values in connection.execute(query.order_by(table.c.request_id, table.c.number)):
        found[id].append(kind(**dict(zip(names, values, strict=True))))
    return found


def _marks(connection: Connection, those: ColumnElement[bool], until: int | None) -> Mapping[str, _Told]:
    """Return the last marks of each request, by its own tenant, with their numbers."""
    said, request = tables.feedback.c, tables.request.c
    newest_first = (said.received.desc(), said.id.desc())
    nth = func.row_number().over(partition_by=said.request_id, order_by=newest_first).label("nth")
    own = and_(request.id == said.request_id, request.tenant == said.tenant)
    counts = said.score.is_not(None) if until is None else and_(said.score.is_not(None), said.id <= until)
    all_of_them = (
        select(said.id, *(said[name] for name in _MARK), nth)
        .join(tables.request, own)
        .where(those, counts)
        .subquery()
    )
    last = select(all_of_them).where(all_of_them.c.nth <= MARKS)
    found: dict[str, _Told] = defaultdict(list)
    for row in connection.execute(last.order_by(all_of_them.c.received, all_of_them.c.id)):
        mark = Feedback(**{name: row[place] for place, name in enumerate(_MARK, 1)})
        found[mark.request_id].append((row[0], mark))
    return found
