"""The shapes of what the gateway answers, for its OpenAPI document; nothing is encoded through them.

Of an answer that a model gave, only the fields are named that clients rely on; all others pass as well.
"""

from typing import Any, Literal

import msgspec


class ErrorFields(msgspec.Struct, frozen=True):
    """What happened, to which object, what to do next."""

    message: str
    type: str
    param: str | None
    """The field of the request that is meant."""
    code: str | None
    """Stable, for programs."""


class Error(msgspec.Struct, frozen=True):
    """An error in OpenAI's shape."""

    error: ErrorFields


class AnswerMessage(msgspec.Struct, frozen=True):
    """What the model said."""

    role: str
    content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    refusal: str | None = None


class Choice(msgspec.Struct, frozen=True):
    """One of the answers asked for."""

    index: int
    message: AnswerMessage
    finish_reason: str


class TokenCounts(msgspec.Struct, frozen=True):
    """Tokens as the model counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class ChatCompletion(msgspec.Struct, frozen=True):
    """A whole answer."""

    id: str
    object: str
    created: int
    model: str
    """The name that was asked for; the headers say who answered."""
    choices: list[Choice]
    usage: TokenCounts | None = None


class Embedding(msgspec.Struct, frozen=True):
    """One vector, as numbers or in base64."""

    index: int
    embedding: list[float] | str


class Embeddings(msgspec.Struct, frozen=True):
    """One vector for each input."""

    object: str
    model: str
    data: list[Embedding]


class Model(msgspec.Struct, frozen=True):
    """A name that may be asked for: a specialist, an alias, or `auto`."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(msgspec.Struct, frozen=True):
    """Every name that may be asked for."""

    object: Literal["list"]
    data: list[Model]


class FeedbackTaken(msgspec.Struct, frozen=True):
    """What was said is kept."""

    object: Literal["feedback"]
    request_id: str


class Health(msgspec.Struct, frozen=True):
    """The process runs."""

    status: Literal["ok"]


class Readiness(msgspec.Struct, frozen=True):
    """Whether new requests are welcome."""

    status: Literal["ok", "draining"]
    rev: int
    specialists: list[str]
