"""Writes a batch of reports in one transaction: rows, roll-ups, spending, and the mark that it was taken.

All of a batch is on disk or none of it, and each batch is taken once however often it is sent
(docs/design/storage.md).
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from types import UnionType
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import inspect
from sqlalchemy import Connection, Table, bindparam, func, select, tuple_

from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import Feedback, GatewayEvent, Payload, RequestRecord, Spend
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.storage import tables
from guardian_cluster.storage.rollups import add_rollups, roll_up
from guardian_cluster.storage.rows import PART_COLUMNS, REQUEST_COLUMNS, part_rows, plain, request_values
from guardian_cluster.storage.upsert import Row, Values, insert, insert_added, insert_new, insert_values

_Kind = TypeVar("_Kind", bound=msgspec.Struct)

DAY_S = 86_400

_KNOWN = select(tables.request.c.id).where(tables.request.c.id.in_(bindparam("ids", expanding=True)))

_COLUMNS = (*REQUEST_COLUMNS, "arrival")

LARGEST = 253_402_300_800
"""The end of the year 9999 in Unix seconds, and more than any count, time or price of one request can be. A
number beyond it, an infinity or not-a-number would spoil every sum it enters, for good."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch."""

    duplicate: bool = False
    """It had been taken before; nothing was written."""
    spend: tuple[Spend, ...] = ()
    """What the keys of the batch have spent, all told."""
    refused: int = 0
    """Reports with impossible numbers, or that could not be read; an event says so in the database."""
    requests: Sequence[RequestRecord] = ()
    """Those that were new."""
    feedback: Sequence[Feedback] = ()


def write_batch(connection: Connection, batch: Batch, *, now: float, policy: RecordPolicy) -> Written:
    """Write a batch in the caller's transaction, unless it was taken before.

    A request whose id is known is passed over, and counts nowhere. Payloads are kept only while `policy`
    keeps bodies: those of a spool may be older than the operator's decision against it.
    """
    if not _take(connection, batch.id, now):
        return Written(duplicate=True)
    requests = _storable(batch.requests)
    payloads = _storable(batch.payloads)
    feedback = _storable(batch.feedback)
    events = _storable(batch.events)
    kept = len(requests) + len(payloads) + len(feedback) + len(events)
    sent = len(batch.requests) + len(batch.payloads) + len(batch.feedback) + len(batch.events)
    refused = batch.unreadable + sent - kept
    fresh = _unknown(connection, requests)
    spend = _write_requests(connection, fresh)
    if policy.bodies != "off":
        insert_new(connection, tables.payload, [_payload_row(item, policy) for item in payloads])
    insert_new(connection, tables.feedback, [_feedback_row(item) for item in feedback])
    write_events(connection, batch.id.boot_id, [*events, *_refusal(refused, now)])
    return Written(spend=spend, refused=refused, requests=fresh, feedback=feedback)


def refuse_batch(connection: Connection, batch: Batch, *, now: float) -> Written:
    """Take a batch without writing its reports, which the database will not have; only an event counts them.

    Without this one impossible report would be sent again for ever, and hold up all that follow it.
    """
    if not _take(connection, batch.id, now):
        return Written(duplicate=True)
    sent = len(batch.requests) + len(batch.payloads) + len(batch.feedback) + len(batch.events)
    refused = sent + batch.unreadable
    write_events(connection, batch.id.boot_id, _refusal(refused, now))
    return Written(refused=refused)


def write_events(connection: Connection, boot_id: str, events: Iterable[GatewayEvent]) -> None:
    """Write what a gateway noticed."""
    insert_new(connection, tables.gateway_event, [_event_row(event, boot_id) for event in events])


def month_of(unix_s: float) -> str:
    """Return the calendar month (UTC) in which spending at this time counts, as in `2026-11`."""
    return time.strftime("%Y-%m", time.gmtime(unix_s))


def _take(connection: Connection, id: BatchId, now: float) -> bool:
    """Raise the stream's mark to this batch; false where it is there or above."""
    statement = insert(connection, tables.batch)
    row = {"boot_id": id.boot_id, "spooled": id.spooled, "sequence": id.sequence, "received": now}
    newer = statement.on_conflict_do_update(
        index_elements=[tables.batch.c.boot_id, tables.batch.c.spooled],
        set_={"sequence": statement.excluded.sequence, "received": statement.excluded.received},
        where=tables.batch.c.sequence < statement.excluded.sequence,
    )
    # Asked for by name: with PostgreSQL, SQLAlchemy says -1 of inserts otherwise.
    return connection.execute(newer, row, execution_options={"preserve_rowcount": True}).rowcount > 0


