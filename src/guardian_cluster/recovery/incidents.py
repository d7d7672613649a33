"""The life of an incident: how it is opened, folded into another one, and what each phase makes of it."""

from collections.abc import Iterable

from msgspec.structs import replace

from guardian_cluster.domain.action import Action
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.incident import (
    SEVERITIES,
    Entry,
    FailureEvent,
    Incident,
    IncidentState,
    dedup_key,
)
from guardian_cluster.domain.incident_union import MOST_HISTORY
from guardian_cluster.domain.observation import Slice
from guardian_cluster.domain.recovery import DiagnosticReport, SeverityAssessment
from guardian_cluster.recovery.evidence import bad_for, observed_in
from guardian_cluster.recovery.situation import place_of
from guardian_cluster.recovery.validation import still_bad_from

TOGETHER_S = 60.0
"""Faults of one specialist, in one place, that begin within so much are one fault that several signals show."""

SHOWS_AFTER_S = 30.0
"""What was done about a fault has so long to show."""

WORKED_ON = ("detected", "diagnosed", "acting")
"""States in which a run is to be heard of."""

LEFT_BEHIND_S = 660.0
"""A run of the engine lives ten minutes (engine/engine.py), and one that a process left behind is taken up at once."""


def opened(
    event: FailureEvent, report: DiagnosticReport, assessment: SeverityAssessment, *, id: str, now: float
) -> Incident:
    """Return the incident of an event that was diagnosed; nobody works on it yet."""
    found = report.diagnosis
    where = place_of(event, found)
    cause = found.cause if found is not None else None
    incident = Incident(
        id=id,
        key=dedup_key(event.specialist, cause, where, event.signal),
        specialist=event.specialist,
        signal=event.signal,
        where=where,
        cause=cause,
        severity=assessment.severity,
        state="detected",
        opened=event.at,
        updated=now,
        onset=min(event.onset, found.onset) if found is not None else event.onset,
        expected=event.expected,
        bad=still_bad_from(event.expected, observed_in(event, assessment)),
        bad_alike=bad_for(event, assessment, ()),
        known_after_s=assessment.known_after_s,
        by_marks=assessment.marked is not None,
        event_ids=(event.id,),
        diagnosis_id=found.id if found is not None else "",
        summary=_summary(event, found),
        history=(Entry(at=event.at, said=_noticed(event)),),
    )
    return told(incident, now, assessment.why)


def told(incident: Incident, at: float, said: str, state: IncidentState | None = None) -> Incident:
    """Return an incident with one more line of history, and perhaps in another state."""
    history = (*incident.history, Entry(at=at, said=said))[-MOST_HISTORY:]
    return replace(incident, history=history, updated=at, state=state or incident.state)


def may_be_taken_up(incident: Incident, active: Iterable[Action], now: float) -> bool:
    """Return whether whoever is told of an incident is to work on it: nobody does.

    It is new or came back; or what was done about it was not confirmed to be enough and is over; or whoever worked on
    it has not been heard of for longer than a recovery lasts.
    """
    if incident.state == "detected":
        return True
    is_cared_for = any(each.incident_id == incident.id for each in active)
    if incident.state == "validating":
        return not is_cared_for
    return incident.is_open and incident.state != "escalated" and is_left_behind(incident, now)


def is_left_behind(incident: Incident, now: float) -> bool:
    """Return whether a recovery that works on an incident has not been heard of for longer than it lasts."""
    heard = incident.history[-1].at if incident.history else incident.opened
    return incident.state in WORKED_ON and now - heard > LEFT_BEHIND_S


def parent_of(
    incident: Incident, others: Iterable[Incident], backed_up: Iterable[str] = ()
) -> Incident | None:
    """Return the open incident that explains this one; `None` where none does.

    It is known already, has no parent itself, and either has the same cause, or began together with it, in a place that
    holds or is held by this one's, of the same specialist; or the same cause in the same place, which several
    specialists share; or it is of a specialist that this one backs up (`backed_up`): the load that came over is what is
    too much here.
    """
    known = [
        each
        for each in others
        if each.is_open and not each.parent and each.id != incident.id and each.key != incident.key
    ]
    backs_up = frozenset(backed_up)
    for each in sorted(known, key=lambda one: one.opened):
        is_same, is_echo = each.cause == incident.cause, abs(each.onset - incident.onset) <= TOGETHER_S
        nested = each.specialist == incident.specialist and _within(each.where, incident.where)
        shared = bool(each.where) and each.where == incident.where
        if (nested and (is_same or is_echo)) or (shared and is_same) or each.specialist in backs_up:
            return each
    return None


def is_covered(incident: Incident, parent: Incident, active: Iterable[Action], now: float) -> bool:
    """Return whether an incident waits for what is done about its parent.

    It is being worked on, or what was done may yet have to show; or something stays in force that concerns all that
    the incident does, for a fault that is taken no less seriously.
    """
    if parent.specialist != incident.specialist:
        return False
    taken = [each.taken for each in active if each.incident_id == parent.id]
    if parent.state in WORKED_ON or any(now - at < SHOWS_AFTER_S for at in taken):
        return True
    is_as_bad = SEVERITIES.index(parent.severity) <= SEVERITIES.index(incident.severity)
    return bool(taken) and is_as_bad and set(parent.where) <= set(incident.where)


def speaker(incident: Incident, parent: Incident | None) -> Incident:
    """Return the incident that people hear of: the open one that this one is folded into, at the worse severity."""
    if parent is None or not parent.is_open:
        return replace(incident, parent="")
    worst = min(parent.severity, incident.severity, key=SEVERITIES.index)
    return replace(parent, severity=worst)


def _within(one: Slice, other: Slice) -> bool:
    first, second = set(one), set(other)
    return first <= second or second <= first


def _noticed(event: FailureEvent) -> str:
    if event.again:
        return event.said
    if event.source == "person":
        return f"opened by {event.who}: {event.said}" if event.said else f"opened by {event.who}"
    return f"noticed by the {'watcher' if event.source == 'alarm' else 'gateway'} on {event.signal}"


def _summary(event: FailureEvent, found: Diagnosis | None) -> str:
    if found is not None and found.summary:
        return found.summary
    if event.source == "person" and event.said:
        return event.said
    return f"{event.specialist} loses {event.observed:.0%} on {event.signal}, {event.expected:.0%} is usual"
