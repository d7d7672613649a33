"""What a request is as rows of `telemetry.db`, and what those rows are as a request again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
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
from guardian_cluster.storage.upsert import Values

_NAMES = frozenset({"requirements", "failed", "shared", "moves"})
"""Fields that hold several names, which are one text in the database, joined by commas."""

_PARTS = frozenset({"attempts", "verdicts", "scores", "assessments", "parts", "routing", "context", "moves"})
"""Fields of a request that are more than one value, and so not a column as they are."""

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


PART_COLUMNS: Mapping[Table, tuple[str, ...]] = {
    table: ("request_id", "number", *(name for name in kind.__struct_fields__ if name != "number"))
    for table, kind in PARTS.items()
}
"""Names of the values that `part_rows` gives of each."""

REQUEST_COLUMNS = (*_PLAIN, *_ROUTING, *_CONTEXT, "context_problem", "moves")

_plain_values = attrgetter(*_PLAIN)
_context_values = attrgetter(*_CONTEXT, "problem")
_NO_ROUTING = (None,) * len(_ROUTING)
_NO_CONTEXT = (None,) * (len(_CONTEXT) + 1)
_FREE_TEXTS = tuple(map(REQUEST_COLUMNS.index, ("requested_model", "session", "reason", "context_problem")))
"""Places of what others have written."""


def request_values(record: RequestRecord) -> Values:
    """Return the values of `REQUEST_COLUMNS` for a request itself."""
    routing, context = record.routing, record.context
    values = (
        *_plain_values(record),
        *(_NO_ROUTING if routing is None else [_written(name, getattr(routing, name)) for name in _ROUTING]),
        *(_NO_CONTEXT if context is None else _context_values(context)),
        _written("moves", record.moves),
    )
    if not [place for place in _FREE_TEXTS if (text := values[place]) and "\0" in text]:
        return values
    return tuple(
        [plain(value) if place in _FREE_TEXTS and value else value for place, value in enumerate(values)]
    )


def part_rows(record: RequestRecord) -> Iterator[tuple[Table, list[Values]]]:
    """Yield the values of each table that hangs on a request."""
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
            values_of = _values_of[table]
            yield table, [(record.id, *values_of(number, part)) for number, part in enumerate(parts)]


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
        moves=names_of(row["moves"]),
    )


def names_of(joined: str | None) -> tuple[str, ...]:
    """Return the names that one text of the database holds."""
    return tuple(joined.split(",")) if joined else ()


def part_of(kind: type[msgspec.Struct], values: Sequence[Any]) -> msgspec.Struct:
    """Return a part of a request from the values of its fields, in their order."""
    named = zip(kind.__struct_fields__, values, strict=True)
    return kind(**{name: _read(name, value) for name, value in named})


def plain(text: str) -> str:
    """Return text without NUL, which PostgreSQL cannot keep."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _reader(names: tuple[str, ...]) -> Callable[[int, msgspec.Struct], list[Any]]:
    """Return what reads the fields of a part, its number first: its own, where it has one."""
    read = attrgetter(*names)
    joined = [place for place, name in enumerate(names) if name in _NAMES]

    def values_of(number: int, part: msgspec.Struct) -> list[Any]:
        values = [getattr(part, "number", number), *read(part)]
        for place in joined:
            values[1 + place] = _written(names[place], values[1 + place])
        return values

    return values_of


_values_of = {table: _reader(columns[2:]) for table, columns in PART_COLUMNS.items()}


def _written(name: str, value: Any) -> Any:
    return ",".join(each.replace(",", ";") for each in value) if name in _NAMES else value


def _read(name: str, value: Any) -> Any:
    return names_of(value) if name in _NAMES else value
