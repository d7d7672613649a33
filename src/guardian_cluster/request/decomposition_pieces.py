"""Which clauses of a request make up its parts, and whether these have nothing to do with each other."""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from typing import Final

import msgspec

from guardian_cluster.request.decomposition_clauses import Clause
from guardian_cluster.request.decomposition_independence import (
    depends,
    is_for_a_program,
    is_further_question,
    spans_all,
    stands_for_itself,
    topics,
)
from guardian_cluster.request.decomposition_kinds import Requirement, Words, requirement_of
from guardian_cluster.request.decomposition_words import APART

MOST_PARTS: Final = 5
"""Each part is a call of its own, with a watcher; who asks for more wants a list worked off, not an answer."""

_LONGEST_LEAD = 48
"""Characters before a clause in which the user may say that it is another matter."""


class Piece(msgspec.Struct):
    """A part in the making: a clause, and the clauses after it that ask on about the same."""

    requirement: Requirement
    start: int
    end: int
    words: Words
    opens_sentence: bool

    def take_in(self, piece: "Piece") -> None:
        """Go on to the end of a piece that asks on."""
        self.end = piece.end
        self.words = Words(self.words.written + piece.words.written, self.words.lower + piece.words.lower)


def pieces_of(text: str, clauses: Sequence[Clause], solvable: Callable[[str], bool]) -> list[Piece] | None:
    """Put the clauses together that belong together; `None` where one of them is not understood to be independent."""
    read = [_read(clause, solvable) for clause in clauses]
    found = {piece.requirement for piece in read}
    strongly = not found.isdisjoint(("retrieval", "code"))
    pieces: list[Piece] = []
    for clause, piece in zip(clauses, read, strict=True):
        if spans_all(piece.words, piece.requirement):
            return None
        if found.issuperset(("code", "retrieval")) and is_for_a_program(piece.words, piece.requirement):
            return None
        apart = APART.search(text, max(0, clause.start - _LONGEST_LEAD), clause.start) is not None
        refers = depends(piece.words, piece.requirement)
        if not refers and (
            piece.requirement != "general" or stands_for_itself(piece.words, strongly=strongly and not apart)
        ):
            pieces.append(piece)
        elif clause.continues and pieces and _takes_up(pieces[-1], piece, refers=refers):
            pieces[-1].take_in(piece)
        else:
            return None
    return pieces


def _read(clause: Clause, solvable: Callable[[str], bool]) -> Piece:
    words = Words.of(clause.text)
    requirement, (start, end) = requirement_of(clause.text, words, solvable)
    return Piece(
        requirement, clause.start + start, clause.start + end, words, opens_sentence=not clause.continues
    )


def _takes_up(before: Piece, piece: Piece, *, refers: bool) -> bool:
    """Return whether a clause that is no part of its own plainly asks on about the one before it."""
    if before.requirement == "exact" or piece.requirement not in ("general", before.requirement):
        return False
    if before.requirement == "retrieval" and is_further_question(piece.words):
        return True
    return refers and before.opens_sentence


def are_apart(pieces: Sequence[Piece]) -> bool:
    """Return whether the pieces are for different specialists, not too many, and about different things."""
    if not 2 <= len(pieces) <= MOST_PARTS or len({piece.requirement for piece in pieces}) < 2:
        return False
    return not any(
        one.requirement != other.requirement and topics(one.words) & topics(other.words)
        for one, other in combinations(pieces, 2)
    ) and all(one.end <= other.start for one, other in pairwise(pieces))
