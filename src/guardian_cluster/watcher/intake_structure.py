"""Decides which texts of a request are no words: those of its structure, and pictures, sounds and files in base64."""

import re

from guardian_cluster.watcher.intake_json import WHOLE_BYTES
from guardian_cluster.watcher.turns import Turns

_STRUCTURE = frozenset({"role", "type"})
_WORDS_OF_STRUCTURE = frozenset(
    {
        "system",
        "developer",
        "user",
        "assistant",
        "tool",
        "function",
        "text",
        "image_url",
        "input_audio",
        "file",
    }
    | {
        "refusal",
        "custom",
        "json_schema",
        "json_object",
        "object",
        "array",
        "string",
        "number",
        "integer",
        "boolean",
    }
    | {"null", "content"}
)
"""Of OpenAI's own, in those fields: a request without them would be none."""

_MEDIA = frozenset({"url", "data", "file_data"})
_MEDIA_CHARACTERS = 512
_DATA_URL = re.compile(r"data:[\w.+/;=-]{0,200}?;base64,")
_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]*")


async def is_not_searched(text: str, name: str, turns: Turns) -> bool:
    """Return whether a text, in a field of that name, is nothing that is read as words."""
    if name in _STRUCTURE and text in _WORDS_OF_STRUCTURE:
        return True
    return name in _MEDIA and await _is_media(text, turns)


async def _is_media(text: str, turns: Turns) -> bool:
    if len(text) < _MEDIA_CHARACTERS:
        return False
    begins = _DATA_URL.match(text)
    at = begins.end() if begins else 0
    while at < len(text):
        if not _BASE64.fullmatch(text, at, at + WHOLE_BYTES):
            return False
        at += WHOLE_BYTES
        await turns.rest()
    return True
