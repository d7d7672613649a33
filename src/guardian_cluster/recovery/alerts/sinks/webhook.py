"""A webhook of one's own: a CloudEvent, signed.

The event is CloudEvents 1.0 in structured JSON (https://github.com/cloudevents/spec), the signature that of Standard
Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over id, time and body, so that nobody can make one up, change
one, or send an old one again.
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from typing import Any

import msgspec

from guardian_cluster.contract.snapshot import Sink
from guardian_cluster.domain.alert import Alert, AlertState, Delivery
from guardian_cluster.recovery.alerts.composing import written
from guardian_cluster.recovery.alerts.posting import Post, post
from guardian_cluster.recovery.alerts.settling import Outcome
from guardian_cluster.specialists.transport import Transport

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"

TYPES: dict[AlertState, str] = {
    "trigger": "guardian.incident.triggered",
    "acknowledge": "guardian.incident.acknowledged",
    "resolve": "guardian.incident.resolved",
    "change": "guardian.action.changed",
}


class Webhook:
    """Posts events. The same event has the same id, in its body and in `Idempotency-Key`, however often it is sent."""

    def __init__(self, name: str, sink: Sink, transport: Transport) -> None:
        self._name = name
        self._sink = sink
        self._transport = transport

    async def send(self, delivery: Delivery, now: float) -> Outcome:
        """Send it; see `AlertSink.send`. It is signed anew each time, with the time at which it is sent."""
        url = self._sink.url.value if self._sink.url else ""
        secret = self._sink.key.value if self._sink.key else ""
        body = msgspec.json.encode(of(delivery))
        headers = {"content-type": CONTENT_TYPE, "idempotency-key": delivery.id}
        if secret:
            headers |= signed(delivery.id, int(now), body, secret)
        what = Post(
            sink=self._name,
            url=url,
            body=body,
            headers=headers,
            ca_file=self._sink.ca_file,
            hidden=(url, secret),
        )
        return await post(self._transport, what, now)


def of(delivery: Delivery) -> dict[str, Any]:
    """Return the event."""
    alert = delivery.alert
    return {
        "specversion": "1.0",
        "id": delivery.id,
        "source": "llm-guardian-cluster",
        "type": TYPES[alert.state],
        "subject": alert.key,
        "time": written(alert.at),
        "datacontenttype": "application/json",
        "data": _data(alert),
    }


def signed(id: str, at: int, body: bytes, secret: str) -> dict[str, str]:
    """Return the three headers that prove a body's origin and age."""
    digest = hmac.digest(key_of(secret), f"{id}.{at}.".encode() + body, "sha256")
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }


def key_of(secret: str) -> bytes:
    """Return the bytes that sign: `whsec_` stands before bytes in base64, anything else is taken as it is written.

    Raises ValueError where what follows `whsec_` is no base64.
    """
    prefix, marked, encoded = secret.partition("whsec_")
    if prefix or not marked:
        return secret.encode()
    try:
        return b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError("its key begins with whsec_, and no base64 follows") from error


def _data(alert: Alert) -> dict[str, Any]:
    return {
        "incident": alert.incident_id,
        "key": alert.key,
        "state": alert.state,
        "severity": alert.severity,
        "specialist": alert.specialist,
        "opened": written(alert.opened),
        "title": alert.title,
        "text": alert.text,
        "facts": dict(alert.facts),
    }
