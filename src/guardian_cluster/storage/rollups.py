"""What a minute of requests adds up to, and how that is added to what the database has.

A roll-up is one minute of one series (specialist, endpoint, variant, tenant, outcome): counts, sums, sums of
squares, and a histogram for each time that percentiles are asked of.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import add, attrgetter, mul
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, tuple_

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.storage import tables
from guardian_cluster.storage.histogram import Histogram, histogram_of, packed, unpacked
from guardian_cluster.storage.upsert import Row, insert_added, insert_new

MINUTE_S = 60

_measures = attrgetter(
    *("input_tokens", "output_tokens", "attempts", "verdicts", "duration_ms", "overhead_ms", "cost_usd"),
    *("first_token_ms", "quality", "intent_alignment"),
)


class Series(NamedTuple):
    """What roll-ups are kept apart by; empty where a request had none."""

    specialist: str
    endpoint: str
    variant: str
    tenant: str
    outcome: str


class Rollup(NamedTuple):
    """What some time of one series adds up to."""

    sums: Sequence[float]
    """In the order of `tables.ADDED`."""
    histograms: Sequence[Histogram]
    """In the order of `tables.HISTOGRAMS`."""

    def plus(self, other: "Rollup") -> "Rollup":
        """Return what both add up to."""
        sums = tuple(map(add, self.sums, other.sums))
        return Rollup(sums, tuple(map(add, self.histograms, other.histograms)))


Place = tuple[int, int]
"""Which roll-up: its start, and the number of its series."""

_EMPTY: tuple[Histogram, ...] = (0,) * len(tables.HISTOGRAMS)

Rollups = Mapping[tuple[int, Series], Rollup]
"""(start of the minute, series) -> its sums."""


def roll_up(records: Iterable[RequestRecord]) -> Rollups:
    """Return the sums of these requests, by minute and series."""
    groups: dict[tuple[int, Series], list[RequestRecord]] = defaultdict(list)
    for record in records:
        start = int(record.started // MINUTE_S) * MINUTE_S
        groups[start, series_of(record)].append(record)
    return {place: _rollup(group) for place, group in groups.items()}


def _rollup(records: Sequence[RequestRecord]) -> Rollup:
    tokens_in, tokens_out, attempts, verdicts, durations, overheads, costs, *optional = zip(
        *map(_measures, records), strict=True
    )
    first_tokens, qualities, alignments = map(_given, optional)
    sums = (
        len(records),
        len(first_tokens),
        len(qualities),
        len(alignments),
        sum(tokens_in),
        sum(tokens_out),
        sum(map(len, attempts)),
        sum(map(len, verdicts)),
        *_powers(durations),
        sum(overheads),
        *_powers(first_tokens),
        *_powers(qualities),
        *_powers(alignments),
        *_powers(costs),
    )
    return Rollup(sums, tuple(map(histogram_of, (durations, first_tokens, overheads))))


def series_of(record: RequestRecord) -> Series:
    """Return the series a request belongs to."""
    return Series(
        record.specialist or "",
        record.endpoint or "",
        record.variant or "",
        record.tenant,
        record.outcome,
    )


def _powers(values: Sequence[float]) -> tuple[float, float]:
    """Return the sum of some values, and that of their squares."""
    return sum(values), sum(map(mul, values, values))


def _given(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def add_rollups(connection: Connection, rollups: Rollups) -> None:
    """Add these to those in the database, in the caller's transaction; nobody else may write roll-ups meanwhile."""
    if not rollups:
        return
    ids = _series_ids(connection, sorted({series for _, series in rollups}))
    placed = {(start, ids[series]): rollup for (start, series), rollup in rollups.items()}
    known = _histograms_at(connection, list(placed))
    rows = [
        row_of(place, Rollup(sums, tuple(map(add, histograms, known.get(place, _EMPTY)))))
        for place, (sums, histograms) in placed.items()
    ]
    insert_added(connection, tables.rollup, tables.ADDED, rows, replaced=tables.HISTOGRAMS)


def row_of(place: Place, rollup: Rollup) -> Row:
    """Return a roll-up as a row."""
    start, series_id = place
    sums = zip(tables.ADDED, rollup.sums, strict=True)
    histograms = zip(tables.HISTOGRAMS, map(packed, rollup.histograms), strict=True)
    return {"start": start, "series_id": series_id, **dict(sums), **dict(histograms)}


def rollup_of(values: Sequence[Any]) -> Rollup:
    """Return a roll-up from the values of `tables.ADDED` and `tables.HISTOGRAMS`."""
    sums, histograms = values[: len(tables.ADDED)], values[len(tables.ADDED) :]
    return Rollup(sums, tuple(map(unpacked, histograms)))


def _histograms_at(connection: Connection, places: Sequence[Place]) -> Mapping[Place, tuple[Histogram, ...]]:
    rollup = tables.rollup.c
    columns = [rollup[name] for name in tables.HISTOGRAMS]
    query = select(rollup.start, rollup.series_id, *columns)
    found = connection.execute(query.where(tuple_(rollup.start, rollup.series_id).in_(places)))
    return {(start, id): tuple(map(unpacked, held)) for start, id, *held in map(tuple[Any, ...], found)}


def _series_ids(connection: Connection, wanted: Sequence[Series]) -> dict[Series, int]:
    """Return the number of each series, giving one to those that are new."""
    insert_new(connection, tables.series, [series._asdict() for series in wanted])
    columns = [tables.series.c[name] for name in Series._fields]
    found = connection.execute(select(*columns, tables.series.c.id).where(tuple_(*columns).in_(wanted)))
    return {Series._make(row[:-1]): row[-1] for row in found}
