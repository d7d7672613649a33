"""Finds the quantities of a question, in digits and in words, and what is said around each."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from guardian_cluster.request.checks.tokens import Token

MAX_QUANTITIES = 60

_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty",
]  # fmt: skip
_IN_WORDS: dict[str, float] = {
    **{word: float(value) for value, word in enumerate(_SMALL)},
    **dict(
        zip(
            ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
            range(30, 100, 10),
            strict=True,
        )
    ),
    "hundred": 100.0,
    "thousand": 1000.0,
    "million": 1e6,
    "dozen": 12.0,
    "pair": 2.0,
    "couple": 2.0,
}
_PARTS_IN_WORDS: dict[str, float] = {
    "half": 0.5,
    "halves": 0.5,
    "third": 1 / 3,
    "thirds": 1 / 3,
    "quarter": 0.25,
    "quarters": 0.25,
    "fourth": 0.25,
    "fourths": 0.25,
    "fifth": 0.2,
    "fifths": 0.2,
    "tenth": 0.1,
    "tenths": 0.1,
}
_TIMES_IN_WORDS = {
    "twice": 2.0,
    "double": 2.0,
    "doubled": 2.0,
    "doubles": 2.0,
    "thrice": 3.0,
    "triple": 3.0,
    "tripled": 3.0,
    "triples": 3.0,
    "quadruple": 4.0,
}

Form = Literal["digits", "fraction", "percent", "word"]


class Quantity(NamedTuple):
    """One quantity that a question states."""

    value: float
    form: Form
    text: str
    around: tuple[str, ...]
    """The words next to it: two before, four after."""

    def readings(self) -> frozenset[float]:
        """Return the values, as `same` has them, in which a calculation may use it: inverted, or as a share."""
        return _readings(self.value, self.form)


@lru_cache(maxsize=2_048)
def _readings(value: float, form: Form) -> frozenset[float]:
    inverse = (1 / value,) if value else ()
    if form == "percent":
        readings = (value, value / 100, 1 - value / 100, 1 + value / 100, 100 - value, 100 + value)
    elif 0 < value < 1:
        readings = (value, 1 - value, 1 + value, value * 100, *inverse)
    else:
        readings = (value, *inverse)
    return frozenset(map(same, readings))


def quantities_of(tokens: Sequence[Token]) -> tuple[Quantity, ...]:
    """Return the quantities of a text in order; `one` is left out, for it is mostly a pronoun."""
    return tuple(_quantities(tokens))[:MAX_QUANTITIES]


def _quantities(tokens: Sequence[Token]) -> Iterator[Quantity]:
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "number":
            quantity, place = _in_digits(tokens, place)
            yield quantity
        elif token.kind == "word":
            for word in token.text.split("-"):
                value = _in_words(word)
                if value is not None:
                    yield Quantity(value, "word", word, _around(tokens, place, place + 1))
        place += 1


def _in_digits(tokens: Sequence[Token], place: int) -> tuple[Quantity, int]:
    """Return the quantity that begins with a number, and its last place."""
    token = tokens[place]
    following = tokens[place + 1 : place + 3]
    if len(following) == 2 and following[0].text == "/" and following[1].value:
        text = f"{token.text}/{following[1].text}"
        value = token.value / following[1].value
        return Quantity(value, "fraction", text, _around(tokens, place, place + 3)), place + 2
    if following and (following[0].kind == "percent" or following[0].text in ("percent", "per-cent")):
        text = f"{token.text}%"
        return Quantity(token.value, "percent", text, _around(tokens, place, place + 2)), place + 1
    return Quantity(token.value, "digits", token.text, _around(tokens, place, place + 1)), place


def _in_words(word: str) -> float | None:
    if word == "one":
        return None
    return _IN_WORDS.get(word, _PARTS_IN_WORDS.get(word, _TIMES_IN_WORDS.get(word)))


def _around(tokens: Sequence[Token], start: int, end: int) -> tuple[str, ...]:
    near = (*tokens[max(0, start - 2) : start], *tokens[end : end + 4])
    return tuple(token.text for token in near if token.kind == "word")


def same(value: float) -> float:
    """Return what two values have in common that are the same up to their fourth decimal."""
    return round(value, 4)
