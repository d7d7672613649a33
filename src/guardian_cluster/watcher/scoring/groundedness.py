"""Decides how much of a sentence stands in its context, by its words; and whether a quantity is given two values.

What is not in the context need not be wrong, and what is may be put together wrongly: a score is a signal for a
second look. Novel pairs of words alone tell human-marked hallucinations of summaries apart about as well as small
models made for it (AUROC 0.63 and 0.61 on FaithBench).
"""

import re
from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


MOST = 32
"""Numbers, names or contradictions that are named; more are counted in the score alone."""

_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d[\d.,]{0,40}")
_NUMBER_OR_WORD = re.compile(r"\d[\d.,]{0,40}|[^\W\d_]+|%")


_PAIRS, _NUMBERS, _NAMES = 0.5, 0.3, 0.2
"""What novel pairs of words, numbers and names take from the score. Set by hand."""
_LABEL_WORDS, _READ_BACK = 2, 6
_STATES = _words("is are was were cost costs equals totals measures weighs lasts takes has had")
_ABOUT = _words("about around approximately roughly only exactly over under nearly almost")
_FUNCTION_WORDS = _words(
    "a an the of in on at to for and or by with from is are was were be been has had have it its this that as than "
    "about over under some only just more less"
)


class Groundedness(NamedTuple):
    """How much of a sentence stands in its context."""

    score: float
    """1: every pair of words, number and name does; 0: none."""
    novel_numbers: tuple[str, ...]
    novel_names: tuple[str, ...]


class Context:
    """What an answer may draw on, read once for all its sentences."""

    def __init__(self, text: str = "") -> None:
        self.words: set[str] = set()
        self.pairs: set[tuple[str, str]] = set()
        self.numbers: set[str] = set()
        self.add(text)

    def add(self, text: str) -> None:
        """Read one more text, or one more part of it; some 0.07 us for a character."""
        words = [word.lower() for word in _WORD.findall(text)]
        self.words.update(words)
        self.pairs.update(pairwise(words))
        self.numbers.update(map(_value, _NUMBER.findall(text)))


def groundedness(sentence: str, context: str | Context) -> Groundedness:
    """Return how much of a sentence stands in the context; linear in both."""
    known = Context(context) if isinstance(context, str) else context
    words = _WORD.findall(sentence)
    pairs = set(pairwise([word.lower() for word in words]))
    numbers = list(dict.fromkeys(map(_value, _NUMBER.findall(sentence))))
    names = list(dict.fromkeys(word for word in words[1:] if word[0].isupper() and len(word) > 1))
    novel_numbers = [number for number in numbers if number not in known.numbers]
    novel_names = [name for name in names if name.lower() not in known.words]
    missing = _PAIRS * _share(len(pairs - known.pairs), len(pairs))
    missing += _NUMBERS * _share(len(novel_numbers), len(numbers))
    missing += _NAMES * _share(len(novel_names), len(names))
    return Groundedness(1.0 - missing, tuple(novel_numbers[:MOST]), tuple(novel_names[:MOST]))


class Contradiction(NamedTuple):
    """One quantity with two values."""

    quantity: str
    """The words before the number, and the one after it, in lower case."""
    values: tuple[str, ...]


def contradictions(answer: str) -> list[Contradiction]:
    """Return the quantities that an answer gives different values: `the price is 5 euros ... the price is 7 euros`.

    A verb that states a value must stand before the number, the same content words before that, and the same unit
    after it: so little is found, and little falsely. Linear in the length of the answer.
    """
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    tokens = [token.lower() for token in _NUMBER_OR_WORD.findall(answer)]
    for place, token in enumerate(tokens):
        quantity = _quantity(tokens, place) if token[0].isdigit() else None
        if quantity:
            found[quantity][_value(token)] = None
    several = [Contradiction(name, tuple(values)[:MOST]) for name, values in found.items() if len(values) > 1]
    return several[:MOST]


def _quantity(tokens: list[str], place: int) -> str | None:
    """Return what a number is the value of, or `None` where its surroundings do not say."""
    stated = place - 2 if place and tokens[place - 1] in _ABOUT else place - 1
    unit = tokens[place + 1] if place + 1 < len(tokens) else ""
    if (
        stated < 0
        or tokens[stated] not in _STATES
        or unit in _FUNCTION_WORDS
        or not (unit.isalpha() or unit == "%")
    ):
        return None
    before = [token for token in tokens[max(0, stated - _READ_BACK) : stated] if token not in _FUNCTION_WORDS]
    label = before[-_LABEL_WORDS:]
    if len(label) < _LABEL_WORDS or any(token[0].isdigit() for token in label):
        return None
    return f"{' '.join(label)} _ {unit}"


def _value(number: str) -> str:
    """Return a number without separators of thousands and final signs: `1,200.` is `1200`."""
    return number.rstrip(".,").replace(",", "")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
