"""Decides what a question looks for: its telling words, which of them stand together, what kind of answer it wants."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from guardian_cluster.domain.words import words
from guardian_cluster.specialists.builtin.recall.words import SILENT, WEAK, other_forms, stem

READ_CHARACTERS = 2_000
"""Of a question; the end of a longer message is read, for that is where people ask."""

MOST_TERMS = 16

_NUMBER = re.compile(
    r"\bhow (many|much|long|often|old|far|big|large|high|late|early|soon)\b"
    r"|\bwhat (percentage|percent|number|amount|price|time|year|date|is the (price|cost|limit|maximum|minimum|rate))\b"
    r"|\bwhen\b",
    re.IGNORECASE,
)
_MEASURE_WORDS = "long often far big large high low old early late soon fast deep wide"
_MEASURES = frozenset(_MEASURE_WORDS.split())
"""Behind `how` they ask for a measure, and the answer has the measure instead of them."""

_YOU_SAID = re.compile(
    r"\b(did|have|had) you\b|\byou(r| (said|told|answered|wrote|mentioned|suggested|recommended))\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.?!\n]+[.?!\n]?")


@dataclass(frozen=True, slots=True)
class Term:
    """A word that is looked for."""

    word: str
    stem: str
    is_weak: bool = False
    """Whether an answer may well do without it."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a question looks for."""

    terms: tuple[Term, ...]
    pairs: tuple[tuple[int, int], ...]
    """Terms, by their places in `terms`, that follow each other in the question with nothing between."""
    wants_number: bool = False
    """Whether an answer without any number is no answer."""
    about_answers: bool = False
    """Whether it is about what was answered."""

    @property
    def wanted(self) -> tuple[tuple[str, bool], ...]:
        """The words to ask memory for, and whether longer ones count too: the terms, then other forms of some."""
        forms = tuple((form, False) for term in self.terms for form in other_forms(term.word))
        return tuple((term.stem, term.stem != term.word or len(term.stem) > 3) for term in self.terms) + forms

    def counted(self, counts: Sequence[int]) -> list[int]:
        """Return how often each term is there, from how often each of `wanted` is."""
        further = iter(counts[len(self.terms) :])
        return [
            count + sum(next(further, 0) for _ in other_forms(term.word))
            for count, term in zip(counts, self.terms, strict=False)
        ]


def query_of(question: str) -> Query:
    """Return what a question looks for; without terms where it says nothing that could be found."""
    text = _asked(question)
    terms: dict[str, Term] = {}
    pairs: list[tuple[int, int]] = []
    before, last = -1, ""
    for word in words(text):
        measures, last = last == "how" and word in _MEASURES, word
        if word in SILENT or measures:
            before = -1
            continue
        term = terms.setdefault(stem(word), Term(word, stem(word), word in WEAK))
        place = list(terms).index(term.stem)
        if before not in (-1, place):
            pairs.append((before, place))
        before = place
        if len(terms) == MOST_TERMS:
            break
    return Query(
        terms=tuple(terms.values()),
        pairs=tuple(dict.fromkeys(pairs)),
        wants_number=_NUMBER.search(text) is not None,
        about_answers=_YOU_SAID.search(text) is not None,
    )


def _asked(question: str) -> str:
    """Return the questions in a text that says other things as well, or all of it where there are none."""
    text = question[-READ_CHARACTERS:]
    asked = " ".join(sentence for sentence in _SENTENCE.findall(text) if sentence.endswith("?"))
    return asked if any(word not in SILENT and word not in WEAK for word in words(asked)) else text
