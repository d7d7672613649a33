"""Computes an expression that a model wrote down, or says that it cannot be read; never evaluates code."""

from collections.abc import Sequence

from guardian_cluster.request.checks.tokens import Token

MAX_TOKENS = 80
_MAX_DEPTH = 12
_MAX_POWER = 8
_MAX_VALUE = 1e15
"""Beyond it a float no longer holds every whole number."""


class Unreadable(Exception):
    """What stands there is no expression of numbers."""


def value_of(expression: Sequence[Token]) -> float | None:
    """Return what an expression of numbers, `+ - * / ^ %` and brackets is, or `None` where it is none."""
    if not expression or len(expression) > MAX_TOKENS:
        return None
    reading = _Reading(expression)
    try:
        value = reading.sum(0)
    except Unreadable:
        return None
    return value if reading.is_done() else None


class _Reading:
    """One expression read from left to right; a bounded number of brackets deep."""

    def __init__(self, expression: Sequence[Token]) -> None:
        self._tokens = expression
        self._at = 0

    def is_done(self) -> bool:
        return self._at == len(self._tokens)

    def sum(self, depth: int) -> float:
        if depth > _MAX_DEPTH:
            raise Unreadable
        value = self._product(depth)
        while (sign := self._next()) in ("+", "-"):
            self._at += 1
            term = self._product(depth)
            value = value + term if sign == "+" else value - term
        return value

    def _next(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _product(self, depth: int) -> float:
        value = self._power(depth)
        while (sign := self._next()) in ("*", "/", "("):
            self._at += sign != "("
            factor = self._power(depth)
            if sign == "/" and factor == 0:
                raise Unreadable
            value = value / factor if sign == "/" else value * factor
            if abs(value) > _MAX_VALUE:
                raise Unreadable
        return value

    def _power(self, depth: int) -> float:
        value = self._signed(depth)
        if self._next() != "^":
            return value
        self._at += 1
        exponent = self._signed(depth)
        if not (0 <= exponent <= _MAX_POWER and abs(value) < 1e4):
            raise Unreadable
        return value**exponent if value >= 0 or exponent.is_integer() else self._refuse()

    def _signed(self, depth: int) -> float:
        if self._next() != "-":
            return self._plain(depth)
        self._at += 1
        return -self._plain(depth)

    def _plain(self, depth: int) -> float:
        if self._is_done_or_word():
            raise Unreadable
        token = self._tokens[self._at]
        self._at += 1
        if token.text == "(":
            value = self.sum(depth + 1)
            if self._next() != ")":
                raise Unreadable
            self._at += 1
        else:
            value = token.value
        if self._next() == "%":
            self._at += 1
            value /= 100
        return value

    def _is_done_or_word(self) -> bool:
        if self.is_done():
            return True
        token = self._tokens[self._at]
        return token.kind != "number" and token.text != "("

    def _refuse(self) -> float:
        raise Unreadable
