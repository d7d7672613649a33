"""Whether a streamed answer that breaks off may be continued by somebody else: only plain text may.

What leaves to the client is noted as it leaves; the decision is made where the answer breaks off.
"""

from typing import Any

import msgspec

from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.request.continuation.fences import ends_in_fence
from guardian_cluster.specialists.specialist import Chunk

MAX_SAID_CHARACTERS = 64_000
"""Of an answer: about 16,000 tokens, which most models are not allowed to exceed in one answer. Whoever goes on has to
read all of it again, and is paid for that; and as much may be held until it is clear where new words begin."""

_PLAIN = frozenset({"content"})
_SILENT = frozenset({"role", "content"})
REASONING = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
"""Fields in which servers let a model think aloud."""
_CALLS = ("tool_calls", "function_call")
_FORMS = frozenset(
    {"guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs", "grammar"}
    | {"json_schema", "regex", "ebnf", "text_format"}
)
"""Fields with which servers are asked for an answer of a form: vLLM, SGLang and llama.cpp."""
_MEDIA = frozenset({"modalities", "audio"})
_NOTHING = (None, False, b"null", b"false", b"[]", b"{}")


class Continuability:
    """Notes what of one answer leaves to the client, and decides whether somebody else may go on with it.

    The words of whoever goes on are noted by the same one: an answer may break off again.
    """

    def __init__(self, request: UserRequest) -> None:
        self._against = refused_by(request)
        self._pieces: list[str] = []
        self._room = MAX_SAID_CHARACTERS
        self._has_reasoned = False

    @property
    def said(self) -> str:
        """What has left so far; without what is beyond the most that can be continued."""
        return "".join(self._pieces)

    def take(self, chunks: list[Chunk]) -> None:
        """Note chunks that leave; most take half a microsecond."""
        for chunk in chunks:
            for choice in chunk.get("choices") or ():
                delta = choice.get("delta")
                if delta and delta.keys() == _PLAIN and not choice.get("logprobs"):
                    content = delta["content"]
                    if type(content) is str:
                        self._hear(content)
                    else:
                        self._look_at(choice)
                else:
                    self._look_at(choice)
                if choice.get("finish_reason") or choice.get("index"):
                    self._look_at_end(choice)

    def why_not(self) -> str | None:
        """Return in words why the answer cannot be continued, in the middle of a sentence; `None` where it can."""
        if self._against is not None:
            return self._against
        if self._room < 0:
            return f"more than {MAX_SAID_CHARACTERS:,} characters were said"
        said = self.said
        if not said.strip():
            return "it was still reasoning" if self._has_reasoned else "nothing was said yet"
        return "it broke off inside a code block" if ends_in_fence(said) else None

    def _hear(self, text: str) -> None:
        if text and self._room >= 0:
            self._room -= len(text)
            if self._room >= 0:
                self._pieces.append(text)

    def _look_at(self, choice: dict[str, Any]) -> None:
        """Note a piece that is more, or else, than text."""
        delta: dict[str, Any] = choice.get("delta") or choice.get("message") or {}
        if choice.get("logprobs"):
            self._against = self._against or "it has log probabilities"
        for name, value in delta.items():
            if name not in _SILENT and value:
                self._refuse(name)
        content = delta.get("content")
        if isinstance(content, str):
            self._hear(content)
        elif content:
            self._hear_parts(content)

    def _refuse(self, name: str) -> None:
        if name in REASONING:
            self._has_reasoned = True
            if self._pieces:
                self._against = self._against or "it reasoned between its words"
        elif name in _CALLS:
            self._against = self._against or "it called a tool"
        else:
            self._against = self._against or f"it has more than text ({name[:40]})"

    def _hear_parts(self, parts: list[Any]) -> None:
        for part in parts:
            text = part.get("text") if isinstance(part, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if isinstance(text, str):
                self._hear(text)
            else:
                self._against = self._against or "it has more than text (content)"

    def _look_at_end(self, choice: dict[str, Any]) -> None:
        if choice.get("index"):
            self._against = self._against or "it has several choices"
        if choice.get("finish_reason"):
            self._against = self._against or "it had come to its end"


def refused_by(request: UserRequest) -> str | None:
    """Return why no answer to a request can be continued; `None` where its form allows it."""
    view = request.view
    if not isinstance(view, ChatRequest):
        return "it is no chat"
    if not view.stream:
        return "it is not streamed"
    if (view.n or 1) > 1:
        return "several choices were asked for"
    if view.logprobs:
        return "log probabilities were asked for"
    if view.wanted_form is not None or _is_set(request.body, _FORMS):
        return "an answer of a form, such as JSON, was asked for"
    if _is_set(request.body, _MEDIA):
        return "more than text was asked for"
    return None


def _is_set(body: dict[str, Any], names: frozenset[str]) -> bool:
    return any(_value(body[name]) not in _NOTHING for name in names & body.keys())


def _value(value: Any) -> object:
    """Return a value as it can be compared: what is still encoded by its bytes, and the usual for nothing."""
    if isinstance(value, msgspec.Raw):
        encoded = bytes(value).strip()
        return None if encoded == b'["text"]' else encoded
    return None if value in (["text"], [], {}) else value
