"""What of `state.db` is deleted when: in small transactions, so that nobody who decides waits long."""

from collections.abc import Iterator
from functools import partial

from sqlalchemy import ColumnElement, Table, true

from guardian_cluster.storage import state_tables as tables
from guardian_cluster.storage.retention import DAY_S, Age, Step, delete_some

EFFECTS_S = 30 * DAY_S
"""A run lives for minutes, and one that failed is resumed within days or never; afterwards nobody asks for its keys."""

ALARMS_S = 90 * DAY_S
"""After an alarm was closed: as long as what its cycle found is there to be compared."""

STALE_ALARMS_S = 400 * DAY_S
"""After it was raised, though it was never closed: its specialist is gone."""

CHANGES_S = 90 * DAY_S
"""Findings name the changes that they blame."""

QUIET_CYCLES_S = 2 * DAY_S
"""A cycle of each specialist every five minutes, of which most find nothing: some 1,500 a day."""

CYCLES_S = 90 * DAY_S
"""Those that found something: long enough to see what became of it."""

IMPROVEMENTS_S = 400 * DAY_S
"""After the last decision. One that still waits for somebody, or is in force, is never deleted, nor is a lesson."""

LOOPS_S = 90 * DAY_S
"""A loop that has not said anything for so long has another name now, or is gone."""

ENDED = ("rejected", "blocked", "undone")


_RULES: tuple[tuple[Table, str, float, ColumnElement[bool]], ...] = (
    (tables.effect, "at", EFFECTS_S, true()),
    (tables.alarm, "closed", ALARMS_S, true()),
    (tables.alarm, "raised", STALE_ALARMS_S, true()),
    (tables.change, "at", CHANGES_S, true()),
    (tables.cycle, "at", QUIET_CYCLES_S, tables.cycle.c.eventful.is_(False)),
    (tables.cycle, "at", CYCLES_S, true()),
    (tables.improvement, "since", IMPROVEMENTS_S, tables.improvement.c.state.in_(ENDED)),
    (tables.investigation, "closed", IMPROVEMENTS_S, tables.investigation.c.outcome != "open"),
    (tables.loop_state, "saved", LOOPS_S, true()),
)


def steps(now: float) -> Iterator[Step]:
    """Yield every step of one sweep, each to be repeated until it returns 0."""
    for table, column, age_s, where in _RULES:
        yield partial(delete_some, Age(table, column, now - age_s, where))
