from typing import Any

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from guardian_cluster.storage import tables
from guardian_cluster.storage.upsert import added_sql, new_sql, values_sql

BOTH = pytest.mark.parametrize(
    ("dialect", "value"),
    [(sqlite.dialect(paramstyle="named"), ":usd"), (postgresql.dialect(), "%(usd)s")],
)


@BOTH
def test_both_databases_add_to_what_they_have(dialect: Any, value: str) -> None:
    statement = added_sql(tables.spend, ("usd",), dialect)

    assert "month) DO UPDATE SET usd = (spend.usd + excluded.usd)" in statement
    assert value in statement


@BOTH
def test_columns_that_do_not_add_up_are_replaced(dialect: Any, value: str) -> None:
    statement = added_sql(tables.spend, (), dialect, ("usd",))

    assert "month) DO UPDATE SET usd = excluded.usd" in statement
    assert value in statement


@BOTH
def test_both_databases_pass_over_what_they_have(dialect: Any, value: str) -> None:
    statement = new_sql(tables.spend, ("key", "month", "usd"), dialect)

    assert statement.endswith("ON CONFLICT DO NOTHING")
    assert value in statement


@pytest.mark.parametrize("dialect", [sqlite.dialect(paramstyle="named"), postgresql.dialect()])
def test_values_by_their_places_come_in_the_order_of_the_table_and_what_is_no_column_is_left_out(
    dialect: Any,
):
    columns = ("usd", "unheard_of", "month", "key")

    statement, in_order = values_sql(tables.spend, columns, dialect)

    assert "month, usd) VALUES (" in statement
    assert statement.endswith("ON CONFLICT DO NOTHING")
    assert in_order is not None
    assert in_order((0.5, "x", "2026-11", "k")) == ("k", "2026-11", 0.5)


def test_values_that_are_in_order_are_taken_as_they_are():
    statement, in_order = values_sql(
        tables.spend, ("key", "month", "usd"), sqlite.dialect(paramstyle="named")
    )

    assert statement.count("?") == 3
    assert in_order is None
