"""How many signs at the beginning of a text repeat, at the very end of another, its last words or half a word."""

import re

from guardian_cluster.request.continuation.joint import is_known
from guardian_cluster.request.continuation.signs import Signs, is_wide, weight_of

_BEGINNING = re.compile(r"(?:^|[.!?:。！？：\n])[\s\W\d]*\Z")
_MOST_BETWEEN = 12
MOST_SIGNS = 60
"""That are compared; more of them name their place themselves (see `signs.unique_end`)."""

_SURE_WORDS, _SURE_WEIGHT = 2, 7
"""Two words and seven letters do not follow themselves by chance; one does ("that that")."""
_SURE_NAME = 20
"""Weight of more than a name."""
_SURE_NUMBER = 8
"""Weight of signs that may begin within a word, or within a number."""
_LEAST_BEGUN = 3
"""Letters of a word begun; of fewer, only consonants cannot be a word of their own."""
_SURE_WIDE = 4
"""Signs of scripts without spaces; two or three of them do ("人人")."""
_CONSONANTS = frozenset("bcdfghjkmnpqrtvwxz")
"""No word begins with the same one twice, as Spanish ones do with an l; and hardly any is a word of its own."""
_DOUBLED = frozenset(
    {
        "that",
        "had",
        "is",
        "so",
        "very",
        "no",
        "ha",
        "bye",
        "the",
        "die",
        "das",
        "der",
        "sie",
        "la",
        "le",
        "que",
    }
)
"""Words that may stand twice in good prose; the others among the short ones are prepositions and the like."""


def overlap(
    said: Signs, said_text: str, text: Signs, words: frozenset[str], *, is_capital: bool
) -> int | None:
    """Return how many signs of a text repeat the end of what was said; `None` where that is unclear.

    A text that begins with a capital (`is_capital`) may be another sentence about the one who was being named.
    """
    lengths = [
        length
        for length in range(1, min(len(said.text), len(text.text), MOST_SIGNS) + 1)
        if said.text.endswith(text.text[:length])
        and (_is_at_word(said, length) or weight_of(text.text[:length]) >= _SURE_NUMBER)
    ]
    if not lengths:
        return 0
    if len(lengths) > 1:
        return None
    length = _judged(said, text, lengths[0], words)
    if not length or not is_capital or weight_of(text.text[:length]) >= _SURE_NAME:
        return length
    return length if _starts_sentence(said_text, said.start(len(said.text) - length)) else None


def _is_at_word(said: Signs, length: int) -> bool:
    number = len(said.text) - length
    return said.is_first(number) or is_wide(said.text[number])


def _judged(said: Signs, text: Signs, length: int, words: frozenset[str]) -> int | None:
    repeated = text.text[:length]
    if is_wide(repeated[0]):
        return length if length >= _SURE_WIDE or length == len(said.text) > 1 else None
    starts = sum(said.is_first(number) for number in range(len(said.text) - length, len(said.text)))
    if starts >= _SURE_WORDS and weight_of(repeated) >= _SURE_WEIGHT:
        return None if said.text.find(text.text[: length + 1]) >= 0 else length
    if any(each.isdigit() for each in repeated):
        return None
    word = _word_at_start(text)
    if word == repeated:
        return None if word in _DOUBLED or len(word) < 2 else length
    if is_known(repeated, words) or (length < _LEAST_BEGUN and not _CONSONANTS.issuperset(repeated)):
        return None  # a word that ends there, and another that begins with the same letters
    return length


def _starts_sentence(text: str, place: int) -> bool:
    return _BEGINNING.search(text[max(0, place - _MOST_BETWEEN) : place]) is not None


def _word_at_start(text: Signs) -> str:
    end = 1
    while end < len(text.text) and not text.is_first(end):
        end += 1
    return text.text[:end]
