"""How numbers are written: finite decimals exactly, others as a fraction and with ten digits."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Final

from guardian_cluster.specialists.builtin.solver.tree import Rational

SIGNIFICANT_DIGITS: Final = 10

MAX_DECIMAL_PLACES = 20
"""Longer decimals, such as 1/2^40, are easier to read as a fraction."""

READABLE_CHARACTERS: Final = 14
"""Of a decimal or a fraction in a line of text; longer ones are approximated."""

_PLAIN_RANGE = (-6, 15)
"""Powers of ten between which an approximate number is written without an exponent."""


def decimal_text(value: Rational) -> str | None:
    """Return the value as an exact decimal number, or None if it has too many or infinitely many places."""
    value = Fraction(value)
    places = _decimal_places(value.denominator)
    if places is None or places > MAX_DECIMAL_PLACES:
        return None
    sign = "-" if value < 0 else ""
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def exact_text(value: Rational) -> str:
    """Return the value as a finite decimal number where it is one, else as a fraction."""
    value = Fraction(value)
    return decimal_text(value) or f"{value.numerator}/{value.denominator}"


def readable_text(value: Rational) -> str:
    """Return the value exactly where that is short, else approximately with a sign that says so."""
    exact = exact_text(value)
    return exact if len(exact) <= READABLE_CHARACTERS else f"≈ {approximate_text(value)}"


def approximate_text(value: Rational | str) -> str:
    """Return a value (exact, or as the text of a decimal number) with ten significant digits."""
    context = Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_HALF_EVEN, Emin=-(10**9), Emax=10**9)
    if isinstance(value, str):
        rounded = context.create_decimal(value)
    else:
        value = Fraction(value)
        rounded = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return _written(rounded)


def _written(value: Decimal) -> str:
    exponent = value.adjusted()
    if not value or _PLAIN_RANGE[0] <= exponent < _PLAIN_RANGE[1]:
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa = format(value.scaleb(-exponent, Context(Emin=-(10**9), Emax=10**9)), "f")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa} × 10^{exponent}"


def _decimal_places(denominator: int) -> int | None:
    """Return how many decimal places a fraction with this denominator needs, or None if they never end."""
    twos = fives = 0
    while denominator % 2 == 0:
        denominator //= 2
        twos += 1
    while denominator % 5 == 0:
        denominator //= 5
        fives += 1
    return max(twos, fives) if denominator == 1 else None
