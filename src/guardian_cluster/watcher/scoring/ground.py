"""Decides what an answer may draw on: the documents that its messages hold, and what else was said to its model."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from guardian_cluster.domain.request import Message
from guardian_cluster.watcher.scoring.groundedness import Context
from guardian_cluster.watcher.scoring.segments import windows

MAX_GROUND_CHARACTERS = 40_000
"""Of all documents of a request: they are read in 3 ms, slice by slice, and take some megabytes. Of more, nothing is
said: what stands nowhere in a part of them may stand in the rest."""

MAX_MESSAGES = 500
"""Of a request whose messages are looked through for documents, which takes 0.3 ms then."""

_MAX_LOOKED_AT = 3 * MAX_GROUND_CHARACTERS
_SLICE = 2_048
"""Characters that are read in one go."""

_RESULTS = frozenset({"tool", "function"})
"""Roles of messages that are documents whatever they say."""

_READABLE = frozenset({"text", "input_text", "output_text"})
"""Kinds of parts that are read; of what an image or a file says, nothing is known here."""

_NUMBERED = re.compile(r"^[ \t]{0,8}\[1\][ \t]+\S", re.MULTILINE)
"""How numbered passages begin, as prompts of retrieval have them."""

_WORDS = ("document", "context", "passage", "source")
_MARKED = re.compile(
    r"<(?:document|context|passage|source)s?[ >]|^[ \t#*]{0,8}(?:document|context|passage|source)s?[ \t*]{0,4}:",
    re.MULTILINE,
)
"""How else such prompts set documents off: in tags, and under a heading."""

_BEFORE, _AFTER = 9, 16
"""Characters around a word that are looked at: searching the pattern everywhere took up to twenty times as long."""

_MOST_PLACES = 256


def numbers_passages(text: str) -> bool:
    """Return whether a text holds passages to be cited by their numbers."""
    return "[1]" in text and _stands(_NUMBERED, text, "[1]")


def _marks_documents(text: str) -> bool:
    lower = text.lower()
    there = [word for word in _WORDS if word in lower]
    return bool(there) and any(_stands(_MARKED, lower, word) for word in there)


def _stands(pattern: re.Pattern[str], text: str, word: str) -> bool:
    """Return whether a pattern stands in a text around a word; of a word that is there far too often, some places."""
    at = text.find(word)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return False
        if pattern.search(text, max(0, at - _BEFORE), at + _AFTER):
            return True
        at = text.find(word, at + len(word))
    return False


def ground_of(messages: Sequence[Message]) -> tuple[str, ...]:
    """Return the texts that an answer may draw on; none where no message holds documents, or not all can be read.

    Documents are results of tools, and messages with passages that are numbered or marked as such. With them count
    the newest of what others than assistants said: a question's words are no invention of the answer.
    """
    if len(messages) > MAX_MESSAGES:
        return ()
    documents: list[str] = []
    others: list[str] = []
    looked_at = 0
    for message in reversed(messages):
        if message.role == "assistant":
            continue
        text = message.content
        if not isinstance(text, str):
            text = message.text()
            if message.unread_bytes() or _shows_more(message):
                return ()
        looked_at += len(text)
        if looked_at > _MAX_LOOKED_AT:
            return ()
        (documents if _is_document(message, text) else others).append(text)
    if not any(map(str.strip, documents)):
        return ()
    room = MAX_GROUND_CHARACTERS - sum(map(len, documents))
    if room < 0:
        return ()
    return tuple(documents + _fitting(others, room))


def _is_document(message: Message, text: str) -> bool:
    return message.role in _RESULTS or ("[1]" in text and numbers_passages(text)) or _marks_documents(text)


def _shows_more(message: Message) -> bool:
    """Return whether a message holds what is not read: images, sound, files."""
    content = message.content
    return isinstance(content, list) and any(part.type not in _READABLE for part in content)


def _fitting(texts: Sequence[str], room: int) -> list[str]:
    fitting: list[str] = []
    for text in texts:
        room -= len(text)
        if room < 0:
            break
        fitting.append(text)
    return fitting


def _slices(text: str) -> Iterator[str]:
    return windows(text, _SLICE)


class Ground:
    """What one answer may draw on, read slice by slice: nobody waits for all of it at once."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.context = Context()
        self._unread: Iterator[str] = chain.from_iterable(map(_slices, texts))

    def read_on(self) -> bool:
        """Read the next slice, which takes 0.1 to 0.3 ms; return whether there was one."""
        slice_ = next(self._unread, None)
        if slice_ is None:
            return False
        self.context.add(slice_)
        return True
