"""Whether an expression is small enough to compute: bounds every intermediate result beforehand.

Each node gets an upper bound for the bits of its numerator and of its denominator, from those of its parts;
the exact value is followed only as long as it is small. So `9^9^9` is refused in microseconds.
"""

import math
from fractions import Fraction

import msgspec

from guardian_cluster.specialists.builtin.solver.amounts import rough_amount
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import (
    Call,
    Constant,
    Expression,
    Factorial,
    Negation,
    Number,
    Operation,
    Percent,
    Rational,
    Variable,
)

MAX_BITS = 10_000
"""About 3,000 digits: below the 4,300 that Python writes as text, and enough for 1000!."""

MAX_FACTORIAL = 1000

MAX_SYMBOLIC_EXPONENT = 1000
"""Of an unknown: x^1000 is a single term to differentiate, and more is nobody's question."""

_FOLLOWED_BITS = 64
"""Values up to this size are followed exactly; exponents and factorials beyond it are refused anyway."""

_IRRATIONAL_BITS = 64.0
"""Stands for the bits of a number that is kept as a symbol; it only has to be positive and small."""


class _Size(msgspec.Struct, frozen=True, gc=False):
    """Upper bounds in bits, the value where it is known, and whether unknowns take part."""

    numerator: float
    denominator: float = 0.0
    value: Rational | None = None
    symbolic: bool = False


def check_bounds(*expressions: Expression) -> None:
    """Raise `Refusal` where computing an expression could produce a result of more than `MAX_BITS` bits."""
    for expression in expressions:
        _size(expression)


def _size(node: Expression) -> _Size:
    size = _size_of(node)
    if size.numerator > MAX_BITS or size.denominator > MAX_BITS:
        raise Refusal(f"a result on the way would have more than {int(MAX_BITS * math.log10(2))} digits")
    return size


def _size_of(node: Expression) -> _Size:
    match node:
        case Number():
            return _sized(node.value)
        case Constant():
            return _Size(_IRRATIONAL_BITS)
        case Variable():
            return _Size(1.0, symbolic=True)
        case Negation(operand=operand):
            inner = _size(operand)
            return msgspec.structs.replace(inner, value=None if inner.value is None else -inner.value)
        case Percent(operand=operand):
            return _quotient(_size(operand), _sized(100))
        case Factorial(operand=operand):
            return _factorial(_size(operand))
        case Operation():
            return _operation(node)
        case Call():
            return _call(node)


def _sized(value: Rational) -> _Size:
    bits, divisor_bits = value.numerator.bit_length(), (value.denominator - 1).bit_length()
    is_small = bits <= _FOLLOWED_BITS and divisor_bits <= _FOLLOWED_BITS
    return _Size(float(bits), float(divisor_bits), value if is_small else None)


def _operation(node: Operation) -> _Size:
    left, right = _size(node.left), _size(node.right)
    match node.operator:
        case "+" | "-":
            return _sum(left, right, -1 if node.operator == "-" else 1)
        case "/":
            return _quotient(left, right)
        case "^":
            return _power(left, right, node.right)
        case _:
            return _product(left, right)


def _sum(left: _Size, right: _Size, sign: int) -> _Size:
    if left.value is not None and right.value is not None:
        return _sized(left.value + sign * right.value)
    numerator = max(left.numerator + right.denominator, right.numerator + left.denominator) + 1
    return _Size(numerator, left.denominator + right.denominator, None, left.symbolic or right.symbolic)


def _product(left: _Size, right: _Size) -> _Size:
    if left.value is not None and right.value is not None:
        return _sized(left.value * right.value)
    numerator, denominator = left.numerator + right.numerator, left.denominator + right.denominator
    return _Size(numerator, denominator, None, left.symbolic or right.symbolic)


def _quotient(left: _Size, right: _Size) -> _Size:
    if right.value == 0:
        raise Refusal("it contains a division by zero")
    if right.value is not None:
        return _product(left, _sized(1 / Fraction(right.value)))
    return _product(left, _Size(right.denominator, right.numerator, symbolic=right.symbolic))


def _power(base: _Size, exponent: _Size, node: Expression) -> _Size:
    """Bound a power; `node` is the exponent itself, whose amount is estimated if its value is not known."""
    if exponent.symbolic:
        return _Size(_IRRATIONAL_BITS, _IRRATIONAL_BITS, symbolic=True)
    times = rough_amount(node) if exponent.value is None else abs(float(exponent.value))
    if base.symbolic:
        if times > MAX_SYMBOLIC_EXPONENT:
            raise Refusal(f"an unknown is raised to a power beyond {MAX_SYMBOLIC_EXPONENT}")
        return _Size(base.numerator * times, base.denominator * times, symbolic=True)
    if base.value is not None and base.value in (0, 1, -1):
        return _Size(1.0)
    if math.isinf(times):
        raise Refusal("an exponent on the way is too large")
    numerator, denominator = _logarithms(base)
    bits = numerator * times + 1, denominator * times + 1 if denominator else 0.0
    if exponent.value is not None and exponent.value < 0:
        bits = bits[1], bits[0]
    return _small_power(base, exponent) if max(bits) <= _FOLLOWED_BITS else _Size(*bits)


def _logarithms(size: _Size) -> tuple[float, float]:
    """Return bounds for the binary logarithms of numerator and denominator, sharp for known values."""
    if size.value:
        return math.log2(abs(size.value.numerator)), math.log2(size.value.denominator)
    return max(size.numerator, 1.0), size.denominator


def _small_power(base: _Size, exponent: _Size) -> _Size:
    if base.value is None or exponent.value is None or exponent.value.denominator != 1:
        return _Size(_IRRATIONAL_BITS, _IRRATIONAL_BITS)
    return _sized(Fraction(base.value) ** int(exponent.value))


def _factorial(size: _Size) -> _Size:
    if size.symbolic:
        return _Size(_IRRATIONAL_BITS, symbolic=True)
    if size.value is None or size.value.denominator != 1 or not 0 <= size.value <= MAX_FACTORIAL:
        raise Refusal(f"a factorial is only computed of integers from 0 to {MAX_FACTORIAL}")
    count = int(size.value)
    if count <= 20:
        return _sized(math.factorial(count))
    return _Size(math.lgamma(count + 1) / math.log(2) + 1)


def _call(node: Call) -> _Size:
    sizes = [_size(argument) for argument in node.arguments]
    symbolic = any(size.symbolic for size in sizes)
    match node.function:
        case "factorial":
            return _factorial(sizes[0])
        case "exp" | "sinh" | "cosh":
            return _power(_sized(3), sizes[0], node.arguments[0])
        case "gcd" | "lcm" | "min" | "max" | "abs" | "floor" | "ceil":
            numerator = sum(size.numerator for size in sizes) + 1
            return _Size(numerator, sum(size.denominator for size in sizes), symbolic=symbolic)
        case "sqrt":
            return _square_root(sizes[0])
        case _:
            return _Size(_IRRATIONAL_BITS, _IRRATIONAL_BITS, symbolic=symbolic)


def _square_root(size: _Size) -> _Size:
    """Follow exact roots, so that an exponent such as sqrt(16) is known."""
    value = size.value
    if value is not None and value >= 0:
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if Fraction(top * top, bottom * bottom) == value:
            return _sized(Fraction(top, bottom))
    return _Size(size.numerator, size.denominator, None, size.symbolic)
