"""What workflow 4 keeps: incidents, what was done about them and learned of it, and alerts on their way."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INDEXES = {
    "incident": (("key", "closed"), ("closed", "updated"), ("specialist", "updated"), ("updated",)),
    "failure_event": (("at",),),
    "recovery_action": (("taken",), ("state", "taken"), ("incident_id", "taken"), ("ended",)),
    "recovery_result": (("at",),),
    "failure_pattern": (("specialist", "last"), ("last",)),
    "delivery": (("at",), ("state", "due"), ("incident_id", "at"), ("settled",)),
}


def upgrade() -> None:
    """Make the tables."""
    ended, settled = _time("ended", nullable=True), _time("settled", nullable=True)
    of_incident = _text("key"), _text("specialist"), _time("updated"), _time("closed", nullable=True)
    _make("incident", *of_incident)
    _make("failure_event", _text("incident_id"), _time("at"))
    _make("recovery_action", _text("incident_id"), _text("state"), _time("taken"), ended)
    _make("recovery_result", _time("at"))
    _make("failure_pattern", _text("specialist"), _time("last"))
    _make("delivery", _text("incident_id"), _text("state"), _time("at"), _time("due"), settled)
    keys = ("cause", "kind", "specialist")
    counts = [sa.Column(name, sa.BigInteger, nullable=False) for name in ("helped", "failed")]
    primary = sa.PrimaryKeyConstraint(*keys, name="pk_play_count")
    op.create_table("play_count", *map(_text, keys), *counts, primary)
    is_open = sa.text("closed IS NULL")
    op.create_index(
        "ix_incident_open", "incident", ["key"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )


def downgrade() -> None:
    """Take them away again."""
    for name in ("play_count", *reversed(_INDEXES)):
        op.drop_table(name)


def _make(name: str, *columns: "sa.Column[Any]") -> None:
    primary = sa.PrimaryKeyConstraint("id", name=f"pk_{name}")
    value = sa.Column("value", sa.LargeBinary, nullable=False)
    op.create_table(name, _text("id"), *columns, value, primary)
    for names in _INDEXES[name]:
        op.create_index("_".join(("ix", name, *names)), name, list(names))


def _text(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Double, nullable=nullable)
