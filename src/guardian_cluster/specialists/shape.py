"""The shape of an answer, checked before anything reads it: a model's server is as hostile as its words."""

from typing import Any

import msgspec

from guardian_cluster.domain.errors import AttemptFailed


class _Call(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _ToolCall(msgspec.Struct, frozen=True):
    index: int = 0
    function: _Call | None = None
    custom: _Call | None = None


_Spoken = str | list[dict[str, Any]] | dict[str, Any] | float | bool | None
"""Servers differ in what they put here; a list is read as one of parts, and so must be one."""


class _Part(msgspec.Struct, frozen=True):
    role: str | None = None
    content: str | list[dict[str, Any]] | None = None
    reasoning_content: _Spoken = None
    reasoning: _Spoken = None
    refusal: _Spoken = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Call | None = None
    audio: dict[str, Any] | None = None


class _Token(msgspec.Struct, frozen=True):
    token: str | None = None
    bytes: list[int] | None = None
    top_logprobs: list["_Token"] | None = None


class _Logprobs(msgspec.Struct, frozen=True):
    content: list[_Token] | None = None
    refusal: list[_Token] | None = None


class _Choice(msgspec.Struct, frozen=True):
    index: int = 0
    delta: _Part | None = None
    message: _Part | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Answer(msgspec.Struct, frozen=True):
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None = None
    """What the counts are is nobody's business here: a complete answer is not lost for a wrong one."""


def check(answer: dict[str, Any]) -> None:
    """Refuse a chunk or answer whose known fields have other types than OpenAI's; unknown fields may be anything.

    Raises:
        AttemptFailed: with the place and the type found.
    """
    try:
        msgspec.convert(answer, _Answer)
    except msgspec.ValidationError as error:
        raise AttemptFailed(
            f"The model's answer has a wrong shape: {error}.", code="upstream_malformed"
        ) from None
