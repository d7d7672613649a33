"""A secret without a literal beginning: the whole of it must fit its shape, and look drawn at random."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from math import log2

from guardian_cluster.watcher.letters import is_name, oddness
from guardian_cluster.watcher.shape import (
    CAP,
    Piece,
    Run,
    Tail,
    least_of,
    looks_random,
    most_of,
    opened,
    texts_of,
    whole,
)

_EDGE = "(?<![A-Za-z0-9_])"
_NO_MORE = "(?![A-Za-z0-9_])"
_ALONE = "(?<![A-Za-z0-9_/+])"
_ALONE_BEHIND = "(?![A-Za-z0-9_/+=])"
"""Base64 of machine code and of tables is full of some literal beginnings: no other part of it may be next to one."""

_DIGIT = re.compile("[0-9]")
ENDS_RUN = " \t\r\n\"'`()[]{},;<>"

LEAST_RUN = 8
"""Characters of a run that is looked at."""

RUN = re.compile(f"[^{re.escape(ENDS_RUN)}]{{{LEAST_RUN},}}")
"""What a secret that is but a run stands in. It begins at the run's beginning, or behind a sign in it."""

TELLING = re.compile("[0-9]|[bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ]{4}|[a-z][A-Z]")
"""What a run has that may hold one."""

_DIGITS_APART = 12
"""Characters that a digit comes among at least where only randomness tells: of names in code few have as many, of
random letters and digits nine in ten."""

_UNSPEAKABLE = re.compile("[bcdfghjklmnpqrstvwxz]{4}", re.IGNORECASE)
"""Consonants that few words have in a row; nine of ten random texts of 14 letters do."""

_ODD = 0.25
"""Share of pairs of letters that no word has: 1 in 100 words of 8 letters has as many, of names in code 1 in 16; of
random letters all but 1 in 50, of 12 or more all but 1 in 180."""

_MIXED_CASE = 0.3, 0.7
"""Share of capitals that seven of ten random texts of 8 letters have, nineteen of twenty of 20, and of names in code
of several words one in thirteen."""

_QUOTES = "\"'"
_ADDRESS = re.compile(r"//|\.{0,2}/[a-z][a-z0-9_.-]{1,30}/")
"""The beginning of what is behind `https:`, or of a path."""

_CALLS = ("(", "[")
_DIGITS_IN_NAMES = 4
"""Characters that a digit comes among at least in the name of what is called."""

_SET_DIRECTLY = ('"', "'", "`", "=")
"""What stands right before a value; code writes a blank before a name."""

_ASSIGNMENT = 8
_ASSIGNED = re.compile(r"(?:[=:>,]|\|\||\bis)[`'\"\s=]{0,5}\Z")
_LETTER = re.compile("[A-Za-z]")


class Body:
    """A secret that only words before it tell from other texts. The whole of it must fit its shape."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        *,
        assigned: bool = False,
        entropy: float = 0.0,
        is_form: bool = False,
    ) -> None:
        self._assigned = assigned
        self._entropy = entropy
        self._is_form = is_form
        self._stands_alone = is_form and isinstance(pieces[0], str)
        self._quote, pieces = ("", pieces) if is_form else _unquoted(pieces)
        self.least = sum(least_of(piece) for piece in pieces)
        last = pieces[-1]
        self.onward: Tail | None = None
        """What such a secret goes on with behind the longest, where it has no upper end."""
        if isinstance(last, Run) and last.most is None:
            self.onward = Tail([last])
            pieces = [*pieces[:-1], Run(last.alphabet, last.least, CAP)]
        self._pieces = pieces
        self.most = sum(most_of(piece) for piece in pieces)
        """Characters of the longest."""
        self.is_run = not (is_form or self._quote) and all(map(_is_run, pieces)) and self.least >= LEAST_RUN
        """Whether it holds nothing that ends a run: a blank, a quotation mark, a bracket."""
        self._enough = self.most if self.onward is not None else self.most + 1
        some = re.compile("[" + "".join(each.alphabet for each in pieces if isinstance(each, Run)) + "-]")
        self._mixed = some.match("5") is not None and bool(some.match("b") or some.match("B"))

    def find(self, text: str, first: int, last_first: int, *, last: bool) -> Iterator[tuple[int, int]]:
        """Yield where such secrets stand that begin at `first` to `last_first`.

        At the end of a text that goes on none is decided, unless it is so long that it is one however it goes on.
        """
        for found in self._whole.finditer(text, first, min(len(text), last_first + self.most + 1)):
            at, stop = found.span(1)
            if at > last_first:
                return
            is_decided = last or stop < len(text) or stop - at >= self._enough
            if (
                is_decided
                and self._is_secret(found[1], found[2] or found[1])
                and self._stands_right(text, at, stop)
            ):
                yield at, stop

    def leading(self) -> int:
        """Return how long a run it begins with."""
        return most_of(self._pieces[0]) if isinstance(self._pieces[0], Run) else 0

    def may_hold(self, character: str) -> bool:
        """Return whether a character may stand in one."""
        return any(
            re.search(f"[{piece.alphabet}]", character)
            if isinstance(piece, Run)
            else any(character in text for text in texts_of(piece))
            for piece in self._pieces
        )

    def _stands_right(self, text: str, at: int, stop: int) -> bool:
        if self._assigned and not _ASSIGNED.search(text, max(0, at - _ASSIGNMENT), at):
            return False
        return not (self._assigned and self._entropy) or not _is_code(text, at, stop)

    def _is_secret(self, text: str, core: str) -> bool:
        """Return whether a text that fits is one; where words may stand in it, its longest run must be none."""
        if not looks_random(text):
            return False
        if self._entropy and entropy(text) < self._entropy:
            return False
        if self._is_form:
            return not (self._entropy and self._mixed) or _is_mixed(text)
        if self._entropy:
            return _DIGITS_APART * len(_DIGIT.findall(text)) > len(text) or oddness(text) >= _ODD
        if not self._mixed or _is_mixed(core) or _may_be_no_word(core):
            return True
        return bool(self._quote) and _has_random_capitals(core)

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        longest = None if self.is_run else _longest(self._pieces)
        pieces = [whole(piece) for piece in self._pieces]
        if longest is not None:
            pieces[longest] = f"({pieces[longest]})"
        *before, end = pieces
        edge, no_more = (_ALONE, _ALONE_BEHIND) if self._stands_alone else (_EDGE, _NO_MORE)
        if self._quote:
            edge, no_more = self._behind_quote, f"(?={self._quote})"
        end = f"{end}{no_more}"
        endless = self._pieces[-1] if self.onward is not None else None
        if isinstance(endless, Run):  # so long a one is one however it goes on
            end = f"(?:{endless.one}{{{CAP}}}|{end})"
        expression = f"{''.join(before)}{end}"
        return re.compile(f"{edge}(?=({f'({expression})' if longest is None else expression}))")

    @cached_property
    def cut_off(self) -> str:
        """The expression of a text's end that may cut such a secret off."""
        return self._behind_quote + opened(self._pieces, ends_at_least=False)

    @property
    def _behind_quote(self) -> str:
        return f"(?<![A-Za-z0-9_]{self._quote})(?<={self._quote})" if self._quote else ""


