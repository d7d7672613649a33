"""Slack, by an incoming webhook: a message in a channel, shown as text alone.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from typing import Any

import msgspec

from guardian_cluster.contract.snapshot import Sink
from guardian_cluster.domain.alert import Alert, Delivery
from guardian_cluster.recovery.alerts.posting import Post, post
from guardian_cluster.recovery.alerts.rendering import headline, paragraphs
from guardian_cluster.recovery.alerts.settling import Outcome
from guardian_cluster.specialists.transport import Transport

MAX_TEXT = 3_000
"""Characters before they are escaped; Slack cuts messages at 40,000 and asks for no more than 4,000."""

_CALLING = re.compile("@(?=channel|here|everyone|group)", re.IGNORECASE)
_BROKEN = "@\u2060"
"""With a word joiner behind it, which nobody sees, the sign calls nobody."""


class Slack:
    """Posts messages. They hold no markup, no links and no mentions, whatever an incident's words are."""

    def __init__(self, name: str, sink: Sink, transport: Transport) -> None:
        self._name = name
        self._sink = sink
        self._transport = transport

    async def send(self, delivery: Delivery, now: float) -> Outcome:
        """Send it; see `AlertSink.send`."""
        url = self._sink.url.value if self._sink.url else ""
        what = Post(
            sink=self._name,
            url=url,
            body=msgspec.json.encode(of(delivery.alert)),
            ca_file=self._sink.ca_file,
            hidden=(url,),
        )
        return await post(self._transport, what, now)


def of(alert: Alert) -> dict[str, Any]:
    """Return the message."""
    text = f"{headline(alert, 250)}\n{paragraphs(alert, MAX_TEXT - 251)}"
    return {
        "text": escaped(text),
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str) -> str:
    """Return a text that Slack shows as it stands: its three control characters escaped, and no mention in it."""
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CALLING.sub(_BROKEN, shown)
