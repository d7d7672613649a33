"""Who is alive among the processes of one PostgreSQL: each says so every second, and is dead after three without.

By the database's clock alone; a process that finds its own lease lapsed may have been taken for dead, and its runs
over. It beats in a thread of its own, so that a busy event loop is not taken for a dead process.
"""

import logging
import threading
import time

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from guardian_cluster.engine.database import SCHEMA, first_line

log = logging.getLogger("guardian.engine")

BEAT_S = 0.75
TTL_S = 3.0
"""Four beats: one or two may be late on a busy machine, and what a dead process left is still taken over in five
seconds."""

_KEPT_S = 3_600.0
_CREATION_LOCK = 7_313_405_591_127
"""Of the transaction that makes the table: two that did so at once would fail, IF NOT EXISTS or not."""

_LEASE = f"{SCHEMA}.lease"
_NOW = "extract(epoch FROM clock_timestamp())"
_CREATE = (
    f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})",
    f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
    f"CREATE TABLE IF NOT EXISTS {_LEASE} (executor text PRIMARY KEY, expires double precision NOT NULL)",
)
_RENEW = f"UPDATE {_LEASE} SET expires = {_NOW} + :ttl WHERE executor = :executor AND expires > {_NOW}"
_TAKE = f"""
INSERT INTO {_LEASE} (executor, expires) VALUES (:executor, {_NOW} + :ttl)
ON CONFLICT (executor) DO UPDATE SET expires = excluded.expires
"""
_LIVE = f"SELECT executor FROM {_LEASE} WHERE expires > {_NOW}"
_DROP = f"DELETE FROM {_LEASE} WHERE executor = :executor OR expires < {_NOW} - {_KEPT_S}"


class Lease:
    """The lease of this process, over connections of its own."""

    def __init__(self, executor: str, database: sa.Engine) -> None:
        self._executor = executor
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="guardian-lease", daemon=True)
        self._valid_until = 0.0
        self._held_since = 0.0
        self.lapses = 0
        """How often it was over before it was renewed."""

    def take(self) -> None:
        """Take the lease and keep it from then on. Raises SQLAlchemyError."""
        with self._database.begin() as connection:
            for statement in _CREATE:
                connection.execute(sa.text(statement))
        self._beat()
        self.lapses = 0
        self._thread.start()

    @property
    def is_held(self) -> bool:
        """Whether nobody can have taken this process for dead."""
        return now() < self._valid_until

    @property
    def is_kept(self) -> bool:
        """Whether somebody still sees to it."""
        return self._thread.is_alive()

    @property
    def held_for_s(self) -> float:
        """How long it has been held without a gap; 0 where it is not."""
        return now() - self._held_since if self.is_held else 0.0

    def live(self) -> set[str]:
        """Return who is alive. Raises SQLAlchemyError."""
        with self._database.begin() as connection:
            return set(connection.scalars(sa.text(_LIVE)))

    def close(self) -> None:
        """Renew it no more, and let go of its connections."""
        self.stop()
        self._database.dispose()

    def stop(self) -> None:
        """Renew it no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=TTL_S)
        self._valid_until = 0.0

    def give_back(self) -> None:
        """End it, so that nobody has to wait for it to run out. Raises SQLAlchemyError."""
        self.stop()
        with self._database.begin() as connection:
            connection.execute(sa.text(_DROP), {"executor": self._executor})

    def _beat_on(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                self._beat()
            except SQLAlchemyError as error:
                log.warning("the lease could not be renewed", extra={"reason": first_line(error)})
            except Exception:  # nobody would hear of it in a thread; who watches sees that it ended
                log.exception("the lease is not renewed any more")
                return

    def _beat(self) -> None:
        before, was_held = now(), self.is_held
        facts = {"executor": self._executor, "ttl": TTL_S}
        with self._database.begin() as connection:
            renewed = connection.execute(sa.text(_RENEW), facts).rowcount > 0
            if not renewed:
                connection.execute(sa.text(_TAKE), facts)
        if not (renewed and was_held):
            self.lapses += 1
            self._held_since = now()
        self._valid_until = before + TTL_S


def now() -> float:
    """Return seconds that go on while the machine sleeps, as the others' do."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
