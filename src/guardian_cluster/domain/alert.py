"""An alert on its way to people: what is said of an incident, to whom, and whether it got there."""

from typing import Literal

import msgspec

from guardian_cluster.domain.incident import Severity

AlertState = Literal["trigger", "acknowledge", "resolve", "change"]
"""What is said: it is there and people are called, somebody has it, it is over; or that a change was made."""

SinkKind = Literal["pagerduty", "alertmanager", "slack", "webhook", "email"]

DeliveryState = Literal["waiting", "delivered", "given_up"]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of an incident, for any sink."""

    incident_id: str
    key: str
    """The incident's dedup key: all that is said of one fault has the same."""
    state: AlertState
    severity: Severity
    at: float
    """Unix time, and of `opened`."""
    opened: float
    specialist: str
    title: str
    """One line. Like `text` it may hold words of models and callers: hostile, and to be shown as text alone."""
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    """Name and value: cause, where, signal, observed, what was done."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One alert for one sink."""

    id: str
    """Idempotency key: the same however often it is sent."""
    incident_id: str
    sink: str
    alert: Alert
    state: DeliveryState = "waiting"
    due: float
    """Unix time of the next try."""
    tries: int = 0
    said: str = ""
    """Why the last try failed; hostile text."""
    settled: float | None = None


def is_untried(delivery: Delivery) -> bool:
    """Return whether a delivery waits and was never tried: nobody can have heard it."""
    return delivery.state == "waiting" and delivery.tries == 0
