"""What a request asks of whoever answers it, as far as its form tells: capabilities, choices, length."""

import msgspec

from guardian_cluster.domain.request import ChatRequest, EmbeddingsRequest, UserRequest

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English text; used only where no model has counted."""


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks of whoever answers it."""

    embeddings: bool = False
    tools: bool = False
    vision: bool = False
    json: bool = False
    choices: int = 1
    logprobs: bool = False
    input_tokens: int = 0
    """Estimated from the length of the text."""


def needs_of(request: UserRequest) -> Needs:
    """Read off a request what it asks of whoever answers."""
    view = request.view
    if isinstance(view, EmbeddingsRequest):
        return Needs(embeddings=True, input_tokens=embedded_tokens(view, request.body.get("input")))
    if view is None:
        return Needs()
    characters = 0
    vision = False
    for message in view.messages:
        characters += message.unread_bytes()
        if isinstance(message.content, str):
            characters += len(message.content)
        elif message.content:
            characters += len(message.text())
            vision = vision or any(
                part.type in ("image_url", "input_image", "image") for part in message.content
            )
    return Needs(
        tools=bool(view.tools or view.functions),
        vision=vision,
        json=view.wanted_form is not None,
        choices=int(view.n or 1),
        logprobs=bool(view.logprobs),
        input_tokens=-(-characters // CHARACTERS_PER_TOKEN),
    )


def embedded_tokens(view: EmbeddingsRequest, sent: object) -> int:
    """Estimate the tokens of what is to be embedded: texts by their length, token numbers one for each.

    Where it is still encoded as it was `sent`, its size alone counts: a quarter of a million numbers would take
    longer to look at than all the rest of a request. That is half as much again for token numbers.
    """
    if isinstance(sent, msgspec.Raw):
        return -(-memoryview(sent).nbytes // CHARACTERS_PER_TOKEN)
    inputs = [view.input] if isinstance(view.input, str) else view.input
    characters = sum(len(each) for each in inputs if isinstance(each, str))
    numbers = sum(len(each) if isinstance(each, list) else 1 for each in inputs if not isinstance(each, str))
    return numbers - (-characters // CHARACTERS_PER_TOKEN)


def question_of(view: ChatRequest) -> str:
    """Return the last thing the user said, where it stands alone: a conversation may give its words another meaning."""
    spoken = [message for message in view.messages if message.role not in ("system", "developer")]
    return spoken[0].text() if len(spoken) == 1 and spoken[0].role == "user" else ""


def is_instructed(request: UserRequest) -> bool:
    """Return whether a request says how to answer, which the solver does not read."""
    view = request.view
    return isinstance(view, ChatRequest) and any(
        message.role in ("system", "developer") for message in view.messages
    )
