"""What is asked of `telemetry.db` about detectors: their scores, what was said of those requests, and drifts.

Requests are read in the order in which they began, a page after the other, so that nothing is read twice and no page
takes long.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Table, exists, func, or_, select, tuple_

from guardian_cluster.contract.records import Feedback, GatewayEvent, RequestRecord
from guardian_cluster.storage import queries, tables
from guardian_cluster.storage.records import write_events

PAGE = 50
"""Requests looked at in one transaction: some 7 ms where each has scores, during which a batch waits."""

_SCORED = (tables.score, tables.verdict, tables.part)
_AUDITED = (tables.verdict, tables.assessment)
"""What is read of a request: two thirds of the time would go into the rest."""

WRITER = "control"
"""Under which name the control process writes events of its own; gateways have one of their own each boot."""


class Place(NamedTuple):
    """Where reading has come to: the request after this one is next."""

    started: float
    id: str = ""


class Judged(NamedTuple):
    """A request, and what its own tenant has said of it, in the order in which it came."""

    record: RequestRecord
    feedback: tuple[Feedback, ...]


class Page(NamedTuple):
    """Some requests, and where the next ones begin; `None` where there are no more."""

    requests: tuple[Judged, ...]
    place: Place | None


def scored_after(connection: Connection, place: Place, *, until: float, limit: int = PAGE) -> Page:
    """Return the requests with scores or verdicts, among the next `limit` that began before `until`.

    Of what hangs on them they have these, and their parts.
    """
    marked = or_(_hangs_on(tables.score), _hangs_on(tables.verdict))
    ids, last = _next(connection, marked, place, until, limit)
    return Page(tuple(_judged(connection, ids, _SCORED)), last)


def audited_after(connection: Connection, place: Place, *, until: float, limit: int = PAGE) -> Page:
    """Return the requests that were checked or said something of, among the next `limit` before `until`.

    Of what hangs on them they have their verdicts and assessments.
    """
    marked = or_(_hangs_on(tables.feedback), _hangs_on(tables.assessment))
    ids, last = _next(connection, marked, place, until, limit)
    return Page(tuple(_judged(connection, ids, _AUDITED)), last)


def _hangs_on(table: Table) -> ColumnElement[bool]:
    return exists().where(table.c.request_id == tables.request.c.id)


def _next(
    connection: Connection, marked: ColumnElement[bool], place: Place, until: float, limit: int
) -> tuple[list[str], Place | None]:
    request = tables.request.c
    later = tuple_(request.started, request.id) > (place.started, place.id)
    query = select(request.started, request.id, marked).where(later, request.started < until)
    rows = connection.execute(query.order_by(request.started, request.id).limit(limit)).all()
    ids = [id for _, id, is_marked in rows if is_marked]
    return ids, Place(*rows[-1][:2]) if rows else None


def _judged(connection: Connection, ids: Sequence[str], only: Collection[Table]) -> Iterable[Judged]:
    if not ids:
        return
    said = feedback_on(connection, ids)
    for record in queries.requests_by_id(connection, ids, only=only):
        yield Judged(record, tuple(said[record.id, record.tenant]))


def feedback_on(connection: Connection, ids: Sequence[str]) -> dict[tuple[str, str], list[Feedback]]:
    """Return what was said of requests in the order in which it came, by request and who said it."""
    said = tables.feedback.c
    columns = [said[name] for name in Feedback.__struct_fields__]
    query = select(*columns).where(said.request_id.in_(list(ids))).order_by(said.received, said.id)
    found: dict[tuple[str, str], list[Feedback]] = defaultdict(list)
    for row in connection.execute(query):
        feedback = Feedback(**_named(row))
        found[feedback.request_id, feedback.tenant].append(feedback)
    return found


def newest_start(connection: Connection, count: int) -> float | None:
    """Return when the oldest of the newest so many requests began; `None` where there are fewer."""
    started = tables.request.c.started
    return connection.scalar(select(started).order_by(started.desc()).offset(count - 1).limit(1))


def detectors(connection: Connection) -> set[str]:
    """Return the names of all detectors that have found or scored something."""
    return {
        name for table in (tables.verdict, tables.score)
        for name in connection.scalars(select(table.c.detector).distinct())
    }  # fmt: skip


def drifts(connection: Connection) -> dict[str, float]:
    """Return when the last drift was noted, by what drifted."""
    event = tables.gateway_event.c
    query = select(event.subject, func.max(event.at)).where(event.kind == "scores_drifted")
    return {row[0]: row[1] for row in connection.execute(query.group_by(event.subject))}


def note_drift(connection: Connection, *, subject: str, change: str, scores: int, at: float) -> None:
    """Write that a detector's scores have drifted: how, for how many scores, and when that was found."""
    event = GatewayEvent(kind="scores_drifted", at=at, subject=subject, detail=change, count=scores)
    write_events(connection, WRITER, [event])


def _named(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)  # pyright: ignore[reportPrivateUsage]  the documented way to a row's names
