"""`INSERT .. ON CONFLICT`, which SQLite and PostgreSQL both have and SQLAlchemy spells once for each."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]
"""The values of one row, by the names of their columns."""

Insert = sqlite.Insert | postgresql.Insert


def insert(connection: Connection, table: Table) -> Insert:
    """Return an insert into `table` in the words of the connection's database."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_new(connection: Connection, table: Table) -> Insert:
    """Return an insert that passes over rows which exist already."""
    return insert(connection, table).on_conflict_do_nothing()


def added(statement: Insert, columns: Iterable[str]) -> Insert:
    """Return the insert so that it adds `columns` to the row with its primary key, if there is one."""
    table: Any = statement.table
    sums = {name: table.c[name] + statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=sums)
