"""What a simulated model was asked: one received HTTP request, for scripts to read and tests to check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

JsonObject = dict[str, Any]
"""A JSON object as it came over the wire; `Any` because its shape belongs to whoever sent it."""

# OpenAI allows 128 choices; the bound keeps a hostile `n` from filling the memory of a test run.
MOST_CHOICES = 128


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request as it arrived, and what it asks for.

    Nothing here raises on a strange body: a field of the wrong type reads as absent, because a
    simulated model is also used to see what a gateway lets through.
    """

    number: int  # counted from 0 since the server started
    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # names in lower case
    raw: bytes
    body: JsonObject = field(default_factory=dict[str, Any])  # empty when the body is no JSON object
    on_reused_connection: bool = False
    choice: int = 0  # which of the `n` choices a script is being asked for

    @property
    def model(self) -> str:
        """The model asked for, or an empty string."""
        return text_of(self.body.get("model"))

    @property
    def messages(self) -> list[JsonObject]:
        """The conversation, without entries that are no objects."""
        return objects_of(self.body.get("messages"))

    @property
    def prompt(self) -> str:
        """The text of the last user message; parts of other kinds than text are left out."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return content_text(message.get("content"))
        return ""

    @property
    def is_streamed(self) -> bool:
        """Whether a stream of events is asked for."""
        return self.body.get("stream") is True

    @property
    def includes_usage(self) -> bool:
        """Whether the stream should end with a usage chunk."""
        return object_of(self.body.get("stream_options")).get("include_usage") is True

    @property
    def choices(self) -> int:
        """How many choices are asked for, between 1 and MOST_CHOICES."""
        asked = self.body.get("n")
        return min(max(asked, 1), MOST_CHOICES) if isinstance(asked, int) else 1

    @property
    def most_tokens(self) -> int | None:
        """How many tokens an answer may have, where the request says so."""
        for name in ("max_completion_tokens", "max_tokens"):
            asked = self.body.get(name)
            if isinstance(asked, int):
                return max(asked, 0)
        return None

    @property
    def wants_logprobs(self) -> bool:
        """Whether token log probabilities are asked for."""
        return self.body.get("logprobs") is True

    @property
    def top_logprobs(self) -> int:
        """How many alternatives per token are asked for, between 0 and 20 (OpenAI's limit)."""
        asked = self.body.get("top_logprobs")
        return min(max(asked, 0), 20) if isinstance(asked, int) else 0


def text_of(value: object) -> str:
    """Return a string as it is, anything else as an empty string."""
    return value if isinstance(value, str) else ""


def object_of(value: object) -> JsonObject:
    """Return a JSON object as it is, anything else as an empty object."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def objects_of(value: object) -> list[JsonObject]:
    """Return the JSON objects of a list; anything that is no list has none."""
    if not isinstance(value, list):
        return []
    return [cast("JsonObject", entry) for entry in cast("list[object]", value) if isinstance(entry, dict)]


def content_text(content: object) -> str:
    """Return the text of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(text_of(part.get("text")) for part in objects_of(content))
