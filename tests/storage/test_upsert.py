from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from guardian_cluster.storage import tables
from guardian_cluster.storage.upsert import added, insert, insert_new


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_both_databases_add_to_what_they_have(dialect: Any) -> None:
    connection: Any = SimpleNamespace(dialect=dialect)

    statement = str(added(insert(connection, tables.spend), ["usd"]).compile(dialect=dialect))

    assert "month) DO UPDATE SET usd = (spend.usd + excluded.usd)" in statement


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_both_databases_pass_over_what_they_have(dialect: Any) -> None:
    connection: Any = SimpleNamespace(dialect=dialect)

    assert "ON CONFLICT DO NOTHING" in str(insert_new(connection, tables.request).compile(dialect=dialect))
