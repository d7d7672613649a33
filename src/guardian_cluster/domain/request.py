"""What a user asks: the request as sent, and the view of it that decisions are made on."""

import uuid
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec

from guardian_cluster.domain.errors import InvalidRequest

Operation = Literal["chat", "embeddings"]

MAX_CHOICES = 128
"""OpenAI's own limit for `n`."""


Whole = Annotated[float, msgspec.Meta(multiple_of=1)]
"""A whole number as JSON may write it: `1.0` is one as well."""


class ContentPart(msgspec.Struct, frozen=True):
    """One part of a message; only its text is looked at."""

    type: str
    text: str | None = None


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation, as far as the cluster reads it."""

    role: str
    content: str | list[ContentPart] | None = None

    def text(self) -> str:
        """Return the message's words, its text parts joined by newlines."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.text)

    def unread_bytes(self) -> int:
        """Return the size of what was not read of the message."""
        return 0


class UnreadMessage(Message, frozen=True):
    """A message whose words are so many that they are passed on without being read; no caller can send one."""

    size: int = 0
    """Bytes of the words as sent."""

    def unread_bytes(self) -> int:
        """Return the size of the words."""
        return self.size


class JsonSchema(msgspec.Struct, frozen=True):
    """The schema an answer must follow."""

    schema: dict[str, Any] | bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """The form an answer must have."""

    type: str
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """What a streamed answer carries besides the answer."""

    include_usage: bool | None = None


class ChatRequest(msgspec.Struct, frozen=True):
    """The fields of a chat request that the cluster decides on; all others pass through untouched."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Whole | None = None
    max_tokens: Whole | None = None
    max_completion_tokens: Whole | None = None
    tools: list[dict[str, Any]] | None = None
    functions: list[dict[str, Any]] | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    user: str | None = None

    @property
    def wanted_form(self) -> ResponseFormat | None:
        """The form that the whole answer must have; plain text is none."""
        wanted = self.response_format
        return None if wanted is None or wanted.type == "text" else wanted

    def last_question(self) -> str:
        """Return the last thing the user said, whatever came before it."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text()
        return ""


class EmbeddingsRequest(msgspec.Struct, frozen=True):
    """The fields of an embeddings request that the cluster decides on."""

    model: str
    input: str | list[str | float | list[float]]
    user: str | None = None
    stream: ClassVar[None] = None
    """There are no pieces that numbers could come in."""


class UserRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to the cluster.

    `UserRequest(body={"model": "auto", "messages": [...]})` is all a library user needs; the gateway fills in
    the rest. The values of `body` may still be encoded (`msgspec.Raw`): what is not decided on is not
    decoded.

    Raises:
        InvalidRequest: the body is not a request of the operation.
    """

    body: dict[str, Any]
    operation: Operation = "chat"
    view: ChatRequest | EmbeddingsRequest | None = None
    id: str = msgspec.field(default_factory=lambda: f"req_{uuid.uuid4().hex}")
    tenant: str = "default"
    key: str | None = None
    timeout_s: float | None = None
    """The caller's own limit for the whole request; the specialist's applies as well."""
    traceparent: str | None = None
    """The caller's trace (W3C Trace Context), which the endpoint is told of."""
    session: str | None = None
    """The conversation that the request belongs to, where its caller leaves the history to the cluster."""
    max_cost_usd: float | None = None
    """The caller's own limit for what all attempts may cost together; the operator's applies as well."""

    def __post_init__(self) -> None:
        view = self.view
        if view is None:
            view = view_of(self.body, self.operation)
            msgspec.structs.force_setattr(self, "view", view)
        check(view)

    @property
    def chat(self) -> ChatRequest:
        """The view of a chat request."""
        assert isinstance(self.view, ChatRequest)
        return self.view

    @property
    def model(self) -> str:
        """The name the caller asked for: a specialist, an alias or `auto`."""
        assert self.view is not None
        return self.view.model

    @property
    def streamed(self) -> bool:
        """Whether the caller wants the answer piece by piece."""
        return self.view is not None and bool(self.view.stream)

    def as_stream(self) -> Self:
        """Return the same request with a streamed answer."""
        if self.streamed:
            return self
        return msgspec.structs.replace(self, body={**self.body, "stream": True}, view=None)

    def as_whole(self) -> Self:
        """Return the same request with an answer in one piece."""
        if not self.streamed:
            return self
        body = {name: value for name, value in self.body.items() if name not in ("stream", "stream_options")}
        return msgspec.structs.replace(self, body=body, view=None)


def view_of(body: dict[str, Any], operation: Operation) -> ChatRequest | EmbeddingsRequest:
    """Read the fields decisions are made on.

    Raises:
        InvalidRequest: a field is missing or of the wrong type; `param` names it.
    """
    kind = ChatRequest if operation == "chat" else EmbeddingsRequest
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise explain(error) from None


def explain(error: msgspec.ValidationError) -> InvalidRequest:
    """Turn a parser's complaint into a message that names the field."""
    reason, _, path = str(error).partition(" - at `$")
    param = path.rstrip("`").removeprefix(".") or None
    if param is None and "missing required field" in reason:
        param = reason.rpartition(" ")[2].strip("`")
        return InvalidRequest(
            f"The field `{param}` is missing.", param=param, code="missing_required_parameter"
        )
    where = f" in `{param}`" if param else ""
    return InvalidRequest(f"{reason}{where}.", param=param, code="invalid_type")


def check(view: ChatRequest | EmbeddingsRequest) -> None:
    """Refuse what no model could answer.

    Raises:
        InvalidRequest: empty model, no messages or input, or a number of choices outside 1..128.
    """
    if not view.model:
        raise InvalidRequest("`model` is empty; name a specialist, an alias or `auto`.", param="model")
    if isinstance(view, EmbeddingsRequest):
        if not view.input:
            raise InvalidRequest(
                "`input` is empty; send at least one text.", param="input", code="empty_input"
            )
        return
    if not view.messages:
        raise InvalidRequest(
            "`messages` is empty; send at least one message.", param="messages", code="empty_array"
        )
    if view.n is not None and not 1 <= view.n <= MAX_CHOICES:
        raise InvalidRequest(f"`n` must be between 1 and {MAX_CHOICES}.", param="n", code="invalid_value")
