"""What becomes of an incident when its fault is told of again, or when two have changed it: nothing of it is lost."""

from collections.abc import Sequence

import msgspec

from guardian_cluster.domain.incident import SEVERITIES, Entry, FailureEvent, Incident

MOST_EVENTS = 50
MOST_HISTORY = 100
"""Of each the newest: some 10 KB, however long a fault comes and goes. `flaps` counts all."""


def first_reported(event: FailureEvent, incident: Incident) -> Incident:
    """Return the incident that an event opens."""
    return msgspec.structs.replace(incident, event_ids=_events(incident.event_ids, (event.id,)))


def comes_back(kept: Incident, opened: float, *, reopen_s: float) -> bool:
    """Return whether what is opened at a Unix time is this incident again: it is open, or ended just before."""
    return kept.is_open or opened - ended(kept) <= reopen_s


def ended(incident: Incident) -> float:
    """Return the Unix time at which an incident that is over ended."""
    return incident.updated if incident.resolved is None else incident.resolved


def reported_again(kept: Incident, event: FailureEvent, incident: Incident) -> Incident:
    """Return an incident with one more event: counted while it is open, and open again where it was over.

    `incident` is what the event would have opened. Of one that comes back nobody has heard yet: those who were called
    for it were told that it is over.
    """
    counted = msgspec.structs.replace(
        kept,
        event_ids=_events(kept.event_ids, (event.id,)),
        flaps=kept.flaps + (not event.again),
        severity=min(kept.severity, incident.severity, key=SEVERITIES.index),
        onset=min(kept.onset, incident.onset),
        updated=max(kept.updated, incident.updated),
    )
    if kept.is_open:
        return counted
    came_back = Entry(at=incident.opened, said="it came back")
    return msgspec.structs.replace(
        counted,
        state=incident.state,
        mitigated=None,
        resolved=None,
        reopened=incident.opened,
        acknowledged=None,
        acknowledged_by="",
        escalation=0,
        paged=None,
        expected=incident.expected,
        bad=incident.bad,
        bad_alike=incident.bad_alike,
        known_after_s=incident.known_after_s,
        by_marks=incident.by_marks,
        parent=incident.parent,
        diagnosis_id=incident.diagnosis_id or kept.diagnosis_id,
        summary=incident.summary or kept.summary,
        history=_history(kept.history, (came_back, *incident.history)),
    )


def united(kept: Incident, incident: Incident) -> Incident:
    """Return an incident that takes the place of the one kept, with all that only grows of both.

    It stays what it is about (its key) and opened when it was; the first who acknowledged it did. One that is over
    stays over: only an event opens it again (`reported_again`).
    """
    over = kept if incident.is_open and not kept.is_open else incident
    # Of one that has come back since, what was said of it before counts no more.
    both = [each for each in (kept, incident) if each.reopened == kept.reopened]
    holders = [each for each in both if each.acknowledged is not None]
    first = min(holders, key=lambda each: each.acknowledged or 0.0, default=kept)
    return msgspec.structs.replace(
        incident,
        key=kept.key,
        opened=kept.opened,
        state=over.state,
        mitigated=over.mitigated,
        resolved=over.resolved,
        updated=max(kept.updated, incident.updated),
        # What is kept has every event that was told of: others are those that it has no more.
        event_ids=_events(incident.event_ids, kept.event_ids),
        action_ids=tuple(dict.fromkeys((*kept.action_ids, *incident.action_ids))),
        flaps=max(kept.flaps, incident.flaps),
        acknowledged=first.acknowledged,
        acknowledged_by=first.acknowledged_by,
        escalation=max(each.escalation for each in both),
        paged=max(each.paged or 0.0 for each in both) or None,
        reopened=kept.reopened,
        history=_history(kept.history, incident.history),
    )


def _events(older: Sequence[str], newer: Sequence[str]) -> tuple[str, ...]:
    known = set(newer)
    return (*(id for id in older if id not in known), *newer)[-MOST_EVENTS:]


def _history(kept: Sequence[Entry], others: Sequence[Entry]) -> tuple[Entry, ...]:
    each_once = dict.fromkeys((*kept, *others))
    return tuple(sorted(each_once, key=lambda entry: entry.at))[-MOST_HISTORY:]
