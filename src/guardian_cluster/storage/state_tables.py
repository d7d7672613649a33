"""The tables of `state.db`, as the newest migration leaves them: what was found, changed, proposed and decided.

A row is a value of `domain` as bytes (`state_values.py`), beside it in columns what is asked for; times in Unix
seconds (docs/design/storage.md).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

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

_OPEN = text("closed IS NULL")

incident = Table(
    "incident",
    metadata,
    _id(),
    _text("key"),
    _text("specialist"),
    _time("updated"),
    _time("closed", nullable=True),
    _value(),
    Index("ix_incident_open", "key", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "key", "closed"),
    Index(None, "closed", "updated"),
    Index(None, "specialist", "updated"),
    Index(None, "updated"),
)
"""`closed` is empty while it is open; of each `key` no more than one is."""

failure_event = Table(
    "failure_event", metadata, _id(), _text("incident_id"), _time("at"), _value(), Index(None, "at")
)

action = Table(
    "recovery_action",
    metadata,
    _id(),
    _text("incident_id"),
    _text("state"),
    _time("taken"),
    _time("ended", nullable=True),
    _value(),
    Index(None, "taken"),
    Index(None, "state", "taken"),
    Index(None, "incident_id", "taken"),
    Index(None, "ended"),
)

result = Table("recovery_result", metadata, _id(), _time("at"), _value(), Index(None, "at"))
"""What came of a failure event, by its id."""

pattern = Table(
    "failure_pattern",
    metadata,
    _id(),
    _text("specialist"),
    _time("last"),
    _value(),
    Index(None, "specialist", "last"),
    Index(None, "last"),
)

play_count = Table(
    "play_count",
    metadata,
    _id("cause"),
    _id("kind"),
    _id("specialist"),
    Column("helped", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
)
"""How often each kind of move helped; an empty `cause` is an unknown one, an empty `specialist` any."""

delivery = Table(
    "delivery",
    metadata,
    _id(),
    _text("incident_id"),
    _text("state"),
    _time("at"),
    _time("due"),
    _time("settled", nullable=True),
    _value(),
    Index(None, "at"),
    Index(None, "state", "due"),
    Index(None, "incident_id", "at"),
    Index(None, "settled"),
)
