"""`INSERT .. ON CONFLICT`, which SQLite and PostgreSQL both have and SQLAlchemy spells once for each."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]
"""The values of one row, by the names of their columns."""

Values = tuple[Any, ...]
"""The values of one row, in the order of columns that are named beside them: half of the cost of a `Row`."""

Insert = sqlite.Insert | postgresql.Insert


def insert(connection: Connection, table: Table) -> Insert:
    """Return an insert into `table` in the words of the connection's database."""
    return _insert(connection.dialect, table)


def _insert(dialect: Dialect, table: Table) -> Insert:
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, each with every column that has no default; pass over those which exist already."""
    if rows:
        connection.exec_driver_sql(new_sql(table, tuple(rows[0]), connection.dialect), list(rows))


def insert_values(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Values]
) -> None:
    """Do as `insert_new` does with rows that hold the values of `columns`; what is no column is left out."""
    if rows:
        statement, in_order = values_sql(table, columns, connection.dialect)
        connection.exec_driver_sql(statement, list(map(in_order, rows)) if in_order else list(rows))


def insert_added(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    replaced: Sequence[str] = (),
) -> None:
    """Insert rows with every column, or add `columns` to the row with the same primary key and replace others."""
    if rows:
        statement = added_sql(table, tuple(columns), connection.dialect, tuple(replaced))
        connection.exec_driver_sql(statement, list(rows))


# Compiled once, and executed by the driver: to build and look up a statement costs SQLAlchemy 0.3 ms, and to
# look at every value of every row takes it longer than SQLite needs to write them.
@lru_cache(maxsize=64)
def new_sql(table: Table, columns: tuple[str, ...], dialect: Dialect) -> str:
    """Return the text of an insert that passes over rows which exist already."""
    statement = _insert(dialect, table).on_conflict_do_nothing()
    return str(statement.compile(dialect=dialect, column_keys=columns))


@lru_cache(maxsize=64)
def values_sql(
    table: Table, columns: tuple[str, ...], dialect: Dialect
) -> tuple[str, Callable[[Values], Values] | None]:
    """Return such an insert of values by their places, and what brings those of `columns` into its order, if needed."""
    style: Any = {"sqlite": "qmark"}.get(dialect.name, "format")
    kind: Any = type(dialect)
    by_place: Dialect = kind(paramstyle=style)
    statement = (
        _insert(dialect, table).on_conflict_do_nothing().compile(dialect=by_place, column_keys=columns)
    )
    places: Sequence[str] = statement.positiontup or ()  # type: ignore[attr-defined]
    if tuple(places) == columns:
        return str(statement), None
    return str(statement), itemgetter(*map(columns.index, places))


@lru_cache(maxsize=64)
def added_sql(
    table: Table, columns: tuple[str, ...], dialect: Dialect, replaced: tuple[str, ...] = ()
) -> str:
    """Return the text of such an insert."""
    statement = _insert(dialect, table)
    values = {name: table.c[name] + statement.excluded[name] for name in columns}
    values |= {name: statement.excluded[name] for name in replaced}
    adding = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)
    return str(adding.compile(dialect=dialect))