def _write_requests(connection: Connection, fresh: Sequence[RequestRecord]) -> tuple[Spend, ...]:
    first = _next_arrival(connection) if fresh else 0
    rows = [(*request_values(record), first + place) for place, record in enumerate(fresh)]
    insert_values(connection, tables.request, _COLUMNS, rows)
    parts: dict[Table, list[Values]] = defaultdict(list)
    for record in fresh:
        for table, rows in part_rows(record):
            parts[table] += rows
    for table, rows in parts.items():
        insert_values(connection, table, PART_COLUMNS[table], rows)
    add_rollups(connection, roll_up(fresh))
    return _add_spend(connection, fresh)


def _next_arrival(connection: Connection) -> int:
    """Return the number of the next request to be written; there is one writer."""
    return (connection.scalar(select(func.max(tables.request.c.arrival))) or 0) + 1


def _unknown(connection: Connection, requests: Sequence[RequestRecord]) -> Sequence[RequestRecord]:
    """Return the requests whose ids are new, the first of each."""
    first = {record.id: record for record in reversed(requests)}
    if not first:
        return ()
    for id in connection.scalars(_KNOWN, {"ids": list(first)}):
        del first[id]
    return [record for record in requests if first.get(record.id) is record]


def _add_spend(connection: Connection, requests: Sequence[RequestRecord]) -> tuple[Spend, ...]:
    costs: dict[tuple[str, str], float] = defaultdict(float)
    for record in requests:
        if record.key is not None and record.cost_usd:
            costs[record.key, month_of(record.started)] += record.cost_usd
    if not costs:
        return ()
    rows = [{"key": key, "month": month, "usd": usd} for (key, month), usd in costs.items()]
    insert_added(connection, tables.spend, ["usd"], rows)
    spend = tables.spend.c
    found = connection.execute(select(tables.spend).where(tuple_(spend.key, spend.month).in_(list(costs))))
    return tuple(Spend(key=row.key, month=row.month, usd=row.usd) for row in found)


def _payload_row(payload: Payload, policy: RecordPolicy) -> Row:
    row = msgspec.structs.asdict(payload)
    row["response_text"] = plain(payload.response_text)
    row["expires"] = payload.recorded + policy.bodies_days * DAY_S
    return row


def _feedback_row(feedback: Feedback) -> Row:
    row = msgspec.structs.asdict(feedback)
    return {name: plain(value) if isinstance(value, str) else value for name, value in row.items()}


def _event_row(event: GatewayEvent, boot_id: str) -> Row:
    row = msgspec.structs.asdict(event)
    return row | {"boot_id": boot_id, "detail": plain(event.detail)}


def _refusal(count: int, now: float) -> list[GatewayEvent]:
    if not count:
        return []
    return [GatewayEvent(kind="dropped", at=now, subject="refused", count=count)]


def _storable(reports: Sequence[_Kind]) -> Sequence[_Kind]:
    return [report for report in reports if _fits(report)]


def _fits(report: msgspec.Struct) -> bool:
    """Tell whether the numbers in a report can be added up; not-a-number fails the comparison."""
    fields = _fields_of(type(report))
    if not sum(map(abs, filter(None, fields.numbers(report)))) < LARGEST:
        return False
    parts = [part for part in fields.structs(report) if part is not None]
    for several in fields.tuples(report):
        parts += several
    return all(map(_fits, parts))


_Reader = Callable[[msgspec.Struct], Sequence[Any]]
_NumberReader = Callable[[msgspec.Struct], Sequence[float | None]]


class _Fields(NamedTuple):
    """Reads the fields of a report: its numbers, what holds a further struct, and what holds several."""

    numbers: _NumberReader
    structs: _Reader
    tuples: _Reader


@lru_cache
def _fields_of(kind: type[msgspec.Struct]) -> _Fields:
    """Return which fields of a kind of report are numbers, and which hold a further struct or several."""
    types = {field.name: inspect.type_info(field.type) for field in msgspec.structs.fields(kind)}
    return _Fields(
        numbers=_reader(
            [name for name, of in types.items() if _may_be(of, inspect.IntType | inspect.FloatType)]
        ),
        structs=_reader([name for name, of in types.items() if _may_be(of, inspect.StructType)]),
        tuples=_reader([name for name, of in types.items() if _holds_structs(of)]),
    )


def _reader(names: Sequence[str]) -> _Reader:
    if len(names) > 1:
        return attrgetter(*names)  # by far the quickest, but it gives a single value by itself
    return lambda report: [getattr(report, name) for name in names]


def _holds_structs(of: inspect.Type) -> bool:
    return isinstance(of, inspect.VarTupleType) and isinstance(of.item_type, inspect.StructType)


def _may_be(of: inspect.Type, wanted: type[inspect.Type] | UnionType) -> bool:
    choices = of.types if isinstance(of, inspect.UnionType) else (of,)
    return any(isinstance(choice, wanted) for choice in choices)
