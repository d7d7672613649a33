"""What a request is as rows of `telemetry.db`, and what those rows are as a request again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Table

from guardian_cluster.contract.records import (
    AssessmentRecord,
    AttemptRecord,
    CandidateRecord,
    ContextRecord,
    PartRecord,
    RequestRecord,
    RoutingRecord,
    ScoreRecord,
    VerdictRecord,
)
from guardian_cluster.storage import tables
from guardian_cluster.storage.upsert import Row

_NAMES = frozenset({"requirements", "failed", "shared"})
"""Fields that hold several names, which are one text in the database, joined by commas."""

_PARTS = frozenset({"attempts", "verdicts", "scores", "assessments", "parts", "routing", "context"})
"""Fields of a request that are more than one value, and so not a column of their own."""

_ROUTING = tuple(name for name in RoutingRecord.__struct_fields__ if name != "candidates")
_CONTEXT = tuple(name for name in ContextRecord.__struct_fields__ if name != "problem")
_PLAIN = tuple(name for name in RequestRecord.__struct_fields__ if name not in _PARTS)

PARTS: Mapping[Table, type[msgspec.Struct]] = {
    tables.attempt: AttemptRecord,
    tables.verdict: VerdictRecord,
    tables.score: ScoreRecord,
    tables.candidate: CandidateRecord,
    tables.assessment: AssessmentRecord,
    tables.part: PartRecord,
}
"""Every table that hangs on `request`, and what a row of it is."""


def request_row(record: RequestRecord) -> Row:
    """Return the row of a request itself."""
    row = {name: getattr(record, name) for name in _PLAIN}
    row |= _columns(record.routing, _ROUTING) | _columns(record.context, _CONTEXT)
    row["context_problem"] = None if record.context is None else record.context.problem
    for name in ("requested_model", "session", "reason", "context_problem"):
        row[name] = row[name] and plain(row[name])
    return row


def part_rows(record: RequestRecord) -> Iterator[tuple[Table, list[Row]]]:
    """Yield the rows of each table that hangs on a request."""
    routing = record.routing
    for table, parts in (
        (tables.attempt, record.attempts),
        (tables.verdict, record.verdicts),
        (tables.score, record.scores),
        (tables.candidate, routing.candidates if routing else ()),
        (tables.assessment, record.assessments),
        (tables.part, record.parts),
    ):
        if parts:
            yield table, [_part_row(part, record.id, number) for number, part in enumerate(parts)]


def request_of(row: Mapping[str, Any], parts: Callable[[Table], tuple[Any, ...]]) -> RequestRecord:
    """Return the request that was written as these rows; `parts` gives those of the other tables."""
    routing = context = None
    if row["policy"] is not None:
        values = {name: _read(name, row[name]) for name in _ROUTING}
        routing = RoutingRecord(**values, candidates=parts(tables.candidate))
    if row["history"] is not None:
        values = {name: row[name] for name in _CONTEXT}
        context = ContextRecord(**values, problem=row["context_problem"])
    return RequestRecord(
        **{name: row[name] for name in _PLAIN},
        attempts=parts(tables.attempt),
        verdicts=parts(tables.verdict),
        scores=parts(tables.score),
        assessments=parts(tables.assessment),
        parts=parts(tables.part),
        routing=routing,
        context=context,
    )


def part_of(kind: type[msgspec.Struct], values: Sequence[Any]) -> msgspec.Struct:
    """Return a part of a request from the values of its fields, in their order."""
    named = zip(kind.__struct_fields__, values, strict=True)
    return kind(**{name: _read(name, value) for name, value in named})


def plain(text: str) -> str:
    """Return text without NUL, which PostgreSQL cannot keep."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _columns(value: msgspec.Struct | None, names: Sequence[str]) -> Row:
    return {name: None if value is None else _written(name, getattr(value, name)) for name in names}


def _part_row(part: msgspec.Struct, request_id: str, number: int) -> Row:
    row = {name: _written(name, getattr(part, name)) for name in part.__struct_fields__}
    return {"request_id": request_id, "number": number} | row  # a part of a request has a number of its own


def _written(name: str, value: Any) -> Any:
    return ",".join(each.replace(",", ";") for each in value) if name in _NAMES else value


def _read(name: str, value: Any) -> Any:
    if name not in _NAMES:
        return value
    return tuple(value.split(",")) if value else ()
