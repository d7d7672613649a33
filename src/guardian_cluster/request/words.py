"""Collects what the first choice of an answer says, in the pieces in which it leaves."""

from typing import Any

from guardian_cluster.specialists.specialist import Chunk


class Words:
    """The words of one answer, up to a number of characters."""

    def __init__(self, most: int) -> None:
        self._pieces: list[str] = []
        self._room = most

    @property
    def is_whole(self) -> bool:
        """Whether nothing had to be left out."""
        return self._room >= 0

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self._pieces)

    def beginning(self, most: int) -> str:
        """Return the first so many characters, whatever the answer's length."""
        said, pieces = "", iter(self._pieces)
        while len(said) < most and (piece := next(pieces, None)) is not None:
            said += piece
        return said[:most]

    def take(self, batch: list[Chunk]) -> None:
        """Note what is said in chunks that leave."""
        for chunk in batch:
            for choice in chunk.get("choices") or ():
                part: dict[str, Any] = choice.get("message") or choice.get("delta") or {}
                content = part.get("content")
                text = content if isinstance(content, str) else _text(content)
                if text and self._room >= 0 and choice.get("index", 0) == 0:
                    self._pieces.append(text if len(text) <= self._room else text[: self._room])
                    self._room -= len(text)


def _text(content: list[dict[str, Any]] | None) -> str:
    """Return the words of a content that comes in parts, as that of some models does."""
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content]
    return "".join(text for text in texts if isinstance(text, str))
