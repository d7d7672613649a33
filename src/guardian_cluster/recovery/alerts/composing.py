"""What is said of an incident, or of an action, as an alert for any sink. Pure."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from guardian_cluster.domain.action import Action, ActionState
from guardian_cluster.domain.alert import Alert, AlertState
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.observation import named
from guardian_cluster.recovery.alerts.words import one_line, several_lines

MAX_TITLE = 200
"""Characters: what a telephone shows, and a subject line holds."""

MAX_TEXT = 2_000
"""Characters: Slack's blocks take 3,000, and nobody reads more at night."""

MAX_FACT = 300

_LAST_S = 253_402_300_799.0
"""The last second of the year 9999: RFC 3339 has none after it."""

_LAST_ENTRIES = 5
"""Of an incident's history: what was tried last is what whoever is called asks first."""

_DONE: dict[ActionState, str] = {
    "active": "done",
    "undone": "undone",
    "lapsed": "lapsed",
    "displaced": "displaced",
}
"""What is said of an action that changed how requests are served; of one that never was in force nothing is."""


def alert_of(
    incident: Incident, state: AlertState, at: float, more: tuple[tuple[str, str], ...] = ()
) -> Alert:
    """Return what is said of an incident; `more` are facts besides its own."""
    return Alert(
        incident_id=incident.id,
        key=incident.key,
        state=state,
        severity=incident.severity,
        at=at,
        opened=incident.opened,
        specialist=incident.specialist,
        title=one_line(title_of(incident), MAX_TITLE),
        text=several_lines("\n".join(_lines(incident)), MAX_TEXT),
        facts=tuple((name, one_line(value, MAX_FACT)) for name, value in (*_facts(incident), *more)),
    )


def change_of(action: Action, at: float) -> Alert | None:
    """Return what is said of an action that was taken, or that ended; `None` for one that never was in force."""
    done = _DONE.get(action.state)
    if done is None:
        return None
    kind = action.move.__struct_config__.tag
    return Alert(
        incident_id=action.incident_id,
        key=f"change:{action.id}",
        state="change",
        severity="info",
        at=at,
        opened=action.taken,
        specialist=action.scope.specialist,
        title=one_line(f"{done}: {kind} {action.scope}", MAX_TITLE),
        text=several_lines(action.note, MAX_TEXT),
        facts=(
            ("action", action.id),
            ("by", one_line(f"{action.loop}: {action.who}", MAX_FACT)),
            ("until", written(action.until if action.ended is None else action.ended)),
            ("incident", action.incident_id),
        ),
    )


def title_of(incident: Incident) -> str:
    """Return an incident in one line: who, what and where."""
    what = incident.cause.replace("_", " ") if incident.cause else f"{incident.signal} is worse than expected"
    return f"{incident.specialist}: {what} in {named(incident.where)}"


def written(at: float) -> str:
    """Return a Unix time in RFC 3339, in UTC and to the millisecond, as every sink takes it.

    One that cannot be written so becomes the next that can, and what is not a number 1970: whatever the time of a
    fault is, people are called for it.
    """
    at = 0.0 if math.isnan(at) else min(max(at, 0.0), _LAST_S)
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lines(incident: Incident) -> Iterator[str]:
    yield incident.summary
    for entry in incident.history[-_LAST_ENTRIES:]:
        yield f"{written(entry.at)} {entry.said}"


def _facts(incident: Incident) -> Iterator[tuple[str, str]]:
    yield "specialist", incident.specialist
    yield "cause", incident.cause or "unknown"
    yield "where", named(incident.where)
    yield "signal", incident.signal
    yield "since", written(incident.onset)
    yield "state", incident.state
    yield "actions", str(len(incident.action_ids))
    yield "incident", incident.id
    if incident.flaps:
        yield "came back", f"{incident.flaps} times"
    if incident.acknowledged_by:
        yield "acknowledged by", incident.acknowledged_by
    if incident.resolved is not None:
        yield "resolved", written(incident.resolved)
