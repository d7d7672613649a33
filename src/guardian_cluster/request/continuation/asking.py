"""How another endpoint is asked to go on with an answer: the messages, and the fields beside them.

Two manners. `prompt`: the words so far as a message of the assistant, then a user's message that asks for the rest; any
server understands it. `prefill`: the words so far as the last message, for servers that go on with one.
"""

from typing import Any, Literal, cast

import msgspec

from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.continuation.signs import signs_of, unique_end
from guardian_cluster.request.measuring import tokens_of

Manner = Literal["prompt", "prefill"]

MOST_ANCHOR_CHARACTERS = 240
"""A model repeats a sentence or two as they stand; of much more it makes its own."""

LEAST_ANCHOR_WORDS = 8
"""About as many as name a place in a text; fewer recur (and are then added to, see `anchor_of`)."""

REPEATED_TOKENS = 96
"""Allowed on top of what is left of the request's token limit: the anchor is said again, and is not passed on."""

PREFILL_FIELDS: dict[str, Any] = {"continue_final_message": True, "add_generation_prompt": False}
"""What vLLM, SGLang, TGI and others read; without the first they begin a new message after the last. Servers that
always go on with a last message of the assistant (llama.cpp, OpenRouter, LMDeploy) pass them over."""

_ASK = (
    "Your last answer was cut off by a broken connection. Continue it from exactly where it stops, so that both parts"
    " together read as one answer. Begin with its last words, repeated exactly as they stand:\n\n{anchor}\n\nThen go"
    " on right there, in the same language and form, until the answer is complete. Write nothing before those words:"
    " no preface, no quotation marks, no code fence. Do not start again, and do not repeat anything that stands"
    " before them."
)

_messages = msgspec.json.Decoder(list[msgspec.Raw])
_message = msgspec.json.Decoder(dict[str, Any])


def continued(messages: Any, said: str, manner: Manner) -> list[Any]:
    """Return the messages with which somebody is asked to go on with what was said.

    They may be encoded together, each alone, or not at all; all but the last stay as they are.

    The words end without white space: Anthropic's interface refuses a last message that ends with some, and chat
    templates cut it off. `Splice` knows.
    """
    given = list(_messages.decode(messages) if isinstance(messages, msgspec.Raw) else messages or ())
    spoken: dict[str, Any] = {"role": "assistant", "content": _begun(given) + said.rstrip()}
    if manner == "prefill":
        spoken["prefix"] = True  # Mistral and DeepSeek read it; others do not look at it
        return [*given, spoken]
    return [*given, spoken, {"role": "user", "content": _ASK.format(anchor=anchor_of(said))}]


def fields_of(request: UserRequest, said: str, manner: Manner) -> dict[str, Any]:
    """Return the fields of a request's body that differ when it is asked to go on: its token limits, and the manner.

    What was said counts against a limit, as far as it can be estimated; at least one token is left.
    """
    fields = dict(PREFILL_FIELDS) if manner == "prefill" else {}
    used = tokens_of(said.encode("utf-8", "surrogatepass"))
    allowed = REPEATED_TOKENS if manner == "prompt" else 0
    chat = request.chat
    for name, most in (
        ("max_tokens", chat.max_tokens),
        ("max_completion_tokens", chat.max_completion_tokens),
    ):
        if most is not None:
            fields[name] = max(1, int(most) - used) + allowed
    return fields


def anchor_of(said: str) -> str:
    """Return the last words of what was said that stand there once: whoever repeats them shows where they go on."""
    text = said.rstrip()
    start = max(0, len(text) - MOST_ANCHOR_CHARACTERS)
    tail = text[start:]
    signs = signs_of(text)
    most = len(unique_end(signs.text) or signs.text)
    place = signs.start(max(0, len(signs.text) - most))
    place = min(place, _words_before(text, LEAST_ANCHOR_WORDS))
    while (
        0 < place < len(text) and not text[place - 1].isspace() and len(text) - place < MOST_ANCHOR_CHARACTERS
    ):
        place -= 1
    return text[place:] if place >= start else tail


def _words_before(text: str, count: int) -> int:
    """Return where the last so many words of a text begin, as far as it can be told by spaces."""
    place = len(text)
    for _ in range(count):
        cut = max(text.rfind(" ", 0, place), text.rfind("\n", 0, place))
        if cut < 0:
            return 0
        place = cut
        if len(text) - place > MOST_ANCHOR_CHARACTERS // 2:
            break
    return min(place + 1, len(text))


def _begun(given: list[Any]) -> str:
    """Take off the messages a last one of the assistant, which the answer goes on with; return its words."""
    if not given:
        return ""
    last = given[-1]
    try:
        message = _message.decode(last) if isinstance(last, msgspec.Raw) else cast("dict[str, Any]", last)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    content = message.get("content")
    if message.get("role") != "assistant" or not isinstance(content, str) or message.get("tool_calls"):
        return ""
    given.pop()
    return content
