"""A failure event, and the incident that it opens: what is wrong, how bad it is, and what became of it."""

from hashlib import sha256
from typing import Literal, get_args

import msgspec

from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.observation import Signal, Slice, named

Severity = Literal["critical", "error", "warning", "info"]
"""From how many users are affected, times how much it costs them."""

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""Worst first."""

FailureSource = Literal["alarm", "gateway", "person", "aftercare"]
"""aftercare: it is known already, nothing is in force against it, and it is still bad."""


class FailureEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something failed, as a watcher, a gateway or a person says."""

    id: str
    at: float
    """Unix time at which it was noticed."""
    onset: float
    """Since which it is so, as far as is known."""
    specialist: str
    signal: Signal
    where: Slice = ()
    source: FailureSource
    alarm_id: str = ""
    expected: float = 0.0
    """The mean loss that was expected, 0 to 1, and the one observed since the onset."""
    observed: float = 1.0
    requests: int = 0
    """Seen since the onset."""
    record_ids: tuple[str, ...] = ()
    who: str = ""
    """The person that opened it."""
    said: str = ""
    """What that person said of it; of other sources, what they know."""
    again: str = ""
    """The incident that is to be worked on once more; empty for one that may be new."""


IncidentState = Literal["detected", "diagnosed", "acting", "validating", "resolved", "escalated", "learned"]
"""detected, diagnosed, acting, validating: it is worked on; escalated: people were called, and it is theirs;
resolved: a test or a person confirmed that it is over; learned: what helped is known for the next time."""

OPEN: frozenset[IncidentState] = frozenset({"detected", "diagnosed", "acting", "validating", "escalated"})

MOST_OPEN = 10_000
"""Whoever looks after all open incidents asks for so many; a cluster with more is beyond looking after."""

REOPEN_S = 3_600.0
"""A fault that comes back within an hour of its end had not ended: it flaps, and people are called for it again only
where it stays (`recovery/alerts/deciding.py`). Longer, and two faults of different days that look alike would be one.
"""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an incident's history."""

    at: float
    said: str


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One fault from its first event to what was learned of it."""

    id: str
    key: str
    """What it is about, whenever it happens (`dedup_key`): while one is open, no second one is."""
    specialist: str
    signal: Signal
    where: Slice = ()
    cause: Cause | None = None
    severity: Severity = "warning"
    state: IncidentState = "detected"
    opened: float
    updated: float
    onset: float
    expected: float = 0.0
    """The mean loss that was expected of the requests that it concerns."""
    bad: float = 0.5
    """From this mean loss on it is still there."""
    bad_alike: float = 0.5
    """The same for all requests that are like those it concerns but for who answers them (`recovery/evidence.py`)."""
    known_after_s: float = 0.0
    """So long it takes until a request that fails is known to have failed."""
    by_marks: bool = False
    """Whether callers' own marks alone show it: then requests without one tell nothing of it."""
    mitigated: float | None = None
    """Unix time since which its users are served well, as a test confirmed."""
    resolved: float | None = None
    event_ids: tuple[str, ...] = ()
    """At most 50; `flaps` counts all."""
    action_ids: tuple[str, ...] = ()
    diagnosis_id: str = ""
    summary: str = ""
    parent: str = ""
    """The incident of the same cause that this one is folded into: it pages nobody."""
    flaps: int = 0
    """How often it came back after it was resolved, or was reported while it was open."""
    acknowledged: float | None = None
    acknowledged_by: str = ""
    escalation: int = 0
    """Steps of the escalation that were taken."""
    paged: float | None = None
    """When people were last called."""
    reopened: float | None = None
    """When it last came back after it was over: nobody has acknowledged that, or was called for it, before they did."""
    history: tuple[Entry, ...] = ()
    """What happened, oldest first; at most the last 100."""

    @property
    def is_open(self) -> bool:
        """Whether it is worked on, by the product or by people."""
        return self.state in OPEN


def dedup_key(specialist: str, cause: Cause | None, where: Slice, signal: Signal) -> str:
    """Return what names a fault whenever it happens: its cause, its scope and its signal, and no time."""
    text = "\x1f".join((specialist, cause or "unknown", named(where), signal))
    return sha256(text.encode()).hexdigest()[:32]


class Conflict(Exception):
    """An incident is not in the state that was expected: somebody else brought it into another one first."""

    def __init__(self, id: str, *, expected: IncidentState, found: IncidentState) -> None:
        super().__init__(f"incident {id} is {found}, and not {expected} any more")
        self.id = id
        self.expected = expected
        self.found = found
