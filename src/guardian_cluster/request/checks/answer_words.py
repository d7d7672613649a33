"""Turns the words of a question and its answer into hashed features, for what the checks have no name for."""

import hashlib
import re
import sys
from array import array
from itertools import pairwise
from zlib import crc32

from guardian_cluster.request.checks.question import head_and_tail

MAX_WORDS = 256
"""Of more words the first and the last half of this many."""

_BUCKETS = 1 << 16
_PAIR = 0x9E3779B1
_ASKED = 0x5555
"""Keeps a word of the question apart from the same word of the answer."""
_ANNOTATION = re.compile(r"<<[^<>\n]{0,200}>>")
_WORD = re.compile(r"[^\W\d_]{1,30}|\d+")


class AnswerWords:
    """Numbers words under one installation's salt, so that a record's cannot be looked up in a list made elsewhere.

    Words of both, and pairs of neighbours of the answer: pairs of the question told nothing more on recorded answers.
    """

    def __init__(self, salt: bytes) -> None:
        stream = array("Q", hashlib.shake_256(b"guardian.answer" + salt).digest(8 * _BUCKETS))
        if sys.byteorder == "big":
            stream.byteswap()
        self._places = array("H", sorted(range(_BUCKETS), key=stream.__getitem__))

    def buckets(self, question: str, answer: str) -> tuple[int, ...]:
        """Return numbers below 65,536, each once: words of both, pairs of the answer. All numbers are one word."""
        text = head_and_tail(answer)
        codes = _codes(_ANNOTATION.sub("", text) if "<<" in text else text)
        found = {code & 0xFFFF for code in codes}
        found.update([code & 0xFFFF ^ _ASKED for code in _codes(head_and_tail(question))])
        found.update([((first * _PAIR + second) >> 5) & 0xFFFF for first, second in pairwise(codes)])
        return tuple([self._places[number] for number in sorted(found)])


def _codes(text: str) -> list[int]:
    words = _WORD.findall(text.lower())
    if len(words) > MAX_WORDS:
        words = words[: MAX_WORDS // 2] + words[-MAX_WORDS // 2 :]
    return [crc32(b"0" if word.isdecimal() else word.encode("utf-8", "replace")) for word in words]
