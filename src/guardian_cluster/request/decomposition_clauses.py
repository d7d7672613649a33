"""Where a text may be taken apart: at lines, at the ends of sentences, and before a word that asks anew."""

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from guardian_cluster.request.decomposition_words import (
    DOCUMENTS,
    LEADS,
    LONGEST_TRAIL,
    NAMING,
    SOURCES,
    STARTERS,
    STOP,
    TRAIL,
    written_words,
)

MOST_CLAUSES: Final = 12
"""More than five parts are never made, and a part rarely has more than two clauses."""
MOST_JOINS: Final = 40
"""Words such as "and" that are looked at, so that a text of nothing else costs no more."""
MOST_LEADS: Final = 6
"""Words such as "and also, please" in a row."""
MOST_MARKS: Final = 16
"""Spaces, commas and the like before a word."""
MOST_SENTENCES: Final = 24
"""Counted with those that hold nothing but a number or a mark."""
MOST_FORMULAS: Final = 4
"""Stretches that the solver is asked about: it takes longer than all the rest."""
LONGEST_FORMULA: Final = 100
LONGEST_OPENING: Final = 200
"""Characters of a clause in which is looked for what it asks."""

_ITEM = re.compile(r"(?:[-*•–]|\(?(?:[0-9]{1,2}|[a-hA-H])[.):])\s{1,8}(?=\S)")
_END = re.compile(r"[.?!;]{1,8}(?=\s)|(?<=[\s:])\(?(?:[1-9]|[a-h])\)(?=\s)|:(?=\s)")
_JOIN = re.compile(r",\s|\s(?:and|then|und|et|y|plus|as well as|also|sowie|ainsi que|&)\s")
_FIRST = re.compile(r"[^\W\d_]{1,20}")
_ABBREVIATION = re.compile(
    r"\b(?:dr|mr|mrs|ms|prof|st|no|vs|e\.g|i\.e|etc|approx|inc|ltd|fig|vol|jr|sr|ca|z\.b|bzw)\Z",
    re.IGNORECASE,
)
_ENUMERATOR = re.compile(r"\(?(?:[0-9]{1,2}|[a-hA-H])[.)]")
_LONGEST_ABBREVIATION = 6


class TooManyError(Exception):
    """A text has more clauses than parts could be made of."""


class Clause(msgspec.Struct, frozen=True):
    """A stretch of the text that asks for one thing, or tells something."""

    start: int
    end: int
    text: str
    continues: bool
    """It stands in the same sentence as the clause before it."""


def first_word(text: str, at: int = 0) -> str:
    """Return the letters at a place of the text, as lower case: `what` of "What's"."""
    found = _FIRST.match(text, at)
    return found.group().lower() if found else ""


def clauses_of(text: str, solvable: Callable[[str], bool]) -> list[Clause]:
    """Return the clauses of a text in order. Linear in its length; `solvable` is asked a few times at most.

    Raises:
        TooManyError: there are more than parts could be made of.
    """
    found: list[Clause] = []
    joins = 0
    formulas = _Formulas(solvable)
    for number, (start, end) in enumerate(_sentences(text)):
        cuts, seen = _cuts(text, start, end, formulas)
        joins += seen
        for continues, (at, to) in enumerate(cuts):
            clause = _trimmed(text, at, to, continues=bool(continues))
            if clause is not None:
                found.append(clause)
        if joins > MOST_JOINS or len(found) > MOST_CLAUSES or number > MOST_SENTENCES:
            raise TooManyError
    return found


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for line in text.split("\n"):
        start, end = at, at + len(line)
        at = end + 1
        start += len(line) - len(line.lstrip())
        if (item := _ITEM.match(text, start, end)) is not None:
            start = item.end()
        yield from _sentences_of_line(text, start, end)


def _sentences_of_line(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for mark in _END.finditer(text, start, end):
        before = text[max(start, mark.start() - _LONGEST_ABBREVIATION) : mark.start()]
        if mark.group() == "." and _ABBREVIATION.search(before):
            continue
        stop = mark.start() if mark.group()[-1] in "):" else mark.end()
        yield start, stop
        start = mark.end()
    if start < end:
        yield start, end


def _cuts(text: str, start: int, end: int, formulas: "_Formulas") -> tuple[list[tuple[int, int]], int]:
    """Cut a sentence before every join behind which something is asked anew; and say how many joins there are."""
    cuts: list[tuple[int, int]] = []
    at = start
    seen = 0
    while seen <= MOST_JOINS and (join := _JOIN.search(text, at, end)) is not None:
        seen += 1
        behind = _after_leads(text, join.start() + 1, end)
        if behind < end and _begins_anew(text, start, join.start(), behind, formulas):
            cuts.append((start, join.start()))
            start = join.start() + 1
            at = behind
        else:
            at = join.end() - 1
    return [*cuts, (start, end)], seen


def _begins_anew(text: str, start: int, join: int, behind: int, formulas: "_Formulas") -> bool:
    word = first_word(text, behind)
    if word in STARTERS:
        return text[behind].islower() and _asks(text, start, join)
    if word in NAMING or text[behind].isdigit() or text[behind] == "(":
        return formulas.is_one(text[_after_leads(text, start, join) : join])
    return False


class _Formulas:
    """Whether what stands before a join is arithmetic from end to end, so that what follows is another thing.

    "17*23 and the handbook's rules on leave" has no verb for its second part. Asked of few stretches only.
    """

    def __init__(self, solvable: Callable[[str], bool]) -> None:
        self._solvable = solvable
        self._left = MOST_FORMULAS

    def is_one(self, text: str) -> bool:
        if not self._left or len(text) > LONGEST_FORMULA or not any(map(str.isdigit, text)):
            return False
        self._left -= 1
        return self._solvable(text)


def _asks(text: str, start: int, end: int) -> bool:
    """Return whether something is asked there already: "Tell me, what" and "In our manual, what" are cut nowhere."""
    behind = _after_leads(text, start, end)
    stretch = text[behind : min(end, behind + LONGEST_OPENING)]
    words = [word.lower() for word in written_words(stretch)]
    word = first_word(text, behind)
    if word in SOURCES:
        return not STARTERS.isdisjoint(words[1:])
    if any(map(str.isdigit, stretch)):
        return True
    return word in STARTERS and any(each not in STOP or each in DOCUMENTS for each in words)


def _after_leads(text: str, at: int, end: int) -> int:
    for _ in range(MOST_MARKS):
        if at >= end or text[at] not in " \t\r,:;&–-¿¡":
            break
        at += 1
    for _ in range(MOST_LEADS):
        lead = LEADS.match(text, at, end)
        if lead is None:
            break
        at = lead.end()
    return at


def _trimmed(text: str, start: int, end: int, *, continues: bool) -> Clause | None:
    at = _after_leads(text, start, end)
    end = _before_trails(text, at, end)
    if at >= end or _ENUMERATOR.fullmatch(text, at, end) or not any(map(str.isalnum, text[at:end])):
        return None
    return Clause(at, end, text[at:end], continues)


def _before_trails(text: str, start: int, end: int) -> int:
    for _ in range(MOST_LEADS):
        while end > start and (text[end - 1].isspace() or text[end - 1] in ",;:"):
            end -= 1
        window = max(start, end - LONGEST_TRAIL)
        trail = TRAIL.search(text, window, end)
        if trail is None:
            break
        end = trail.start()
    return end
