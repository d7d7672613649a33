"""How much of a specialist's window a conversation may take: what the answer and the rest of the request leave."""

from typing import Any

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.measuring import tokens_of

MAX_HISTORY_TOKENS = 32_000
"""Of history, however large the window is: it is paid for again with every request of the conversation."""

UNKNOWN_WINDOW = 8_192
"""Tokens, where an operator has not said: what small local models are commonly served with, or more."""

ANSWER_SHARE = 0.25
"""Of the window, kept for an answer whose length nobody has limited."""

LEAST_ANSWER_TOKENS = 256
"""Kept for such an answer where what must be shown takes most of the window; a few sentences."""

SURE_SHARE = 0.9
"""Of the room, filled with what need not be shown: tokens are estimated, and an endpoint that is sent too many
refuses the request, which it would not have without its history."""

_BESIDES = ("tools", "functions", "response_format")
"""Fields that models are shown beside the messages."""

_encode = msgspec.json.Encoder().encode


def tokens_besides(request: UserRequest) -> int:
    """Estimate the tokens of what a model is shown beside the messages: tools and schemas."""
    return sum(_tokens(request.body[name]) for name in _BESIDES if request.body.get(name) is not None)


def _tokens(field: Any) -> int:
    return tokens_of(field if isinstance(field, msgspec.Raw) else _encode(field))


def room_in(
    specialist: contract.Specialist, request: UserRequest, *, besides_tokens: int, required_tokens: int
) -> int:
    """Return how many tokens the messages may have for a specialist.

    Raises:
        InvalidRequest: those that must be shown, and the rest of the request, do not fit its window.
    """
    window = specialist.context_length
    variant = specialist.variants[0]
    besides = besides_tokens + tokens_of((variant.instructions or "").encode("utf-8", "replace"))
    asked = _limit_of(request)
    if asked is None:
        asked = _whole(variant.parameters.get("max_completion_tokens", variant.parameters.get("max_tokens")))
    if window is None:
        room = UNKNOWN_WINDOW - (asked or int(UNKNOWN_WINDOW * ANSWER_SHARE)) - besides
    else:
        left = window - besides - required_tokens
        answer = asked or min(int(window * ANSWER_SHARE), max(left, min(LEAST_ANSWER_TOKENS, window // 16)))
        room = window - answer - besides
        if required_tokens > room:
            raise _too_long(specialist.name, window, answer, besides + required_tokens, limited=bool(asked))
    return max(required_tokens, min(int(room * SURE_SHARE), required_tokens + MAX_HISTORY_TOKENS))


def _limit_of(request: UserRequest) -> int | None:
    chat = request.chat
    limit = chat.max_completion_tokens if chat.max_completion_tokens is not None else chat.max_tokens
    return _whole(limit)


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) and 0 < value < 1e9 else None


def _too_long(name: str, window: int, answer: int, needed: int, *, limited: bool) -> InvalidRequest:
    shorter = "ask for a shorter answer (`max_tokens`), " if limited else ""
    return InvalidRequest(
        f"`{name}` takes {window} tokens, {answer} of which are kept for the answer; the instructions, tools and "
        f"newest question alone hold about {needed}, whatever is left out of the history. Send less, {shorter}"
        f"or name a model with a larger window.",
        code="context_length_exceeded",
        param="messages",
    )
