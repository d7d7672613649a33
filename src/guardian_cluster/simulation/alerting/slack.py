"""A Slack incoming webhook, as far as it is used: a message in a channel, and whom it would have called.

What it takes and answers is that of https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
"""

import re
from html import unescape
from typing import Any, ClassVar

from guardian_cluster.simulation.alerting.receiver import Received, Receiver, Refusal, Taken, object_in

_MESSAGE = {
    "text": str,
    "blocks": list,
    "attachments": list,
    "mrkdwn": bool,
    "parse": str,
    "link_names": bool,
    "unfurl_links": bool,
    "unfurl_media": bool,
    "thread_ts": str,
}
_CONTROL = re.compile("<([^<>]*)>")
_NAMES = re.compile("@(channel|here|everyone|group)", re.IGNORECASE)
_LONGEST = 40_000


class SlackServer(Receiver):
    """Keeps messages as people see them."""

    PATH: ClassVar[str] = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.shown: list[str] = []
        """Each message as it is read."""
        self.markup: list[str] = []
        """All that Slack would not have shown as text: mentions, links, commands. Ought to be empty."""

    def take(self, request: Received) -> Taken:
        """Check a message and show it."""
        if request.path != self.PATH:
            raise Refusal(404, "no_service")
        try:
            message = object_in(request.body, _MESSAGE, ())
        except ValueError as error:
            raise Refusal(400, "invalid_payload") from error
        text = message.get("text", "")
        if not text or len(text) > _LONGEST:
            raise Refusal(400, "no_text" if not text else "msg_too_long")
        self.markup += _CONTROL.findall(text)
        if message.get("link_names") or message.get("parse") == "full":
            self.markup += _NAMES.findall(text)
        self.markup += re.findall("&(?!amp;|lt;|gt;)", text)
        self.shown.append(unescape(text))
        return Taken(200, "ok")
