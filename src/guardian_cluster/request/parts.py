"""Which requests may be taken apart, and the request that one part becomes."""

from typing import Any

import msgspec

from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.request.decomposition import Part

_OF_THE_WHOLE = frozenset({"stream", "stream_options", "messages"})
"""Fields that do not concern a part: it is answered whole, and sent on as the caller wants it."""


def is_divisible(request: UserRequest) -> bool:
    """Return whether a request has the form of one that may have parts.

    It is one question in plain words, asked for one plain answer. What came before it in a conversation, tools, or a
    form for the whole answer would bind its parts together.
    """
    view = request.view
    if (
        not isinstance(view, ChatRequest)
        or view.tools
        or view.functions
        or view.logprobs
        or (view.n or 1) != 1
        or view.wanted_form is not None
    ):
        return False
    spoken = [message for message in view.messages if message.role not in ("system", "developer")]
    return len(spoken) == 1 and spoken[0].role == "user" and isinstance(spoken[0].content, str)


def request_for(request: UserRequest, part: Part, max_cost_usd: float | None = None) -> UserRequest:
    """Return the request that asks for one part alone, under the instructions of the whole.

    `max_cost_usd` is the part's share of what the whole may cost, where there is a limit.
    """
    text = part.text
    if part.instruction and part.requirement != "exact":  # the solver reads questions alone
        text = f"{text}\n{part.instruction}"
    body = {name: value for name, value in request.body.items() if name not in _OF_THE_WHOLE}
    body["messages"] = [
        {**message, "content": text} if message.get("role") == "user" else message
        for message in messages_of(request)
    ]
    seen = [
        msgspec.structs.replace(message, content=text) if message.role == "user" else message
        for message in request.chat.messages
    ]
    view = msgspec.structs.replace(request.chat, messages=seen, stream=None, stream_options=None)
    return msgspec.structs.replace(
        request,
        id=f"{request.id}.{part.number}",
        body=body,
        view=view,
        max_cost_usd=request.max_cost_usd if max_cost_usd is None else max_cost_usd,
    )


def messages_of(request: UserRequest) -> list[dict[str, Any]]:
    """Return a request's messages as they were sent, decoded where they were not."""
    messages: Any = request.body.get("messages")
    return msgspec.json.decode(messages) if isinstance(messages, msgspec.Raw) else messages
