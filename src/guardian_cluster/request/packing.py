"""Packing decides which messages of a conversation a specialist is shown: those that fit its window, and matter most.

The order in which messages are taken does not depend on how many fit, so a larger window shows all that a
smaller one does, and more (docs/design/context.md).
"""

import bisect
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec

from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.request.measuring import INSTRUCTIONS, Piece, Terms, terms_of
from guardian_cluster.request.units import NO_CALL, Sense, exchanges_of, gaps_in

RECENT_TURNS = 4
"""So many turns back, only how recent a turn is counts: what "it" and "that" in a question mean is in them."""

DEFERRED_TOKENS = 2_000
"""A turn of so many tokens comes as late as one that is a turn older: a pasted book must not displace all else."""

WHOLE_TURN_TOKENS = 4_000
"""A larger turn is divided: its question and last answer stay together, what is between comes one by one."""

MAX_COMPARED = 128
"""Turns that are compared with the question, the newest ones: 0.5 ms. To find older ones is the store's work."""

MAX_COMPARED_OF_TURN = 4
"""Messages of one turn that are compared: its question, and what was done first about it."""

NO_ROOM = "no room"


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """What of a conversation is not shown."""

    count: int = 0
    tokens: int = 0
    first: int | None = None
    """The lowest of their numbers; `None` where none of them has one."""
    last: int | None = None
    reasons: tuple[tuple[str, int], ...] = ()
    """Why, and how many messages for that reason, by name."""


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """The messages that are shown, in order."""

    pieces: tuple[Piece, ...]
    tokens: int
    history: int
    """How many of them are of earlier requests."""
    left_out: LeftOut

    @property
    def messages(self) -> list[msgspec.Raw]:
        """The messages as they were sent."""
        return [piece.message for piece in self.pieces]


class Turn(msgspec.Struct, frozen=True, gc=False):
    """A question and what follows it up to the next one, as far as it need not be shown."""

    is_past: bool
    units: Sequence[Sequence[int]]
    """What is shown together; empty where all of `members` is one message each."""
    members: Sequence[int]
    tokens: int


class Block(msgspec.Struct, frozen=True, gc=False):
    """Messages that are taken together, and their place: the lowest `is_past` and `rank` first."""

    is_past: bool
    rank: float
    tokens: int
    members: Sequence[int]


def pack(
    system: Sequence[Piece],
    history: Sequence[Piece],
    recalled: Sequence[Piece],
    new: Sequence[Piece],
    budget_tokens: int,
) -> Packed:
    """Return the messages that fit the budget; see `Conversation`.

    Raises:
        InvalidRequest: what must be shown does not fit.
    """
    return Conversation(system, history, recalled, new).within(budget_tokens)


