"""Tells answers of one kind from others without their words; kept only of answers in which something was found.

A fingerprint holds the lowest hashes of the answer's pairs of neighbouring words (bottom-k sketch: Cohen and Kaplan,
2007): of two answers the share of common numbers estimates the share of common pairs.
"""

from guardian_cluster.request.work import Work
from guardian_cluster.statistics.form import words_of
from guardian_cluster.statistics.word_numbers import NUMBERS, WordNumbers, packed

READ_CHARACTERS = 1_000
"""Of an answer: a refusal, an apology or an error page shows itself in its beginning."""

KEPT = 12
"""Numbers, 24 bytes: the share of common pairs is told to some 14 points, enough to tell one kind from another."""

_MIX = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_SPACED = 24
"""Bytes of a word on average, beyond which a text has no room between its words: its characters count as words."""


def fingerprint_of(text: str, numbers: WordNumbers) -> bytes:
    """Return the fingerprint of an answer, in 30 to 60 µs: empty for one without words."""
    text = text[:READ_CHARACTERS]
    words = words_of(text)
    if not text.isascii() and len(text.encode("utf-8", "replace")) > _SPACED * len(words):
        words = [sign.encode("utf-8", "replace") for sign in text if sign.isalnum()]
    if not words:
        return b""
    codes = numbers.of(words)
    # A word alone is a pair as well, or one-word answers would have none.
    pairs = zip([NUMBERS, *codes], codes, strict=False)
    hashes = sorted({((first << 15 | second) * _MIX) & _MASK for first, second in pairs})
    return packed([(each >> 20) & 0xFFFF for each in hashes[:KEPT]])


def fingerprint_of_work(work: Work, numbers: WordNumbers) -> bytes:
    """Return the fingerprint of an answer in which something was found; empty where it has no words.

    Of several answers that is the first in which a watcher found something, else the one that left.
    """
    suspects = [words for execution in work.executions for words in execution.suspects]
    for words in (*suspects, *[lead.words for lead in work.leads]):
        if found := fingerprint_of(words.beginning(READ_CHARACTERS), numbers):
            return found
    return b""
