"""Gives words numbers of two bytes under an installation's salt, so that they can be compared and not be read."""

import hashlib
import sys
from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from zlib import crc32

NUMBERS = 1 << 14
"""Two words of a question share a number in one of 250 questions; a table four times as large takes 35 ms to make."""

BYTES_EACH = 2
_LAST = NUMBERS - 1
_IS_BIG = sys.byteorder == "big"


class WordNumbers:
    """The numbers that words have under one salt.

    A number cannot be looked up in a list that was made elsewhere. It hides no more than that: whoever has many
    records can still count which numbers are frequent.
    """

    def __init__(self, salt: bytes) -> None:
        stream = array("Q", hashlib.shake_256(b"guardian.words" + salt).digest(8 * NUMBERS))
        if _IS_BIG:
            stream.byteswap()
        # A secret order of the numbers: CRC alone is linear, so that one known word would give its salt away.
        self._places = array("H", sorted(range(NUMBERS), key=stream.__getitem__))

    def of(self, words: Iterable[bytes]) -> list[int]:
        """Return the number of each word, below `NUMBERS`."""
        places, last = self._places, _LAST
        return [places[code & last] for code in map(crc32, words)]


@lru_cache(maxsize=8)
def word_numbers(salt: str) -> WordNumbers:
    """Return the numbers under a salt; made once, for that takes 5 ms."""
    return WordNumbers(salt.encode())


def packed(numbers: Sequence[int]) -> bytes:
    """Return numbers as two bytes each, the lower one first, on every machine."""
    held = array("H", numbers)
    if _IS_BIG:
        held.byteswap()
    return held.tobytes()


def unpacked(data: bytes) -> tuple[int, ...]:
    """Return the numbers that `packed` wrote; half a number at the end of foreign bytes is left out."""
    held = array("H", data[: len(data) // BYTES_EACH * BYTES_EACH])
    if _IS_BIG:
        held.byteswap()
    return tuple(held)
