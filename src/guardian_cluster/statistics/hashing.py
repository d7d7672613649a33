"""Decides what of a text a learner sees: hashed words, pairs of words and kinds of form, and plain measurements."""

import hashlib
import sys
from array import array
from operator import itemgetter
from struct import pack
from typing import NamedTuple
from zlib import crc32

from guardian_cluster.statistics.form import CELLS, DENSE_NAMES, TILES, measure, tiles_of, words_of

LOOKED_AT = 4_096
"""Characters of a text that are read; of a longer one the first and the last half of this many."""

MAX_WORDS = 64
"""Of more words the first and the last half of this many count, so that ten specialists are scored in time; with 96
no more could be told of MMLU's questions."""

BUCKETS = CELLS
"""What is learned of ten specialists then lies in the processor's nearer memory; four times as many buckets did not
tell more of MMLU's questions, though fewer words shared one."""

MAX_ENCODED_BYTES = 2 + len(DENSE_NAMES) + 2 * (TILES + 2 * MAX_WORDS)

_VERSION = 2
_PAIR = 0x9E3779B1
_NUMBERS = int.from_bytes(pack("<Q", BUCKETS - 1) * (2 * MAX_WORDS), "little")
"""Leaves of 64 bits those that are a number below `BUCKETS`."""


class Features(NamedTuple):
    """What a learner sees of a text, without its words."""

    buckets: tuple[int, ...]
    """Numbers below `BUCKETS`: first `TILES` that say what kind of form the text has (equal ones may recur), then
    the words and the pairs of neighbouring words that occur, each once."""
    dense: tuple[float, ...]
    """`DENSE_NAMES`, each between 0 and 1."""

    def encode(self) -> bytes:
        """Return a compact form, at most `MAX_ENCODED_BYTES`, that is the same on every machine."""
        dense = bytes(round(255 * value) for value in self.dense)
        return pack("<BB", _VERSION, len(dense)) + dense + _little(array("H", self.buckets)).tobytes()

    @classmethod
    def decode(cls, data: bytes) -> "Features":
        """Return what was encoded, dense numbers to 1/255.

        Raises ValueError for bytes that `encode` does not write.
        """
        if len(data) < 2 or data[0] != _VERSION or data[1] != len(DENSE_NAMES):
            raise ValueError("these are not features of a text, or features of another version")
        start = 2 + len(DENSE_NAMES)
        if len(data) < start + 2 * TILES or len(data) > MAX_ENCODED_BYTES or (len(data) - start) % 2:
            raise ValueError(f"features of a text cannot have {len(data)} bytes")
        numbers = _little(array("H", data[start:]))
        if max(numbers) >= BUCKETS:
            raise ValueError(f"features of a text have no number {max(numbers)}")
        return cls(tuple(numbers), tuple(value / 255 for value in data[2:start]))


class TextHasher:
    """Turns texts into features under one installation's salt.

    The words of a record cannot be looked up in a list that was made elsewhere: the salt decides which number a
    word has. It hides no more than that: whoever has many records can still count which numbers are frequent.
    """

    def __init__(self, salt: bytes) -> None:
        stream = _little(array("Q", hashlib.shake_256(b"guardian.hashing" + salt).digest(8 * BUCKETS)))
        # 16 bits each, so that they stay in the processor's nearest memory.
        # A secret order of the numbers: CRC alone is linear, so that one known word would give its salt away.
        self._places = array("H", sorted(range(BUCKETS), key=stream.__getitem__))

    def features(self, text: str) -> Features:
        """Return what a learner sees of a text; linear in what is looked at."""
        looked_at = head_and_tail(text)
        words = words_of(looked_at)
        dense = measure(looked_at, len(text), words)
        return Features(itemgetter(*tiles_of(dense), *_grams(words))(self._places), dense)


def head_and_tail(text: str) -> str:
    """Return a text, or the beginning and the end of one longer than `LOOKED_AT`."""
    if len(text) <= LOOKED_AT:
        return text
    half = LOOKED_AT // 2
    return f"{text[: half - 1]}\n{text[-half:]}"


def _grams(words: list[bytes]) -> list[int]:
    """Return the numbers of the words and of the pairs of neighbours, each once.

    All codes lie in one integer, 64 bits for each, in which a product of two codes and a third do not run over: so
    all codes are mixed with their next ones at once, which takes a tenth of the time that one by one would.
    """
    if len(words) > MAX_WORDS:
        words = words[: MAX_WORDS // 2] + words[-MAX_WORDS // 2 :]
    codes = int.from_bytes(_little(array("Q", map(crc32, words))).tobytes(), "little")
    pairs = (codes * _PAIR + (codes >> 64)) >> 3
    every = (codes | pairs << 64 * len(words)) & _NUMBERS
    numbers = _little(array("Q", every.to_bytes(16 * len(words), "little")))
    return sorted(set(numbers[:-1]))  # the last code has no next one


def _little(numbers: "array[int]") -> "array[int]":
    """Return the numbers as little-endian machines hold them; both ways."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
