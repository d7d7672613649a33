"""Whoever receives our webhook, written as its documentation says: checks the signature, the age and the event."""

import hmac
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any

from guardian_cluster.simulation.alerting.receiver import Received, Receiver, Refusal, Taken, object_in

_EVENT = {
    "specversion": str,
    "id": str,
    "source": str,
    "type": str,
    "subject": str,
    "time": str,
    "datacontenttype": str,
    "data": dict,
}
_OLDEST_S = 300.0
"""What Standard Webhooks advises."""


class WebhookServer(Receiver):
    """Takes events that are signed and new, each id once."""

    def __init__(self, *, secret: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._secret = secret
        self.events: dict[str, dict[str, Any]] = {}
        """Id -> event: what came again is not counted again."""

    def take(self, request: Received) -> Taken:
        """Check an event and keep it."""
        if self._secret:
            self._verify(request)
        if request.headers.get("content-type", "").partition(";")[0] != "application/cloudevents+json":
            raise Refusal(415, "no CloudEvent in structured JSON")
        try:
            event = object_in(request.body, _EVENT, ("specversion", "id", "source", "type"))
            if event["specversion"] != "1.0":
                raise ValueError("is of another version")
            datetime.fromisoformat(event.get("time", ""))
        except ValueError as error:
            raise Refusal(400, str(error)) from error
        if request.headers.get("idempotency-key") != event["id"]:
            raise Refusal(400, "the idempotency key is not the event's id")
        self.events.setdefault(event["id"], event)
        return Taken(200, "")

    def _verify(self, request: Received) -> None:
        id, at = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        if not at.isdecimal() or abs(self.clock.now() - int(at)) > _OLDEST_S:
            raise Refusal(401, "too old, or from the future")
        key = self._secret.encode()
        if self._secret.startswith("whsec_"):
            key = b64decode(self._secret.removeprefix("whsec_"))
        digest = hmac.digest(key, f"{id}.{at}.".encode() + request.raw, "sha256")
        expected = f"v1,{b64encode(digest).decode()}"
        given = request.headers.get("webhook-signature", "").split(" ")
        if not any(hmac.compare_digest(expected, each) for each in given):
            raise Refusal(401, "the signature is not right")