class Bodies:
    """Several of them, looked for at once where only the text's end matters."""

    def __init__(self, bodies: Sequence[Body]) -> None:
        self._bodies = bodies
        self.least = min((body.least for body in bodies), default=0)
        """Characters of the shortest."""
        self.most = max((body.most for body in bodies), default=0)
        """Characters of the longest."""

    def open_from(self, text: str, after: int) -> int:
        """Return the first position, from `after` on, at which the text's end may cut one of them off."""
        found = self.search(text, after)
        return found.start() if found else len(text)

    @cached_property
    def search(self) -> Callable[[str, int], re.Match[str] | None]:
        """Finds the first position, in a text and from a position on, at which the text's end may cut one off."""
        # Those first that most words may begin: they are found without a look at the others.
        bodies = sorted(self._bodies, key=Body.leading, reverse=True)
        return re.compile(
            _EDGE + "(?:" + "|".join(dict.fromkeys(each.cut_off for each in bodies)) + ")"
        ).search


def _unquoted(pieces: Sequence[Piece]) -> tuple[str, Sequence[Piece]]:
    """Return the mark in which a shape stands, if it is written with one, and the shape without it.

    It is looked for and left where it is: a JSON document is none without it.
    """
    first, last = pieces[0], pieces[-1]
    if len(pieces) < 2 or not (isinstance(first, str) and isinstance(last, str)):
        return "", pieces
    if first[0] != last[-1] or first[0] not in _QUOTES:
        return "", pieces
    inner = [first[1:], *pieces[1:-1], last[:-1]]
    return first[0], [piece for piece in inner if piece != ""]


def _is_code(text: str, at: int, stop: int) -> bool:
    """Return whether a text in an assignment is an address or a path, is called, or is the name of something."""
    if _ADDRESS.match(text, at):
        return True
    name = text[at:stop]
    if text[stop : stop + 1] in _CALLS and _DIGITS_IN_NAMES * len(_DIGIT.findall(name)) < len(name):
        return oddness(name) < _ODD
    return is_name(name, quoted=text[at - 1 : at] in _SET_DIRECTLY)


def _is_run(piece: Piece) -> bool:
    if isinstance(piece, Run):
        return re.search(f"[{piece.alphabet}]", ENDS_RUN) is None
    return not any(character in ENDS_RUN for text in texts_of(piece) for character in text)


def _longest(pieces: Sequence[Piece]) -> int | None:
    """Return the number of the longest run, where there is one."""
    lengths = [most_of(piece) if isinstance(piece, Run) else 0 for piece in pieces]
    return lengths.index(max(lengths)) if any(lengths) else None


def _is_mixed(text: str) -> bool:
    return _LETTER.search(text) is not None and _DIGIT.search(text) is not None


def _has_random_capitals(text: str) -> bool:
    least, most = _MIXED_CASE
    return least * len(text) <= sum(map(str.isupper, text)) <= most * len(text)


def _may_be_no_word(text: str) -> bool:
    return _UNSPEAKABLE.search(text) is not None or oddness(text) >= _ODD


def entropy(text: str) -> float:
    """Return the bits for each character of a text, taken for letters drawn one by one (Shannon, 1948)."""
    size = len(text)
    return -sum(n / size * log2(n / size) for n in Counter(text).values())
