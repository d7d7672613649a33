"""Measures the form of a text: length, digits, lines, kinds of words and signs; nothing of what it is about.

Length and digits are what carries over from one kind of question to another, where learned words do not. The
other measurements tell kinds of question apart.
"""

import sys
from array import array
from bisect import bisect_right
from hashlib import shake_256
from math import floor, log1p
from operator import add, itemgetter, mul

_SIGNS = b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_DIGITS = b"0123456789"
_CAPITALS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SPACES = bytes.maketrans(_SIGNS + _DIGITS, b" " * len(_SIGNS) + b"0" * len(_DIGITS))


def _set(words: str) -> frozenset[bytes]:
    return frozenset(words.encode().split())


_COMMON = _set(
    "the of a an and or to in is are was were be been that this it its as for on with by from at which who what "
    "how when where why if then than not no has have had can could will would may should do does did i you he "
    "she we they his her their my your there all any each some more most other into about between after"
)
_PERSONS = _set("i me my mine he him his she her hers we us our you your they them their")
_NEGATIONS = _set("not no never none nor neither except without cannot incorrect false least unless")
_QUANTITIES = _set(
    "each every many much total more less than half twice times per percent average rest left cost number how "
    "value rate sum"
)
_REASONS = _set(
    "if then all some only because therefore must either both unless implies statement following best most true "
    "suppose let prove show"
)

_MEASURES = (
    ("length", 9.0, 0.75), ("digits", 6.0, 1.0), ("words", 8.0, 0.75), ("first_line", 9.0, 1.0),
    ("longest_line", 9.0, 1.0), ("shortest_line", 6.0, 1.0), ("lines", 5.0, 0.7), ("word_length", 10.0, 0.8),
    ("long_words", 5.0, 1.0), ("distinct", 1.0, 0.12), ("common", 1.0, 0.1), ("persons", 1.0, 0.06),
    ("negations", 3.0, 0.5), ("quantities", 3.0, 0.7), ("reasons", 3.0, 0.6), ("questions", 3.0, 0.5),
    ("capitals", 1.0, 0.05), ("signs", 1.0, 0.03), ("commas", 5.0, 0.9), ("full_stops", 5.0, 0.6),
    ("formula", 6.0, 1.0), ("blanks", 3.0, 0.7), ("quotes", 5.0, 0.9), ("repeated_lines", 4.0, 0.7),
    ("code", 1.0, 0.5), ("foreign", 1.0, 0.5),
)  # fmt: skip
"""Name, top (the value that counts as 1) and width: what makes a difference, about the spread within MMLU's and
GSM8K's questions, looked up without their labels."""

DENSE_NAMES = tuple(name for name, _, _ in _MEASURES)
"""What `measure` returns, in order."""

TILES = 48
"""Ways of sorting texts by their form, each by four measurements; twice as many did not tell more."""

MAX_WORDS = 256
"""Of more words the kinds of the first and last half of this many are counted."""

CELLS = 1 << 14
"""Numbers that cells are given."""

_TOGETHER = 4
_CELL = 3.0
"""Widths in one cell of a tile: coarse, so that a few hundred texts fill the cells."""
_SHIFTS = (0.0, 1 / 3, 2 / 3)


def words_of(text: str) -> list[bytes]:
    """Return the words of a text in lower case, their digits all 0, so that numbers of one form are one word.

    As bytes, for their table of signs takes 1 us for a text of 4 KB, and a regular expression over characters 100.
    """
    return text.lower().encode("utf-8", "replace").translate(_SPACES).split()


