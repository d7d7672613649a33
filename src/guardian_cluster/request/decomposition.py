"""Decides whether a request consists of parts that can be answered apart, and which specialist each is for.

A false decomposition costs more than a missed one: a part that is answered without what it refers to is wrong, a
request that is left whole is answered as ever. So a request is left whole unless its parts plainly have nothing to do
with each other and at least two of them are for different specialists. By rule alone, without a model or learning.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from guardian_cluster.request.decomposition_clauses import Clause, TooManyError, clauses_of, first_word
from guardian_cluster.request.decomposition_independence import holds_together
from guardian_cluster.request.decomposition_kinds import Requirement, Words, is_code, is_retrieval
from guardian_cluster.request.decomposition_pieces import Piece, are_apart, pieces_of
from guardian_cluster.request.decomposition_words import (
    CODE_THINGS,
    COURTESY,
    CUES,
    INSTRUCTION,
    LANGUAGES,
    LEADS,
    NAMING,
    QUESTIONS,
    SOURCES,
    STARTERS,
)

LONGEST: Final = 4096
"""Characters of a question that is looked at. A longer one brings material along, which parts would share."""

MOST_WORDS: Final = 160
"""A request of more words tells things; five parts that plainly stand alone take fewer. Bounds the time, too."""

MOST_ASKING: Final = 7
"""Clauses that ask for something; some are of the same part. Bounds how often the solver is asked."""

MOST_SOLVABLE: Final = 240
"""Characters that the solver is asked about: 2 to 5 us each, more than everything else together."""

SHORTEST: Final = 16

LONGEST_HEADING: Final = 60

_NUMBER = re.compile("[qQ]?[0-9]")
_DIGIT = re.compile("[0-9]")

_JOINS = (" and ", "? ", ". ", "\n", "; ", ", ", " then ", " plus ", "! ", " und ", " et ", " y ", " as well as ",
          " & ", " also ", " sowie ", ") ")  # fmt: skip


class Part(msgspec.Struct, frozen=True):
    """One thing that a request asks for, which can be answered without the rest of it."""

    number: int
    """From 1, in the order of the request."""
    text: str
    """As the user wrote it, without what leads to it or follows it."""
    requirement: Requirement
    """`exact`: the solver understands it entirely; `retrieval`: about documents, or what was said before."""
    heading: str
    """The text on one line, short enough to stand above the answer. It is the user's, and so not to be trusted."""
    instruction: str = ""
    """What the user said of every part alike: in which language, or how briefly, it is to be answered."""


def decompose(question: str, solvable: Callable[[str], bool]) -> tuple[Part, ...]:
    """Return the parts of a request, two at least; nothing means that it is left whole.

    Pure, never raises for any text, and linear in its length. `solvable` tells whether the solver understands a
    question entirely; it is asked about a few short texts at most. A part is never decomposed further.
    """
    if not _may_have_parts(question):
        return ()
    parts = _parts(question, _Asking(solvable))
    return () if any(_parts(part.text, _Asking(solvable)) for part in parts) else parts


class _Asking:
    """Asks the solver about each text once, and about so many characters in all; beyond that nothing is solvable."""

    def __init__(self, solvable: Callable[[str], bool]) -> None:
        self._solvable = solvable
        self._left = MOST_SOLVABLE
        self._known: dict[str, bool] = {}

    def __call__(self, text: str) -> bool:
        if text not in self._known and len(text) <= self._left:
            self._left -= len(text)
            self._known[text] = self._solvable(text)
        return self._known.get(text, False)


def _may_have_parts(question: str) -> bool:
    """Take the first look, which costs next to nothing: most requests begin, or go on, like none that has parts."""
    if not SHORTEST <= len(question) <= LONGEST or question.count(" ") > MOST_WORDS or not _opens(question):
        return False
    lowered = question.lower()
    if not any(map(lowered.__contains__, _JOINS)):
        return False
    return _DIGIT.search(lowered) is not None or any(map(lowered.__contains__, CUES))


def _opens(question: str) -> bool:
    """Return whether the first word can be that of a request with parts; a story begins otherwise."""
    at = 0
    while at < len(question) and not question[at].isalpha():
        at += 1
    word = first_word(question, at)
    return word in STARTERS or word in COURTESY or LEADS.match(question, at) is not None


def _parts(text: str, solvable: Callable[[str], bool]) -> tuple[Part, ...]:
    words = Words.of(text)
    if len(words.lower) > MOST_WORDS or holds_together(text, words):
        return ()
    try:
        clauses = clauses_of(text, solvable)
    except TooManyError:
        return ()
    if len(clauses) < 2:
        return ()
    asking, instructions = _sorted_out(clauses)
    if asking is None or len(asking) > MOST_ASKING:
        return ()
    pieces = pieces_of(text, asking, solvable)
    if pieces is None or not are_apart(pieces) or not _can_follow(instructions, pieces):
        return ()
    return tuple(_part(number, text, piece, instructions) for number, piece in enumerate(pieces, 1))


def _sorted_out(clauses: Sequence[Clause]) -> tuple[list[Clause] | None, list[str]]:
    """Return the clauses that ask for something, and the instructions; no clauses where something is told."""
    asking: list[Clause] = []
    instructions: list[str] = []
    for clause in clauses:
        words = Words.of(clause.text)
        if _is_courtesy(words):
            continue
        if _is_instruction(clause):
            instructions.append(clause.text)
        elif _asks(clause, words):
            asking.append(clause)
        else:
            return None, []
    return asking, instructions


def _is_courtesy(words: Words) -> bool:
    """Return whether a clause is a greeting, an announcement ("two things:") or a number ("Question 2:")."""
    lower = words.lower
    numbers = [word for word in lower if _NUMBER.fullmatch(word)]
    return (
        len(numbers) < 2
        and not lower[0].isdigit()
        and all(word in COURTESY or word in numbers for word in lower)
    )


def _asks(clause: Clause, words: Words) -> bool:
    first = first_word(clause.text)
    if first in SOURCES:
        return not QUESTIONS.isdisjoint(words.lower) or clause.text.endswith("?")
    if first in NAMING or first in CODE_THINGS:
        return is_code(words.lower) or is_retrieval(words.lower)
    return first in STARTERS or not first or words.lower[0][0].isdigit()


def _is_instruction(clause: Clause) -> bool:
    found = INSTRUCTION.fullmatch(clause.text)
    return found is not None and (found["name"] is None or found["name"].lower() in LANGUAGES)


def _can_follow(instructions: Sequence[str], pieces: Sequence[Piece]) -> bool:
    """Return whether every part can be answered as instructed: the solver writes in one language only."""
    names_language = any((found := INSTRUCTION.fullmatch(each)) and found["name"] for each in instructions)
    return not names_language or all(piece.requirement != "exact" for piece in pieces)


def _part(number: int, text: str, piece: Piece, instructions: Sequence[str]) -> Part:
    own = text[piece.start : piece.end]
    return Part(number, own, piece.requirement, _heading(own), " ".join(instructions))


def _heading(text: str) -> str:
    line = " ".join(_readable(text[: 4 * LONGEST_HEADING]))
    line = line.rstrip(" .?!;,")
    if len(line) > LONGEST_HEADING:
        line = line[:LONGEST_HEADING].rsplit(" ", 1)[0] + " …"
    return line[:1].upper() + line[1:]


def _readable(text: str) -> Iterator[str]:
    """Return the words of a text without characters that cannot be seen."""
    for word in text.split():
        if seen := "".join(character for character in word if character.isprintable()):
            yield seen
