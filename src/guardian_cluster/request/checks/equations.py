"""Finds what a text claims to have computed: every `a op b = c`, with units and currency between."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from guardian_cluster.request.checks.expressions import MAX_TOKENS, value_of
from guardian_cluster.request.checks.tokens import Token, tokens_of

MAX_EQUATIONS = 60
_MAX_SIDE = MAX_TOKENS // 2
_MAX_UNIT = 4
"""Words between a number and the next operator that still name what is counted: `4 boxes of red apples * 3`."""

_ANNOTATION = re.compile(r"<<([^<>\n]{0,160})>>")
_PER_UNIT = re.compile(r"/ ?[^\W\d_]{2,30}\b")
"""The unit of a rate: `60 miles / hour * 2 hours` is 60 * 2."""
_ASIDE = re.compile(r"\([^()\d]{0,80}\)")
_SUMS = frozenset("+-*/^")
_UNITS = (60.0, 3600.0, 24.0, 7.0, 12.0, 52.0, 365.0)
"""Seconds and minutes, hours, days, months or inches or a dozen, weeks and days of a year."""


class Equation(NamedTuple):
    """One claim that an expression has a value; either side's value is `None` where it cannot be read."""

    left: tuple[Token, ...]
    right: tuple[Token, ...]
    computed: float | None
    claimed: float | None
    operators: tuple[str, ...]
    """Those of the left side."""
    operands: tuple[float, ...]
    """The numbers of the left side."""
    at: int
    """Where its sign of equality stands."""

    @property
    def is_checked(self) -> bool:
        """Whether both sides were read and there is something to compute."""
        return self.computed is not None and self.claimed is not None and bool(self.operators)

    @property
    def holds(self) -> bool | None:
        """Whether what is computed is what is claimed; `None` where that cannot be told."""
        if self.computed is None or self.claimed is None:
            return None
        first = self.right[0]
        if len(self.right) > 1 and first.kind == "number" and agrees(self.computed, first.value):
            return True  # `2 + 3 = 5 * 4 = 20`: a line of thought written with signs of equality
        return agrees(self.computed, self.claimed)

    def describe(self) -> str:
        """Return the claim as plain text."""
        sides = (" ".join(token.text for token in side) for side in (self.left, self.right))
        return " = ".join(sides)


class Calculation(NamedTuple):
    """What a text computes, in order."""

    tokens: list[Token]
    equations: list[Equation]
    annotations: int
    """Marks of the form `<<a*b=c>>`, which some models were taught to write."""


def calculation_of(text: str) -> Calculation:
    """Return the tokens and the equations of a text; marks of a calculator are read in place of what they repeat."""
    marks: dict[int, str] = {}
    spoken = _ASIDE.sub(" ", text) if "(" in text else text
    spoken = _PER_UNIT.sub(" ", spoken) if "/" in spoken else spoken
    plain = _without_marks(spoken, marks) if "<<" in spoken else spoken
    tokens = tokens_of(plain)
    equations: list[Equation] = []
    for place, token in enumerate(tokens):
        if token.text == "=" and len(equations) < MAX_EQUATIONS:
            equations.append(_equation(tokens, place, marks))
    return Calculation(tokens, equations, len(marks))


def _without_marks(text: str, marks: dict[int, str]) -> str:
    kept: list[str] = []
    at = length = 0
    for match in _ANNOTATION.finditer(text):
        kept.append(text[at : match.start()])
        length += match.start() - at
        marks[length] = match[1]
        at = match.end()
    return "".join((*kept, text[at:]))


def _equation(tokens: list[Token], place: int, marks: dict[int, str]) -> Equation:
    at = tokens[place].at
    left, is_whole = _before(tokens, place)
    right, is_ended = _after(tokens, place)
    computed = value_of(left) if is_whole else None
    if computed is None and marks:
        mark = next((marks[near] for near in range(at + 1, at + 5) if near in marks), None)
        if mark:
            left = tuple(tokens_of(mark.partition("=")[0]))
            computed = value_of(left)
    claimed = value_of(right) if is_ended else None
    operators = tuple([token.text for token in left if token.text in _SUMS])
    operands = tuple([token.value for token in left if token.kind == "number"])
    return Equation(left, right, computed, claimed, operators, operands, at)


