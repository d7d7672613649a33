"""What an expression is worth at a point, numerically and without SymPy: a check on its results.

SymPy's integrals, limits and solution sets are occasionally wrong. Every such result is compared with numbers
that are computed here from our own tree; where they disagree there is no answer.
"""

import importlib
import math
from collections.abc import Callable
from typing import Any, Final

from guardian_cluster.specialists.builtin.solver.tree import (
    Call,
    Constant,
    Equation,
    Expression,
    Factorial,
    Negation,
    Number,
    Operation,
    Operator,
    Percent,
    Variable,
)

mp: Any = importlib.import_module("mpmath").mp
"""mpmath's context, which has no type information."""

Sample = Any
"""A multiple-precision real number."""

WORKING_DIGITS: Final = 50
"""Enough for differences of nearly equal numbers, as in a limit at a distance of 1e-8."""

POINTS: Final = ("-7.3", "-2.3", "-1.1", "-0.4", "0.37", "0.9", "1.7", "2.6", "4.2", "12.5", "151.3")
"""Where functions are compared: on both sides of zero, near it, far from it, and at no special value."""


class _IsUndefined(Exception):
    """The expression has no real value at this point."""


def sample(node: Expression, name: str = "", value: Sample | str | int = 0) -> Sample | None:
    """Return the real value of an expression where `name` has this value, or None where it has none."""
    # A caller that extrapolates raises the precision further, and needs its values that precise.
    with mp.workdps(max(mp.dps, WORKING_DIGITS)):
        try:
            result = _value(node, name, mp.mpf(value))
        except (_IsUndefined, ZeroDivisionError, ValueError, OverflowError):
            return None
        return result if mp.isfinite(result) else None


def residual(equation: Equation, name: str, value: Sample | str) -> Sample | None:
    """Return by how much the sides of an equation differ, or None where one of them is undefined."""
    left, right = sample(equation.left, name, value), sample(equation.right, name, value)
    return None if left is None or right is None else left - right


def agree(first: Sample, second: Sample, tolerance: float = 1e-9) -> bool:
    """Tell whether two numbers are the same, relative to their size."""
    return bool(abs(first - second) <= tolerance * max(1, abs(first), abs(second)))


def _real(value: Any) -> Sample:
    if isinstance(value, mp.mpc):
        if abs(value.imag) > mp.mpf(10) ** (5 - WORKING_DIGITS) * max(1, abs(value.real)):
            raise _IsUndefined
        return value.real
    return value


def _value(node: Expression, name: str, at: Sample) -> Sample:
    match node:
        case Number():
            fraction = node.value
            return mp.mpf(fraction.numerator) / fraction.denominator
        case Constant(name=constant):
            return {"pi": +mp.pi, "e": +mp.e, "infinity": mp.inf}[constant]
        case Variable(name=found):
            if found != name:
                raise _IsUndefined
            return at
        case Negation(operand=operand):
            return -_value(operand, name, at)
        case Percent(operand=operand):
            return _value(operand, name, at) / 100
        case Factorial(operand=operand):
            return _factorial(_value(operand, name, at))
        case Operation(operator=operator, left=left, right=right):
            return _operate(operator, _value(left, name, at), _value(right, name, at))
        case Call(function=function, arguments=arguments):
            return _real(_FUNCTIONS[function](*(_value(argument, name, at) for argument in arguments)))


def _operate(operator: Operator, left: Sample, right: Sample) -> Sample:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "/":
            return left / right
        case "^":
            return _real(mp.power(left, right))
        case _:
            return left * right


def _factorial(value: Sample) -> Sample:
    if value < 0 or not mp.isint(value):
        raise _IsUndefined
    return mp.factorial(value)


def _cube_root(value: Sample) -> Sample:
    return mp.sign(value) * mp.cbrt(abs(value))


def _degrees(value: Sample) -> Sample:
    return value * mp.pi / 180


def _unchanged(value: Sample) -> Sample:
    return value


def _greatest_divisor(*values: Sample) -> Sample:
    return mp.mpf(math.gcd(*map(int, values)))


def _least_multiple(*values: Sample) -> Sample:
    return mp.mpf(math.lcm(*map(int, values)))


_MPMATH_NAMES = (
    *("sqrt", "exp", "ln", "log", "floor", "ceil", "sinh", "cosh", "tanh"),
    *("sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan"),
)

_FUNCTIONS: Final[dict[str, Callable[..., Sample]]] = {
    "cbrt": _cube_root,
    "abs": abs,
    "factorial": _factorial,
    "degrees": _degrees,
    "radians": _unchanged,
    "gcd": _greatest_divisor,
    "lcm": _least_multiple,
    "min": min,
    "max": max,
    **{name: getattr(mp, name) for name in _MPMATH_NAMES},
}
