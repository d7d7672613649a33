"""Decides which messages a specialist was shown, as far as the cluster reads them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from guardian_cluster.domain.request import Message, UserRequest
from guardian_cluster.specialists.specialist import Context

_decode = msgspec.json.Decoder(Message).decode


def messages_shown(context: Context, request: UserRequest) -> Sequence[Message]:
    """Return the messages that a specialist answers from: those of the request, and before them what was remembered.

    Raises:
        ValidationError: a message that was remembered is none.
    """
    if not context.history:
        return request.chat.messages
    return [_message(each) for each in context.messages]


def _message(message: Any) -> Message:
    return _decode(message) if isinstance(message, msgspec.Raw) else msgspec.convert(message, Message)
