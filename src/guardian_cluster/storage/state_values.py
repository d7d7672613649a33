"""What a value of `domain` is as bytes in a row of `state.db`, and what rows are as values again.

MessagePack rather than JSON: numbers that are infinite or not a number come back as they were. A field that a newer
version has added takes its default; a row that cannot be read is passed over and logged, and harms no other.
"""

import logging
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, select

from guardian_cluster.storage.rows import plain
from guardian_cluster.storage.upsert import Row

log = logging.getLogger("guardian.storage")

Value = TypeVar("Value", bound=msgspec.Struct)

MOST = 1_000
"""Values returned to one question, whatever its limit, unless all are needed: some MB."""


class Values(Generic[Value]):
    """The rows of one table, as values of one kind."""

    def __init__(self, table: Table, kind: type[Value]) -> None:
        self.table = table
        self._kind = kind

    def row(self, value: Value, **columns: Any) -> Row:
        """Return the row of a value; texts that others have written lose what PostgreSQL cannot keep."""
        named = {name: plain(each) if isinstance(each, str) else each for name, each in columns.items()}
        return named | {"value": msgspec.msgpack.encode(value)}

    def of(self, rows: Iterable[bytes]) -> list[Value]:
        """Return the values that can be read."""
        read = [self._read(row) for row in rows]
        if unreadable := sum(value is None for value in read):
            facts = {"table": self.table.name, "count": unreadable}
            log.warning("rows of state cannot be read and are passed over", extra=facts)
        return [value for value in read if value is not None]

    def by_id(self, connection: Connection, id: str, *, to_change: bool = False) -> Value | None:
        """Return one value; `to_change` keeps others from changing it until the transaction ends."""
        query = select(self.table.c.value).where(self.table.c.id == id)
        rows = connection.scalars(query.with_for_update() if to_change else query)
        return next(iter(self.of(rows)), None)

    def newest(
        self,
        connection: Connection,
        by: str,
        *,
        where: Iterable[ColumnElement[bool]] = (),
        limit: int | None,
        most: int = MOST,
    ) -> list[Value]:
        """Return values, newest first by a column of time: `limit` and `most` at the most, or (`None`) all."""
        columns = self.table.c
        query = select(columns.value).where(*where).order_by(columns[by].desc(), columns.id.desc())
        return self.of(connection.scalars(query if limit is None else query.limit(max(0, min(limit, most)))))

    def _read(self, row: bytes) -> Value | None:
        try:
            return _decoder(self._kind).decode(row)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


@lru_cache
def _decoder(kind: type[Value]) -> msgspec.msgpack.Decoder[Value]:
    return msgspec.msgpack.Decoder(kind)
