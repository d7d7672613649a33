"""Decides what a hashed model sees of a segment: words, pairs of neighbours, pieces of words, and marks of concepts."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import sqrt
from zlib import crc32

from guardian_cluster.watcher.scoring.lexicon import MARKS

BUCKETS = 1 << 16
"""Places for hashed words and pairs; a power of two. Other sizes were not compared."""

PLACES = BUCKETS + MARKS
"""Places below `BUCKETS` are hashed, those from there on are marks of `lexicon`."""

FEWEST = 20
"""Places that a text is taken to have at least: three words are little evidence."""

_PIECES = (3, 4, 5)
_READ = 24
"""Characters of a word that are cut into pieces."""
_PAIR, _SHIFT = 0x9E3779B1, 7


def places_of_words(words: Sequence[str], marks: Iterable[int]) -> list[int]:
    """Return the places of the words of a segment in lower case, of the pairs of neighbours, and of the marks."""
    codes = [crc32(word.encode("utf-8", "replace")) for word in words]
    mask = BUCKETS - 1
    places = {code & mask for code in codes}
    places.update([(one * _PAIR + two) >> _SHIFT & mask for one, two in pairwise(codes)])
    return [*places, *[BUCKETS + mark for mark in marks]]


def places_of_pieces(word: str) -> tuple[int, ...]:
    """Return the places of a word in lower case and of its pieces of 3 to 5 characters, each once."""
    data, mask = f"<{word[:_READ]}>".encode("utf-8", "replace"), BUCKETS - 1
    cut = {data[at : at + size] for size in _PIECES for at in range(len(data) - size + 1)}
    return tuple({crc32(piece) & mask for piece in (data, *cut)})


def share(count: int) -> float:
    """Return what each of so many places counts, so that a long text is not evidence by its length."""
    return 1 / sqrt(max(FEWEST, count))
