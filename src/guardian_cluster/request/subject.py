"""What a request is about, as far as guardians may know it: its language, its instructions and its words, as numbers.

Nothing here can be read back: what is recorded are hashes under the installation's own salt.
"""

import re
from hashlib import blake2b

import msgspec

from guardian_cluster.domain.request import ChatRequest, EmbeddingsRequest, Message, UserRequest
from guardian_cluster.request.asked_language import asked_language
from guardian_cluster.statistics.form import words_of
from guardian_cluster.statistics.word_numbers import packed, word_numbers

READ_CHARACTERS = 240
"""Of a question: where it begins it says what it is about. Of 600, topics of MMLU's questions were told no better."""

MAX_WORDS = 12
"""The longest, for short words are in every question. So many of 240 characters have six letters or more."""

TEMPLATE_CHARACTERS = 2_048
"""Of the instructions; of longer ones the size counts besides, in powers of two."""

_MOST_MESSAGES = 32
"""Of instructions; a hostile request may begin with thousands."""

_MOST_KNOWN = 512
"""Instructions whose hash is known; hostile ones are never the same."""

_LEAST_LETTERS = 4
_FEW_WORDS = 20
_LEAST_OF_MANY = 6
"""Letters; of many words enough are as long, and to sort all of them would take twice the time."""

_KEY_BYTES = blake2b.MAX_KEY_SIZE
_DIGITS = b"0123456789"
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff]")
"""Scripts that leave no room between words: Thai, Japanese, Chinese. There pairs of characters stand for words."""
_INSTRUCTING = frozenset({"system", "developer"})
_UNREAD_INPUT = "unread"
"""What stands in the view of an embeddings request whose input was too long to be read (gateway/parsing.py)."""


class Subject(msgspec.Struct, frozen=True):
    """What of a request is recorded besides its numbers."""

    language: str = ""
    template: str = ""
    words: bytes = b""


UNKNOWN = Subject()


class Subjects:
    """Tells what requests are about, under one salt."""

    def __init__(self, salt: str) -> None:
        self.numbers = word_numbers(salt)
        self._key = salt.encode()[:_KEY_BYTES]
        self._known: dict[int, str] = {}

    def of(self, request: UserRequest) -> Subject:
        """Return what a request is about, in 4 to 12 µs; never raises, whatever the request says."""
        view = request.view
        if isinstance(view, ChatRequest):
            text, template = view.last_question(), self._template(view.messages)
        else:
            text, template = _embedded(request, view), ""
        text = text[:READ_CHARACTERS]
        if not text:
            return Subject("", template)
        words = words_of(text)
        return Subject(asked_language(text, words), template, packed(self.numbers.of(_longest(text, words))))

    def _template(self, messages: list[Message]) -> str:
        """Return a hash of the instructions that messages begin with, digits left out; empty where there are none."""
        if messages[0].role not in _INSTRUCTING:
            return ""
        said, length = _instructions(messages)
        # Programs send the same few again and again. Kept is Python's own hash, which is secret, never the text.
        place = hash((said, length))
        known = self._known.get(place)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[place] = self._hashed(said, length)
        return known

    def _hashed(self, said: str, length: int) -> str:
        if not length:
            return ""
        read = said.encode("utf-8", "replace").translate(None, _DIGITS)
        size = length.bit_length() if length > TEMPLATE_CHARACTERS else 0
        return blake2b(read, digest_size=4, key=self._key, salt=bytes((size,))).hexdigest()


def _instructions(messages: list[Message]) -> tuple[str, int]:
    """Return how the instructions begin, and how many characters all of them have."""
    said, length = "", 0
    for message in messages[:_MOST_MESSAGES]:
        if message.role not in _INSTRUCTING:
            break
        text = message.text()
        length += len(text)
        said += text[: TEMPLATE_CHARACTERS - len(said)]
    return said, length


def _embedded(request: UserRequest, view: EmbeddingsRequest | None) -> str:
    """Return the first text that is to be embedded; empty where it is numbers, or was too long to be read."""
    if view is None:
        return ""
    if not isinstance(view.input, str):
        return next((each for each in view.input if isinstance(each, str)), "")
    sent = request.body.get("input")
    if view.input == _UNREAD_INPUT and isinstance(sent, msgspec.Raw) and memoryview(sent).nbytes > 64:
        return ""
    return view.input


def _longest(text: str, words: list[bytes]) -> list[bytes]:
    """Return the longest distinct words, of equals the first; where words are not told apart, pairs of characters."""
    if not text.isascii() and _UNSPACED.search(text):
        return _pairs(text)
    least = _LEAST_LETTERS if len(words) <= _FEW_WORDS else _LEAST_OF_MANY
    distinct = dict.fromkeys([word for word in words if len(word) >= least])
    if len(distinct) <= MAX_WORDS:
        return [*distinct]
    return sorted(distinct, key=len, reverse=True)[:MAX_WORDS]


def _pairs(text: str) -> list[bytes]:
    """Return pairs of letters, the same ones wherever they stand: those whose bytes come last."""
    pairs = {text[at : at + 2] for at in range(len(text) - 1)}
    letters = sorted([pair for pair in pairs if pair.isalpha()], reverse=True)
    return [pair.encode("utf-8", "replace") for pair in letters[:MAX_WORDS]]
