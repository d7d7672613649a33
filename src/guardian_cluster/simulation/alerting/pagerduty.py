"""PagerDuty's Events API v2, as far as it is used: alerts by their dedup key, and change events.

What it takes and answers is that of https://developer.pagerduty.com/docs/send-alert-event.
"""

import ssl
from datetime import datetime
from typing import Any, Literal

from guardian_cluster.domain.clock import Clock
from guardian_cluster.simulation.alerting.receiver import Received, Receiver, Refusal, Taken, object_in
from guardian_cluster.simulation.alerting.trouble import Troubles, well

_EVENT = {
    "routing_key": str,
    "event_action": str,
    "dedup_key": str,
    "payload": dict,
    "client": str,
    "client_url": str,
    "links": list,
    "images": list,
}
_PAYLOAD = {
    "summary": str,
    "source": str,
    "severity": str,
    "timestamp": str,
    "component": str,
    "group": str,
    "class": str,
    "custom_details": dict,
}
_MAX_BYTES = 512_000


class PagerDutyServer(Receiver):
    """Opens, acknowledges and resolves alerts, and counts how often a person was called."""

    def __init__(
        self,
        *,
        routing_key: str = "R" * 32,
        troubles: Troubles = well,
        clock: Clock | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(troubles=troubles, clock=clock, tls=tls)
        self.routing_key = routing_key
        self.open: dict[str, Literal["triggered", "acknowledged"]] = {}
        """Dedup key -> state."""
        self.pages: list[str] = []
        """The dedup key of each call: a trigger of one that is open already calls nobody."""
        self.actions: list[tuple[str, str]] = []
        """Action and dedup key, in order, those included that changed nothing."""
        self.changes: list[dict[str, Any]] = []

    def take(self, request: Received) -> Taken:
        """Check an event and have its effect."""
        try:
            if len(request.raw) > _MAX_BYTES:
                raise ValueError("is too large")
            if request.path == "/v2/enqueue":
                return self._alert(object_in(request.body, _EVENT, ("routing_key", "event_action")))
            if request.path == "/v2/change/enqueue":
                return self._change(object_in(request.body, _EVENT, ("routing_key", "payload")))
        except ValueError as error:
            said = {"status": "invalid event", "message": "Event object is invalid", "errors": [str(error)]}
            raise Refusal(400, said) from error
        raise Refusal(404, "Not Found")

    def _alert(self, event: dict[str, Any]) -> Taken:
        self._check_key(event)
        key, action = event.get("dedup_key", ""), event["event_action"]
        if len(key) > 255:
            raise ValueError("'dedup_key' is longer than 255 characters")
        if action not in ("trigger", "acknowledge", "resolve"):
            raise ValueError("'event_action' is not one of trigger, acknowledge, resolve")
        if action == "trigger":
            _check_payload(event.get("payload"), ("summary", "source", "severity"))
            key = key or f"made-{len(self.pages)}"
        elif not key:
            raise ValueError("'dedup_key' is missing")
        self._have_effect(action, key)
        return Taken(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def _have_effect(self, action: str, key: str) -> None:
        self.actions.append((action, key))
        if action == "trigger" and key not in self.open:
            self.open[key] = "triggered"
            self.pages.append(key)
        elif action == "acknowledge" and key in self.open:
            self.open[key] = "acknowledged"
        elif action == "resolve":
            self.open.pop(key, None)

    def _change(self, event: dict[str, Any]) -> Taken:
        self._check_key(event)
        _check_payload(event["payload"], ("summary",))
        self.changes.append(event["payload"])
        return Taken(202, {"status": "success", "message": "Change event processed"})

    def _check_key(self, event: dict[str, Any]) -> None:
        if event["routing_key"] != self.routing_key:
            raise ValueError("'routing_key' is invalid")


def _check_payload(value: object, required: tuple[str, ...]) -> None:
    payload = object_in(value, _PAYLOAD, required)
    if len(payload["summary"]) > 1_024:
        raise ValueError("'payload.summary' is longer than 1024 characters")
    if "severity" in payload and payload["severity"] not in ("critical", "error", "warning", "info"):
        raise ValueError("'payload.severity' is not one of critical, error, warning, info")
    if "timestamp" in payload:
        datetime.fromisoformat(payload["timestamp"])
