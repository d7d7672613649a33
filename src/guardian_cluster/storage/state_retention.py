"""What of `state.db` is deleted when: in small transactions, so that nobody who decides waits long."""

from collections.abc import Iterator
from functools import partial

from sqlalchemy import ColumnElement, Table, and_, select, true

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

INCIDENTS_S = 400 * DAY_S
"""After it ended, with what was done about it: a year on, the same season's faults can be compared. One that is open is
never deleted, nor is an action in force."""

PATTERNS_S = 400 * DAY_S
"""After it was last seen: what it was known by is gone from a model that was changed since."""

DELIVERIES_S = 30 * DAY_S
"""After it was delivered or given up: as long as keys are known, so that none is put again. One that waits is never
deleted."""

ENDED = ("rejected", "blocked", "undone")

_IS_NOT_IN_FORCE = tables.action.c.state != "active"
_OPEN_INCIDENTS = select(tables.incident.c.id).where(tables.incident.c.closed.is_(None))

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
    (tables.incident, "closed", INCIDENTS_S, true()),
    (tables.failure_event, "at", INCIDENTS_S, tables.failure_event.c.incident_id.not_in(_OPEN_INCIDENTS)),
    (tables.action, "ended", INCIDENTS_S, _IS_NOT_IN_FORCE),
    (tables.action, "taken", INCIDENTS_S, and_(tables.action.c.ended.is_(None), _IS_NOT_IN_FORCE)),
    (tables.result, "at", INCIDENTS_S, true()),
    (tables.pattern, "last", PATTERNS_S, true()),
    (tables.delivery, "settled", DELIVERIES_S, tables.delivery.c.state != "waiting"),
)


def steps(now: float) -> Iterator[Step]:
    """Yield every step of one sweep, each to be repeated until it returns 0."""
    for table, column, age_s, where in _RULES:
        yield partial(delete_some, Age(table, column, now - age_s, where))
