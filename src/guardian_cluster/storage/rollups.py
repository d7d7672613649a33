"""What a minute of requests adds up to, and how that is added to what the database has.

A roll-up is one minute of one series (specialist, endpoint, variant, tenant, outcome): counts, sums, sums of
squares, and a histogram for each time that percentiles are asked of.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter, mul
from typing import NamedTuple

from sqlalchemy import Connection, select, tuple_

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.storage import tables
from guardian_cluster.storage.histogram import bucket_of
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
    """The sums of one minute of one series."""

    sums: Sequence[float]
    """In the order of `tables.ADDED`."""
    histogram: Mapping[tuple[str, int], int]
    """(measure, bucket) -> how many."""


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
    times = {"duration": durations, "overhead": overheads, "first_token": first_tokens}
    buckets = {measure: Counter(map(bucket_of, values)) for measure, values in times.items()}
    histogram = {(measure, bucket): n for measure, counts in buckets.items() for bucket, n in counts.items()}
    return Rollup(sums, histogram)


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
    """Add these sums to those in the database, in the caller's transaction."""
    if not rollups:
        return
    ids = _series_ids(connection, sorted({series for _, series in rollups}))
    sums: list[Row] = []
    buckets: list[Row] = []
    for (start, series), rollup in rollups.items():
        place: Row = {"start": start, "series_id": ids[series]}
        sums.append(place | dict(zip(tables.ADDED, rollup.sums, strict=True)))
        for (measure, bucket), n in rollup.histogram.items():
            buckets.append(place | {"measure": measure, "bucket": bucket, "n": n})
    insert_added(connection, tables.rollup, tables.ADDED, sums)
    insert_added(connection, tables.rollup_histogram, ["n"], buckets)


def _series_ids(connection: Connection, wanted: Sequence[Series]) -> dict[Series, int]:
    """Return the number of each series, giving one to those that are new."""
    insert_new(connection, tables.series, [series._asdict() for series in wanted])
    columns = [tables.series.c[name] for name in Series._fields]
    found = connection.execute(select(*columns, tables.series.c.id).where(tuple_(*columns).in_(wanted)))
    return {Series._make(row[:-1]): row[-1] for row in found}