def _before(tokens: Sequence[Token], place: int) -> tuple[tuple[Token, ...], bool]:
    """Return the expression that ends before a sign of equality, units left out, and whether that is all of it."""
    side: list[Token] = []
    opened = 0
    at = place - 1
    while at >= 0 and place - at < _MAX_SIDE:
        token = tokens[at]
        if _continues_left(token, side, opened):
            opened += (token.text == ")") - (token.text == "(")
            side.append(token)
            at -= 1
            continue
        skipped = _unit_before(tokens, at, side)
        if skipped == at:
            break
        at = skipped
    side.reverse()
    start = 0
    while start < len(side) and (side[start].kind == "percent" or side[start].text in "+-*/)^"):
        start += 1
    is_negative = start == 1 and side[0].text == "-" and (at < 0 or tokens[at].kind in ("break", "other"))
    is_time = start < len(side) and side[start].text == "00"
    return tuple(side[0 if is_negative else start :]), not is_time and (start == 0 or is_negative)


def _continues_left(token: Token, side: Sequence[Token], opened: int) -> bool:
    """Return whether a token belongs before what was read of a side from right to left."""
    if token.kind == "number":
        return not side or side[-1].kind != "number"
    if token.kind == "percent" or token.text == ")":
        return True
    if token.text == "(":
        return opened > 0
    return token.text in _SUMS and bool(side) and side[-1].text not in "+*/^)"


def _unit_before(tokens: Sequence[Token], at: int, side: Sequence[Token]) -> int:
    """Return the place before the words of a unit that ends at `at`; `at` itself where there is no unit."""
    if side and side[-1].text not in _SUMS and side[-1].text != ")":
        return at
    place = at
    while place >= 0 and _is_unit(tokens[place]) and at - place < _MAX_UNIT:
        place -= 1
    if place < 0 or place == at:
        return at
    return place if tokens[place].kind in ("number", "percent") or tokens[place].text == ")" else at


def _is_unit(token: Token) -> bool:
    """Return whether a word may name a unit: one of a single letter is more often an unknown."""
    return token.kind == "word" and len(token.text) > 1


def _after(tokens: Sequence[Token], place: int) -> tuple[tuple[Token, ...], bool]:
    """Return the expression that follows a sign of equality, and whether it was read to its end."""
    side: list[Token] = []
    opened = 0
    at = place + 1
    while at < len(tokens) and at - place < _MAX_SIDE:
        token = tokens[at]
        if _continues_right(token, side, opened):
            opened += (token.text == "(") - (token.text == ")")
            side.append(token)
            at += 1
            continue
        skipped = _unit_after(tokens, at, side)
        if skipped == at:
            break
        at = skipped
    dangles = bool(side) and side[-1].kind == "operator" and side[-1].text != ")"
    while side and side[-1].kind == "operator" and side[-1].text != ")":
        side.pop()
    goes_on = at < len(tokens) and (
        tokens[at].text == "(" or (tokens[at].kind == "word" and len(tokens[at].text) == 1)
    )
    return tuple(side), not (dangles or goes_on)


def _continues_right(token: Token, side: Sequence[Token], opened: int) -> bool:
    ends = bool(side) and (side[-1].kind in ("number", "percent"))
    if token.kind == "number" or token.text == "(":
        return not ends
    if token.kind == "percent":
        return ends
    return token.text in _SUMS or (token.text == ")" and opened > 0)


def _unit_after(tokens: Sequence[Token], at: int, side: Sequence[Token]) -> int:
    if not side or side[-1].kind not in ("number", "percent"):
        return at
    place = at
    while place < len(tokens) and _is_unit(tokens[place]) and place - at < _MAX_UNIT:
        place += 1
    goes_on = place < len(tokens) and (tokens[place].text in _SUMS or tokens[place].text == "=")
    return place if goes_on else at


def agrees(computed: float, claimed: float) -> bool | None:
    """Return whether a computed value is the claimed one as it is printed.

    Rounding to the printed decimals is allowed, and so is a change between a share and percent, or between a
    currency's unit and its hundredth. `None` for a value rounded to a whole number, and for one that another unit
    of time, of length or a dozen would explain: that may be meant.
    """
    printed = 0.5001 * 10.0 ** -_decimals(claimed)
    tolerance = max(1e-12 * abs(claimed), 1e-6, printed if claimed % 1 else 0.0)
    if any(abs(computed * scale - claimed) <= tolerance for scale in (1.0, 100.0, 0.01)):
        return True
    if computed % 1 and not claimed % 1 and abs(computed - claimed) < 1:
        return None
    return None if any(_is_times(computed, claimed, factor) for factor in _UNITS) else False


def _is_times(computed: float, claimed: float, factor: float) -> bool:
    larger, smaller = max(computed, claimed), min(computed, claimed)
    return smaller > 0 and abs(smaller * factor - larger) <= 1e-9 * larger


def _decimals(value: float) -> int:
    if not math.isfinite(value) or value == int(value):
        return 0
    text = f"{value:.10f}".rstrip("0")
    return len(text) - text.index(".") - 1
