"""Effects of steps on a database, made once under the step's key, and counted there."""

import asyncio
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import event

from guardian_cluster.domain.clock import SystemClock

_metadata = sa.MetaData()
_effect = sa.Table(
    "effect",
    _metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("run", sa.Text, nullable=False, index=True),
    sa.Column("executor", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
_total = sa.Table(
    "total",
    _metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("amount", sa.Integer, nullable=False),
)


class Done(NamedTuple):
    """One effect, by whom, and when on this machine's clock."""

    key: str
    executor: str
    at: float


class Effects:
    """The effects of all runs: a row for each key, and what they sum up to for each run."""

    def __init__(self, place: Path | str) -> None:
        url = sa.URL.create("sqlite", database=str(place)) if isinstance(place, Path) else sa.make_url(place)
        if not isinstance(place, Path):
            url = url.set(drivername="postgresql+psycopg")
        self._database = sa.create_engine(url)
        if isinstance(place, Path):
            event.listen(self._database, "connect", _set_up_file)

    def create(self) -> None:
        """Make the tables."""
        _metadata.create_all(self._database)

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()

    async def make(self, key: str, executor: str) -> bool:
        """Make an effect, unless it was made; both in one transaction. Tell whether it was new."""
        return await asyncio.to_thread(partial(self._make, key, executor))

    def _make(self, key: str, executor: str) -> bool:
        run = key.rsplit(":", 2)[0]
        insert = _insert(self._database)
        with self._database.begin() as connection:
            row = {"key": key, "run": run, "executor": executor, "at": SystemClock().now()}
            new = insert(_effect).values(row).on_conflict_do_nothing().returning(_effect.c.key)
            if connection.scalar(new) is None:
                return False
            first = insert(_total).values(run=run, amount=1)
            more = {"amount": _total.c.amount + 1}
            connection.execute(first.on_conflict_do_update(index_elements=["run"], set_=more))
            return True

    def amount(self, run: str) -> int:
        """Return how many effects a run had."""
        with self._database.begin() as connection:
            return connection.scalar(sa.select(_total.c.amount).where(_total.c.run == run)) or 0

    def of(self, run: str) -> list[Done]:
        """Return a run's effects, oldest first."""
        columns = (_effect.c.key, _effect.c.executor, _effect.c.at)
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(*columns).where(_effect.c.run == run).order_by(_effect.c.at))
            return [Done(*row) for row in rows]


def _insert(database: sa.Engine) -> Any:
    from sqlalchemy.dialects import postgresql, sqlite

    return sqlite.insert if database.dialect.name == "sqlite" else postgresql.insert


def _set_up_file(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA busy_timeout = 10000")
