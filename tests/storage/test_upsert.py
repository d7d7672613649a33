from typing import Any

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from guardian_cluster.storage import tables
from guardian_cluster.storage.upsert import added_sql, new_sql

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
def test_both_databases_pass_over_what_they_have(dialect: Any, value: str) -> None:
    statement = new_sql(tables.spend, ("key", "month", "usd"), dialect)

    assert statement.endswith("ON CONFLICT DO NOTHING")
    assert value in statement
