"""Which numbers may be written in words, and what they are worth."""

from typing import Final

_SMALL: Final = (
    *(
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)

_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

SMALL: Final[dict[str, int]] = {word: value for value, word in enumerate(_SMALL)}

TENS: Final[dict[str, int]] = {word: 10 * value for value, word in enumerate(_TENS, start=2)}

SCALES: Final[dict[str, int]] = {
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
"""The short scale, as everybody writes today."""

NUMERALS: Final = frozenset({*SMALL, *TENS, *SCALES})

PARTS: Final[dict[str, str]] = {
    "half of": "1/2",
    "one half of": "1/2",
    "a half of": "1/2",
    "a third of": "1/3",
    "one third of": "1/3",
    "two thirds of": "2/3",
    "a quarter of": "1/4",
    "one quarter of": "1/4",
    "three quarters of": "3/4",
    "a fifth of": "1/5",
    "one fifth of": "1/5",
    "a tenth of": "1/10",
    "one tenth of": "1/10",
}
"""Fractions in words, as far as they are followed by what they are a part of."""