def measure(text: str, length: int, words: list[bytes]) -> tuple[float, ...]:
    """Return the measurements named in `DENSE_NAMES`, each between 0 and 1, of a text with these words.

    `length` is that of the whole text where `text` is only its beginning and end.
    """
    characters, words_in_all = max(1, len(text)), len(words)
    if words_in_all > MAX_WORDS:
        words = words[: MAX_WORDS // 2] + words[-MAX_WORDS // 2 :]
    count = max(1, len(words))
    lines = list(filter(None, text.split("\n")))
    lengths = sorted(map(len, lines[1:])) or [0]
    word_lengths = sorted(map(len, words))
    known = set(words)
    data = text.encode("utf-8", "replace")
    at = text.count
    raw = (
        log1p(length), log1p(_among(_DIGITS, data)), log1p(words_in_all), log1p(len(lines[0]) if lines else 0),
        log1p(lengths[-1]), log1p(lengths[0]), log1p(len(lines)), sum(word_lengths) / count,
        log1p(len(words) - bisect_right(word_lengths, 9)), len(known) / count,
        sum(map(_COMMON.__contains__, words)) / count, sum(map(_PERSONS.__contains__, words)) / count,
        log1p(len(known & _NEGATIONS)), log1p(len(known & _QUANTITIES)), log1p(len(known & _REASONS)),
        log1p(at("?")), _among(_CAPITALS, data) / characters, _among(b",.-'():\"", data) / characters,
        log1p(at(",")), log1p(at(".")), log1p(_among(b"=+^*/<>$\\", data)),
        log1p(at("__")), log1p(_among(b"\"`';|", data)), log1p(len(lines) - len(set(lines))),
        float("```" in text or "def " in text or "();" in text or "{\n" in text), float(not text.isascii()),
    )  # fmt: skip
    return tuple([value / top if value < top else 1.0 for value, top in zip(raw, _TOPS, strict=True)])


def _among(signs: bytes, data: bytes) -> int:
    """Return how many of the bytes are among these; in one pass, however many signs there are."""
    return len(data) - len(data.translate(None, signs))


def tiles_of(dense: tuple[float, ...]) -> list[int]:
    """Return a number below `CELLS` for each tile: which of its cells these measurements lie in.

    Texts of similar form share many cells: a sum of weights over cells approximates a kernel on the measurements
    (random binning features, Rahimi and Recht 2007).
    """
    shifted = map(add, _repeated(tuple(map(mul, dense, _SCALES))), _LEVEL_SHIFTS)
    levels = tuple(map(mul, map(floor, shifted), _LEVEL_FACTORS))
    first, second, third, fourth = [pick(levels) for pick in _PICKS]
    added = zip(_SEEDS, first, second, third, fourth, strict=True)
    return [(seed + one + two + three + four) % _PRIME for seed, one, two, three, four in added]


def _drawn(what: bytes, count: int) -> "array[int]":
    """Return numbers of 20 bits, so that sums of theirs stay small, that look random; the same on every machine."""
    numbers = array("I", shake_256(b"guardian." + what).digest(4 * count))
    if sys.byteorder == "big":
        numbers.byteswap()
    return array("I", [number >> 12 for number in numbers])


def _tile(number: int) -> tuple[int, list[int]]:
    """Draw a number for a tile, and which measurements it sorts by, each in one of its shifts."""
    drawn = _drawn(b"tile.%d" % number, len(_MEASURES) + _TOGETHER + 1)
    order = sorted(range(len(_MEASURES)), key=drawn.__getitem__)[:_TOGETHER]
    places = [len(_SHIFTS) * place + drawn[-2 - at] % len(_SHIFTS) for at, place in enumerate(order)]
    return drawn[-1], places


_PRIME = 16_381
"""The largest below `CELLS`."""
_TOPS = tuple(top for _, top, _ in _MEASURES)
_SCALES = tuple(top / width / _CELL for _, top, width in _MEASURES)
_LEVELS = [place for place in range(len(_MEASURES)) for _ in _SHIFTS]
_LEVEL_SHIFTS = _SHIFTS * len(_MEASURES)
_LEVEL_FACTORS = tuple(_drawn(b"levels", len(_LEVELS)))
_repeated = itemgetter(*_LEVELS)
_SEEDS, _PLACES = zip(*map(_tile, range(TILES)), strict=True)
_PICKS = [itemgetter(*places) for places in zip(*_PLACES, strict=True)]
"""Each reads one of the levels that every tile adds up, so that all tiles are added in one loop."""
