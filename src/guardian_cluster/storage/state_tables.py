"""The tables of `state.db`, as the newest migration leaves them: what was found, changed, proposed and decided.

A row is a value of `domain` as bytes (`state_values.py`), beside it in columns what is asked for; times in Unix
seconds (docs/design/storage.md).
"""

from sqlalchemy import Boolean, Column, Double, Index, LargeBinary, MetaData, Table, Text

VERSION_TABLE = "state_version"
"""Not Alembic's usual name: on PostgreSQL other migrations may have their tables in the same database."""

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _time(name: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _id(name: str = "id") -> Column[str]:
    return Column(name, Text, primary_key=True)


def _value() -> Column[bytes]:
    return Column("value", LargeBinary, nullable=False)


alarm = Table(
    "alarm",
    metadata,
    _id(),
    _text("specialist"),
    _time("raised"),
    _time("closed", nullable=True),
    _value(),
    Index(None, "specialist", "raised"),
    Index(None, "raised"),
)

change = Table("change_event", metadata, _id(), _time("at"), _value(), Index(None, "at"))

cycle = Table(
    "monitoring_cycle",
    metadata,
    _id(),
    _text("specialist"),
    _time("at"),
    Column("eventful", Boolean, nullable=False),
    _value(),
    Index(None, "specialist", "at"),
    Index(None, "at"),
)
"""`eventful` are those in which something was found."""

improvement = Table(
    "improvement",
    metadata,
    _id(),
    _text("specialist"),
    _text("state"),
    _time("since"),
    _value(),
    Index(None, "specialist", "since"),
    Index(None, "state", "since"),
)

investigation = Table(
    "investigation",
    metadata,
    _id(),
    _text("specialist"),
    _text("outcome"),
    _time("opened"),
    _time("closed", nullable=True),
    _value(),
    Index(None, "opened"),
)

lesson = Table(
    "lesson", metadata, _id(), _text("specialist"), _time("at"), _value(), Index(None, "specialist", "at")
)

effect = Table("effect", metadata, _id("key"), _time("at"), Column("result", LargeBinary), Index(None, "at"))
"""What was done once, under which key, and what came of it."""

loop_state = Table(
    "loop_state",
    metadata,
    _id("name"),
    _time("saved"),
    _value(),
    _time("place_started"),
    _text("place_id"),
)
"""Where a loop of the control process goes on after a restart, and what it knew by then."""