class Conversation:
    """The messages that could be shown: instructions, history, what was recalled of it, and what is new.

    Always shown are instructions, the newest question and what follows it, and a call whose result is new. Of
    the rest come the new messages first, then the turns of the history: recent ones, then those that share
    words with the question. `recalled` may repeat messages of `history`; both are in the order of their numbers.
    """

    def __init__(
        self,
        system: Sequence[Piece],
        history: Sequence[Piece],
        recalled: Sequence[Piece],
        new: Sequence[Piece],
    ) -> None:
        past = {each.number: each for each in (*recalled, *history)} if recalled else {}
        earlier = [past[number] for number in sorted(past)] if recalled else history
        self._pieces = [*system, *earlier, *new]
        self._first_past = len(system)
        self._first_new = len(system) + len(earlier)
        self._sums = [0, *itertools.accumulate(piece.tokens for piece in self._pieces)]
        self._roles = [piece.role for piece in self._pieces]
        self._newest = _last(self._roles, "user")
        self._exchanges, self._orphans = exchanges_of(self._pieces)
        self._must = self._musts()
        self.required_tokens = self._tokens(self._must)
        """The tokens of what is always shown."""

    def within(self, budget_tokens: int) -> Packed:
        """Return the messages that fit.

        Raises:
            InvalidRequest: what must be shown does not fit.
        """
        room = budget_tokens - self.required_tokens
        if room < 0:
            raise InvalidRequest(
                f"The instructions and the newest question hold about {self.required_tokens} tokens, and there is "
                f"room for {budget_tokens}; send less.",
                code="context_length_exceeded",
                param="messages",
            )
        turns, reasons = self._optional
        taken: Sequence[Turn | Block] = turns
        if sum(turn.tokens for turn in turns) > room:
            taken = self._ranked[: bisect.bisect_right(self._filled, room)]
        shown = bytearray(len(self._pieces))
        for member in itertools.chain(self._must, *(each.members for each in taken)):
            shown[member] = 1
        return self._packed(shown, reasons)

    def _packed(self, shown: bytearray, reasons: dict[int, str]) -> Packed:
        pieces = tuple(itertools.compress(self._pieces, shown))
        tokens = sum(piece.tokens for piece in pieces)
        omitted = len(self._pieces) - len(pieces)
        first, last = (find(0, self._first_past, self._first_new) for find in (shown.find, shown.rfind))
        counts = Counter(reasons.values())
        counts[NO_ROOM] = omitted - len(reasons)
        return Packed(
            pieces=pieces,
            tokens=tokens,
            history=shown.count(1, self._first_past, self._first_new),
            left_out=LeftOut(
                count=omitted,
                tokens=self._sums[-1] - tokens,
                first=self._pieces[first].number if first >= 0 else None,
                last=self._pieces[last].number if last >= 0 else None,
                reasons=tuple(sorted((+counts).items())),
            ),
        )

    def _tokens(self, members: Iterable[int]) -> int:
        return sum(self._pieces[member].tokens for member in members)

    def _musts(self) -> set[int]:
        """Return what is always shown, results with their calls."""
        must = {member for member, role in enumerate(self._roles) if role in INSTRUCTIONS}
        must.update(range(max(self._newest, self._first_new), len(self._pieces)))
        if self._newest >= 0:
            must.add(self._newest)
        must.difference_update(self._orphans)
        for first, exchange in self._exchanges.items():
            is_new = first >= max(self._newest, self._first_new)
            if is_new or (first < self._first_new <= exchange.members[-1]):
                must.update(exchange.members)
            else:
                must.difference_update(exchange.members)
        return must

    @cached_property
    def _optional(self) -> tuple[list[Turn], dict[int, str]]:
        """What need not be shown, by turns, newest last; and what makes no sense, with the reason."""
        gaps = gaps_in(self._pieces, self._first_past, self._first_new)
        sense = Sense(self._pieces, self._exchanges, gaps, self._must)
        sense.reasons.update(dict.fromkeys(self._orphans, NO_CALL))
        marked = bytearray(len(self._pieces))
        for exchange in self._exchanges.values():
            for member in exchange.members:
                marked[member] = 1
        for member in (*gaps, *self._orphans, *self._must):
            marked[member] = 1
        turns: list[Turn] = []
        for start, end in self._borders():
            members, is_past = range(start, end), start < self._first_new
            if marked.find(1, start, end) < 0 and self._is_plain(start, end):
                turns.append(Turn(is_past, (), members, self._sums[end] - self._sums[start]))
            elif units := sense.of_past(members) if is_past else sense.of_new(members):
                listed = [member for unit in units for member in unit]
                turns.append(Turn(is_past, units, listed, self._tokens(listed)))
            else:
                turns.append(Turn(is_past, (), (), 0))
        return turns, sense.reasons

    def _borders(self) -> Iterable[tuple[int, int]]:
        """Return where turns begin and end: before each question, and where the new messages begin."""
        begin = {self._first_past, self._first_new}
        begin.update(n for n, role in enumerate(self._roles) if role == "user")
        return itertools.pairwise([*sorted(begin), len(self._pieces)])

    def _is_plain(self, start: int, end: int) -> bool:
        """Whether a turn is a question with its answer, or new."""
        return start >= self._first_new or (end - start > 1 and self._roles[start] == "user")

    @cached_property
    def _ranked(self) -> list[Block]:
        """What need not be shown, in the order in which it is taken."""
        turns, _ = self._optional
        turns_back = turns[::-1]
        blocks: list[Block] = []
        shares = itertools.chain(self._shares(turns_back[:MAX_COMPARED]), itertools.repeat(0.0))
        for age, (turn, share) in enumerate(zip(turns_back, shares, strict=False)):
            older = max(0, age - RECENT_TURNS)
            near = age - older * share
            if turn.tokens <= WHOLE_TURN_TOKENS:
                rank = near + turn.tokens / DEFERRED_TOKENS
                blocks.append(Block(turn.is_past, rank, turn.tokens, turn.members))
            else:
                blocks += self._divided(turn, near)
        return sorted(blocks, key=lambda block: (block.is_past, block.rank))

    def _divided(self, turn: Turn, near: float) -> list[Block]:
        """Divide a large turn into its question with the last answer, and what is between, newest first."""
        units = list(turn.units or [[member] for member in turn.members])
        ends = [units[0]]
        if len(units) > 1 and not self._pieces[units[-1][0]].calls:
            ends.append(units.pop())
        frame = [member for unit in ends for member in unit]
        blocks: list[Block] = []
        for members in (frame, *reversed(units[1:])):
            tokens = self._tokens(members)
            rank = (blocks[0].rank if blocks else near) + tokens / DEFERRED_TOKENS
            blocks.append(Block(turn.is_past, rank, tokens, members))
        return blocks

    @cached_property
    def _filled(self) -> list[int]:
        """The tokens of the blocks up to each."""
        return list(itertools.accumulate(block.tokens for block in self._ranked))

    def _shares(self, turns: Sequence[Turn]) -> list[float]:
        """Return how much of what the question is about each turn holds, 0 to 1; rare words count most."""
        if self._newest < 0:
            return []
        terms = terms_of([self._pieces[self._newest].message])
        found = [self._found(terms, turn) for turn in turns]
        counts = Counter(itertools.chain.from_iterable(found))
        weights = {term: math.log((len(found) + 1) / count) for term, count in counts.items()}
        total = math.fsum(weights.values()) or 1.0
        return [math.fsum(weights[term] for term in each) / total for each in found]

    def _found(self, terms: Terms, turn: Turn) -> list[bytes]:
        """Return the terms that a turn holds; of a very long one, its beginning counts."""
        members = turn.members[:MAX_COMPARED_OF_TURN]
        return terms.shared_with(*[self._pieces[member].message for member in members])


def _last(roles: Sequence[str], wanted: str) -> int:
    return next((n for n in range(len(roles) - 1, -1, -1) if roles[n] == wanted), -1)
