"""Messages of conversations, for tests."""

from typing import Any, Literal

import msgspec

from guardian_cluster.contract.snapshot import Endpoint, Specialist, Variant
from guardian_cluster.request.measuring import Piece, piece_of


def message(role: str, content: Any = None, **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **fields}


def calling(*names: str, content: str | None = None) -> dict[str, Any]:
    calls = [{"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}} for name in names]
    return message("assistant", content, tool_calls=calls)


def result(name: str, content: str = "42") -> dict[str, Any]:
    return message("tool", content, tool_call_id=name)


def piece(sent: dict[str, Any], number: int = 0, tokens: int | None = None) -> Piece:
    return piece_of(msgspec.json.encode(sent), number, tokens)


def talk(*sent: dict[str, Any], first: int = 1, tokens: int | None = None) -> list[Piece]:
    """Return messages as those of a conversation, numbered."""
    return [piece(each, number, tokens) for number, each in enumerate(sent, first)]


def turns(count: int, *, tokens: int = 10) -> list[Piece]:
    """Return so many questions with their answers."""
    sent: list[dict[str, Any]] = []
    for number in range(count):
        sent += [message("user", f"question {number}"), message("assistant", f"answer {number}")]
    return talk(*sent, tokens=tokens)


def windowed(
    name: str,
    window: int | None = None,
    kind: Literal["http", "solver"] = "http",
    variant: Variant | None = None,
) -> Specialist:
    """Return a specialist that takes so many tokens."""
    endpoints = (Endpoint(id=f"{name}/1", url="http://127.0.0.1:9/v1", model="m"),)
    variants = (variant or Variant(id="v1"),)
    return Specialist(name=name, kind=kind, endpoints=endpoints, variants=variants, context_length=window)
