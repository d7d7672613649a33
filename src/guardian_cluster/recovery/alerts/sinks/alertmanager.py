"""Prometheus Alertmanager, by its API v2: an alert fires as long as it is said again, until it is said to have ended.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import re
from typing import Any

import msgspec

from guardian_cluster.contract.snapshot import Sink
from guardian_cluster.domain.alert import Alert, Delivery
from guardian_cluster.recovery.alerts.composing import written
from guardian_cluster.recovery.alerts.posting import Post, post
from guardian_cluster.recovery.alerts.settling import Outcome
from guardian_cluster.recovery.alerts.words import one_line, several_lines
from guardian_cluster.specialists.transport import Transport

RESEND_S = 60.0
"""As Prometheus does: an Alertmanager that was started anew knows no alerts until it is told."""

FIRES_S = 600.0
"""Not said again for so long, an alert ends there by itself. Our own restart, or an upgrade, takes less."""

_NOT_IN_NAMES = re.compile("[^a-zA-Z0-9_]")

ALERT_NAME = "LLMGuardianIncident"


class Alertmanager:
    """Sends alerts that fire and that have ended. The set of labels is what an alert is known by."""

    def __init__(self, name: str, sink: Sink, transport: Transport) -> None:
        self._name = name
        self._sink = sink
        self._transport = transport

    async def send(self, delivery: Delivery, now: float) -> Outcome:
        """Send it; see `AlertSink.send`. One that fires is to be said again."""
        base = self._sink.url.value if self._sink.url else ""
        what = Post(
            sink=self._name,
            url=base.rstrip("/") + "/api/v2/alerts",
            body=msgspec.json.encode([of(delivery.alert, now)]),
            ca_file=self._sink.ca_file,
            hidden=(base,),
        )
        outcome = await post(self._transport, what, now)
        if outcome.state == "accepted" and delivery.alert.state == "trigger":
            return msgspec.structs.replace(outcome, repeat_s=RESEND_S)
        return outcome


def of(alert: Alert, now: float) -> dict[str, Any]:
    """Return an alert as it is posted at a time."""
    ends = alert.at if alert.state == "resolve" else now + FIRES_S
    return {
        # Nothing that changes while it fires: another label would be another alert.
        "labels": {
            "alertname": ALERT_NAME,
            "specialist": one_line(alert.specialist, 200),
            "severity": alert.severity,
            "incident_key": one_line(alert.key, 200),
        },
        "annotations": {
            "summary": one_line(alert.title, 1_000),
            "description": several_lines(alert.text, 2_000),
            **{_named(name): one_line(value, 600) for name, value in alert.facts if value},
        },
        "startsAt": written(alert.opened),
        "endsAt": written(max(ends, alert.opened)),
    }


def _named(name: str) -> str:
    """Return a name as Prometheus takes one: letters, digits and underscores, and no digit first."""
    return "_" * name[:1].isdigit() + _NOT_IN_NAMES.sub("_", name[:40])
