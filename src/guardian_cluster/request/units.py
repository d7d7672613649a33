"""Which messages of a conversation belong together, and which make no sense to a model without others.

Endpoints refuse a tool's result whose call is missing and a call whose result is; many refuse an answer without
the question before it, or two questions in a row. What a conversation lost must not make all that follows fail.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

from guardian_cluster.request.measuring import Piece

NO_CALL = "result without its call"
NO_RESULT = "call without its result"
NO_QUESTION = "answer without its question"
NO_ANSWER = "question without its answer"


class Exchange:
    """A message with tool calls, and all their results: shown together or not at all."""

    __slots__ = ("members", "missing")

    def __init__(self, member: int, piece: Piece) -> None:
        self.members = [member]
        self.missing = set(piece.calls)
        """Calls without a result."""

    def add(self, member: int, piece: Piece) -> None:
        """Take in the result of one of its calls."""
        self.members.append(member)
        self.missing.discard(piece.answers or "")


def exchanges_of(pieces: Sequence[Piece]) -> tuple[dict[int, Exchange], list[int]]:
    """Put calls and their results together, by the member that calls; return also the results without a call.

    Some models use the name of a call again and again: a result belongs to the last call of that name.
    """
    exchanges: dict[int, Exchange] = {}
    orphans: list[int] = []
    calls: dict[str, Exchange] = {}
    for member, piece in enumerate(pieces):
        if piece.answers is not None:
            if (exchange := calls.get(piece.answers)) is not None:
                exchange.add(member, piece)
            else:
                orphans.append(member)
        elif piece.calls:
            exchanges[member] = exchange = Exchange(member, piece)
            calls.update(dict.fromkeys(piece.calls, exchange))
    return exchanges, orphans


def gaps_in(pieces: Sequence[Piece], start: int, end: int) -> list[int]:
    """Return the members before which messages of the conversation are missing."""
    numbers = [piece.number for piece in pieces[start:end]]
    follows = itertools.pairwise(numbers)
    return [start + n for n, (this, after) in enumerate(follows, 1) if after != this + 1 and after]


class Sense:
    """Finds the units of a turn of which a model can make sense, and keeps the reason for every other message."""

    def __init__(
        self, pieces: Sequence[Piece], exchanges: Mapping[int, Exchange], gaps: Iterable[int], must: set[int]
    ) -> None:
        self._pieces = pieces
        self._exchanges = exchanges
        self._gaps = frozenset(gaps)
        self._must = must
        self.reasons: dict[int, str] = {}

    def of_new(self, members: Iterable[int]) -> list[list[int]]:
        """Return the units of a turn that its caller sent with this request: as sent, but for what must be shown."""
        return [unit for unit in map(self._unit, members) if unit and unit[0] not in self._must]

    def of_past(self, members: Sequence[int]) -> list[list[int]]:
        """Return the units of a turn of an earlier request that are to be shown together, if at all."""
        units: list[list[int]] = []
        is_answered = is_asked = False
        for member in members:
            piece = self._pieces[member]
            is_asked = piece.role == "user" or (is_asked and member not in self._gaps)
            if not (unit := self._unit(member)):
                continue
            if member in self._must:
                is_answered = True
            elif (exchange := self._exchanges.get(member)) is not None and exchange.missing:
                self.reasons.update(dict.fromkeys(unit, NO_RESULT))
            elif not is_asked:
                self.reasons.update(dict.fromkeys(unit, NO_QUESTION))
            else:
                is_answered = is_answered or piece.role != "user"
                units.append(unit)
        if is_answered:
            return units
        self.reasons.update({member: NO_ANSWER for unit in units for member in unit})
        return []

    def _unit(self, member: int) -> list[int]:
        """Return the messages that are shown with one; none for a result, which is shown with its call."""
        piece = self._pieces[member]
        if piece.answers is not None or piece.is_instruction:
            return []
        exchange = self._exchanges.get(member)
        return [member] if exchange is None else exchange.members
