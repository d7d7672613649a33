"""Histograms as bytes in the roll-ups that they belong to, instead of a row for each bucket."""

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_MEASURES = ("duration", "first_token", "overhead")
_COLUMNS = tuple(f"{measure}_histogram" for measure in _MEASURES)

_PLACE_BYTES, _COUNT_BYTES = 2, 5
"""Of the first bucket's number, and of each count from there on, little-endian: as `histogram.packed` began with."""

_AT_ONCE = 1_000
"""Rows of each side that are in memory."""

_rollup = sa.table("rollup", *map(sa.column, ("start", "series_id", *_COLUMNS)))
_bucket = sa.table(
    "rollup_histogram", *map(sa.column, ("start", "series_id", "measure", "bucket", "n"))
)  # fmt: skip


def upgrade() -> None:
    """Add the columns, and fill them with what the table of buckets has."""
    # An empty text is no empty bytes to SQLite, which keeps whatever it is given.
    nothing = sa.text("x''" if op.get_bind().dialect.name == "sqlite" else "''")
    for name in _COLUMNS:
        op.add_column("rollup", sa.Column(name, sa.LargeBinary, nullable=False, server_default=nothing))
    at = (_rollup.c.start == sa.bindparam("at"), _rollup.c.series_id == sa.bindparam("of"))
    _in_chunks(sa.update(_rollup).where(*at), _packed_rows())
    op.drop_table("rollup_histogram")


def downgrade() -> None:
    """Make the table of buckets again from the columns."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "rollup_histogram",
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("series_id", number, nullable=False),
        sa.Column("measure", sa.Text, nullable=False),
        sa.Column("bucket", sa.Integer, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("start", "series_id", "measure", "bucket", name="pk_rollup_histogram"),
        sqlite_with_rowid=False,
    )
    _in_chunks(sa.insert(_bucket), _bucket_rows())
    for name in _COLUMNS:
        op.drop_column("rollup", name)


def _in_chunks(statement: sa.Insert | sa.Update, rows: Iterator[dict[str, Any]]) -> None:
    while chunk := list(islice(rows, _AT_ONCE)):
        op.get_bind().execute(statement, chunk)


def _read(query: sa.Select[Any]) -> sa.CursorResult[Any]:
    return op.get_bind().execute(query, execution_options={"yield_per": _AT_ONCE})


def _packed_rows() -> Iterator[dict[str, Any]]:
    """Yield the histograms of each roll-up that has one."""
    found = _read(sa.select(_bucket).order_by(*_bucket.c))
    for (start, series_id), of_rollup in groupby(found, lambda row: (row.start, row.series_id)):
        row: dict[str, Any] = {"at": start, "of": series_id, **dict.fromkeys(_COLUMNS, b"")}
        for measure, buckets in groupby(of_rollup, lambda row: row.measure):
            row[f"{measure}_histogram"] = _packed((bucket.bucket, bucket.n) for bucket in buckets)
        yield row


def _packed(buckets: Iterable[tuple[int, int]]) -> bytes:
    counts = dict(buckets)
    first, last = min(counts), max(counts)
    lanes = [counts.get(bucket, 0).to_bytes(_COUNT_BYTES, "little") for bucket in range(first, last + 1)]
    return first.to_bytes(_PLACE_BYTES, "little") + b"".join(lanes).rstrip(b"\0")


def _bucket_rows() -> Iterator[dict[str, Any]]:
    """Yield a row for each bucket of each roll-up."""
    for start, series_id, *histograms in map(tuple[Any, ...], _read(sa.select(_rollup))):
        for measure, data in zip(_MEASURES, histograms, strict=True):
            place = {"start": start, "series_id": series_id, "measure": measure}
            yield from ({**place, "bucket": bucket, "n": n} for bucket, n in _unpacked(data))


def _unpacked(data: bytes) -> Iterator[tuple[int, int]]:
    first = int.from_bytes(data[:_PLACE_BYTES], "little")
    for bucket, place in enumerate(range(_PLACE_BYTES, len(data), _COUNT_BYTES), first):
        if n := int.from_bytes(data[place : place + _COUNT_BYTES], "little"):
            yield bucket, n
