"""PagerDuty, by its Events API v2: alerts, and changes beside them.

https://developer.pagerduty.com/docs/events-api-v2-overview
"""

from typing import Any

import msgspec

from guardian_cluster.contract.snapshot import Sink
from guardian_cluster.domain.alert import Alert, Delivery
from guardian_cluster.recovery.alerts.composing import written
from guardian_cluster.recovery.alerts.posting import Post, post
from guardian_cluster.recovery.alerts.settling import Outcome
from guardian_cluster.recovery.alerts.words import cut, one_line, several_lines
from guardian_cluster.specialists.transport import Transport

URL = "https://events.pagerduty.com"
"""In the United States; `https://events.eu.pagerduty.com` for accounts in Europe."""

MAX_SUMMARY = 1_024
MAX_DEDUP_KEY = 255

_CLIENT = "LLM Guardian Cluster"


class PagerDuty:
    """Sends triggers, acknowledgements, resolutions and changes. One dedup key is one open alert there."""

    def __init__(self, name: str, sink: Sink, transport: Transport) -> None:
        self._name = name
        self._sink = sink
        self._transport = transport

    async def send(self, delivery: Delivery, now: float) -> Outcome:
        """Send it; see `AlertSink.send`."""
        key = self._sink.key.value if self._sink.key else ""
        base = self._sink.url.value if self._sink.url else URL
        alert = delivery.alert
        path, event = (
            ("/v2/change/enqueue", change(alert)) if alert.state == "change" else ("/v2/enqueue", of(alert))
        )
        what = Post(
            sink=self._name,
            url=base.rstrip("/") + path,
            body=msgspec.json.encode({"routing_key": key, **event}),
            ca_file=self._sink.ca_file,
            hidden=(key,),
        )
        return await post(self._transport, what, now)


def of(alert: Alert) -> dict[str, Any]:
    """Return an alert event, without the routing key."""
    event: dict[str, Any] = {
        "event_action": alert.state,
        "dedup_key": cut(alert.key, MAX_DEDUP_KEY),
        "client": _CLIENT,
    }
    # What was said of it with its trigger stays: PagerDuty reads no more of the others.
    return event | {"payload": _payload(alert) | {"severity": alert.severity}}


def change(alert: Alert) -> dict[str, Any]:
    """Return a change event, without the routing key."""
    return {"payload": _payload(alert)}


def _payload(alert: Alert) -> dict[str, Any]:
    details = {one_line(name, 40): one_line(value, 600) for name, value in alert.facts if value}
    return {
        "summary": one_line(alert.title, MAX_SUMMARY) or "(no title)",
        "source": one_line(alert.specialist, 255) or _CLIENT,
        "timestamp": written(alert.at),
        "custom_details": {"text": several_lines(alert.text, 2_000), **details},
    }
