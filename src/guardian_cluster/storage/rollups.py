"""What a minute of requests adds up to, and how that is added to what the database has.

A roll-up is one minute of one series (specialist, endpoint, variant, tenant, outcome): counts, sums, sums of
squares, and a histogram for each time that percentiles are asked of.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select, tuple_

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.storage import tables
from guardian_cluster.storage.histogram import bucket_of
from guardian_cluster.storage.upsert import Row, insert_added, insert_new

MINUTE_S = 60


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
    columns = zip(*map(_summands, records), strict=True)
    first_tokens = [record.first_token_ms for record in records if record.first_token_ms is not None]
    times = {
        "duration": [record.duration_ms for record in records],
        "overhead": [record.overhead_ms for record in records],
        "first_token": first_tokens,
    }
    buckets = {measure: Counter(map(bucket_of, values)) for measure, values in times.items()}
    histogram = {(measure, bucket): n for measure, counts in buckets.items() for bucket, n in counts.items()}
    return Rollup([sum(column) for column in columns], histogram)


def series_of(record: RequestRecord) -> Series:
    """Return the series a request belongs to."""
    return Series(
        record.specialist or "",
        record.endpoint or "",
        record.variant or "",
        record.tenant,
        record.outcome,
    )


def _summands(record: RequestRecord) -> tuple[float, ...]:
    """Return what one request adds to each column of `tables.ADDED`."""
    return (
        1,
        record.first_token_ms is not None,
        record.quality is not None,
        record.intent_alignment is not None,
        record.input_tokens,
        record.output_tokens,
        len(record.attempts),
        len(record.verdicts),
        *_powers(record.duration_ms),
        record.overhead_ms,
        *_powers(record.first_token_ms),
        *_powers(record.quality),
        *_powers(record.intent_alignment),
        *_powers(record.cost_usd),
    )


def _powers(value: float | None) -> tuple[float, float]:
    return (0.0, 0.0) if value is None else (value, value * value)


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
