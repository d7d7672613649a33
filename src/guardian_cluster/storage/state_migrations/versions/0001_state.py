"""What workflow 2 finds and proposes, what people decide, and where loops go on."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _make("alarm", "id", _text("specialist"), _time("raised"), _time("closed", nullable=True), _value())
    op.create_index("ix_alarm_specialist_raised", "alarm", ["specialist", "raised"])
    op.create_index("ix_alarm_raised", "alarm", ["raised"])
    _make("change_event", "id", _time("at"), _value())
    op.create_index("ix_change_event_at", "change_event", ["at"])
    eventful = sa.Column("eventful", sa.Boolean, nullable=False)
    _make("monitoring_cycle", "id", _text("specialist"), _time("at"), eventful, _value())
    op.create_index("ix_monitoring_cycle_specialist_at", "monitoring_cycle", ["specialist", "at"])
    op.create_index("ix_monitoring_cycle_at", "monitoring_cycle", ["at"])
    _make("improvement", "id", _text("specialist"), _text("state"), _time("since"), _value())
    op.create_index("ix_improvement_specialist_since", "improvement", ["specialist", "since"])
    op.create_index("ix_improvement_state_since", "improvement", ["state", "since"])
    times = _time("opened"), _time("closed", nullable=True)
    _make("investigation", "id", _text("specialist"), _text("outcome"), *times, _value())
    op.create_index("ix_investigation_opened", "investigation", ["opened"])
    _make("lesson", "id", _text("specialist"), _time("at"), _value())
    op.create_index("ix_lesson_specialist_at", "lesson", ["specialist", "at"])
    _make("effect", "key", _time("at"), sa.Column("result", sa.LargeBinary))
    op.create_index("ix_effect_at", "effect", ["at"])
    _make("loop_state", "name", _time("saved"), _value(), _time("place_started"), _text("place_id"))


def downgrade() -> None:
    """Take them away again."""
    names = ("loop_state", "effect", "lesson", "investigation", "improvement", "monitoring_cycle")
    for name in (*names, "change_event", "alarm"):
        op.drop_table(name)


def _make(name: str, key: str, *columns: "sa.Column[Any]") -> None:
    primary = sa.PrimaryKeyConstraint(key, name=f"pk_{name}")
    op.create_table(name, sa.Column(key, sa.Text, nullable=False), *columns, primary)


def _text(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Double, nullable=nullable)


def _value() -> "sa.Column[Any]":
    return sa.Column("value", sa.LargeBinary, nullable=False)
