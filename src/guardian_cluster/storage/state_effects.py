"""What was done once: an effect and the mark that it was made are in one transaction, so neither is without the other.

A step of a workflow may be done twice, where its process ended between the effect and the note of it
(docs/design/engine.md); the second time its key is known and nothing happens.
"""

from sqlalchemy import Connection, func, select, update

from guardian_cluster.storage.state_tables import effect
from guardian_cluster.storage.upsert import insert

_LOCKS = 0x67756174
"""Tells our locks apart from those of other programs on the same PostgreSQL."""


def once(connection: Connection, key: str, *, at: float) -> bool:
    """Return whether what this key names is to be done now, in this very transaction: nobody has before."""
    statement = insert(connection, effect).on_conflict_do_nothing()
    # Asked for by name: with PostgreSQL, SQLAlchemy says -1 of inserts otherwise.
    options = {"preserve_rowcount": True}
    return connection.execute(statement, {"key": key, "at": at}, execution_options=options).rowcount > 0


def note_result(connection: Connection, key: str, result: bytes) -> None:
    """Keep what came of it, for whoever asks under the same key again."""
    connection.execute(update(effect).where(effect.c.key == key).values(result=result))


def result_of(connection: Connection, key: str) -> bytes | None:
    """Return what came of it; `None` where nothing was noted."""
    return connection.scalar(select(effect.c.result).where(effect.c.key == key))


def alone(connection: Connection, name: str) -> None:
    """Have no other transaction be in here under the same name, until this one ends.

    For what is read before it is there. SQLite lets one transaction write at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock(func.hashtextextended(name, _LOCKS))
        connection.execute(select(lock))
