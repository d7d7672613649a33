"""Puts an answer together again from the pieces in which it leaves, as a message that a later request can carry."""

from typing import Any

from guardian_cluster.specialists.specialist import Chunk

MAX_SPOKEN_CHARACTERS = 1_000_000
"""Of words and calls together: more is not kept of a conversation either."""


class Spoken:
    """The message of the first choice."""

    def __init__(self) -> None:
        self._content: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._whole: dict[str, Any] | None = None
        self._room = MAX_SPOKEN_CHARACTERS

    def take(self, batch: list[Chunk]) -> None:
        """Note what chunks that leave say, before anything else changes them."""
        for chunk in batch:
            for choice in chunk.get("choices") or ():
                if choice.get("index", 0) == 0:
                    self._part(choice)

    def messages(self) -> list[dict[str, Any]]:
        """Return the message; none where nothing was said, or more than a conversation keeps."""
        if self._whole is not None:
            return [self._whole]
        if self._room < 0 or not (self._content or self._calls):
            return []
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._content) or None}
        if self._calls:
            message["tool_calls"] = [self._calls[place] for place in sorted(self._calls)]
        return [message]

    def _part(self, choice: dict[str, Any]) -> None:
        if choice.get("message"):
            self._whole = choice["message"]
            return
        delta: dict[str, Any] = choice.get("delta") or {}
        content = delta.get("content")
        if isinstance(content, str) and content:
            self._content.append(content)
            self._room -= len(content)
        for call in delta.get("tool_calls") or ():
            self._call(call)
        if self._room < 0:
            self._content, self._calls = [], {}

    def _call(self, piece: dict[str, Any]) -> None:
        known = self._calls.setdefault(piece.get("index", 0), {"type": "function", "function": {}})
        known.update({name: piece[name] for name in ("id", "type") if piece.get(name)})
        function: dict[str, Any] = piece.get("function") or {}
        for name, text in function.items():
            if isinstance(text, str):
                known["function"][name] = known["function"].get(name, "") + text
                self._room -= len(text)
