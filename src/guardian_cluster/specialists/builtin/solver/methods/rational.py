"""What a rational expression is worth, exactly and step by step, without SymPy."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from guardian_cluster.specialists.builtin.solver.methods.figures import exact_text
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import (
    Call,
    Expression,
    Factorial,
    Negation,
    Number,
    Operation,
    Percent,
)

MAX_STEP_CHARACTERS = 120
"""Longer lines hide more than they show."""

_SIGNS: Final = {"+": "+", "-": "-", "*": "×", "/": "÷", "of": "×", "^": "^"}

_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "min": min,
    "max": max,
}

_WHOLE_FUNCTIONS: Final[dict[str, Callable[..., int]]] = {"gcd": math.gcd, "lcm": math.lcm}


class _IsIrrational(Exception):
    """The value is not rational, or not known to be."""


def rational_value(node: Expression, steps: list[str]) -> Fraction | None:
    """Return the exact value if rational arithmetic suffices, and add a line for each operation.

    Returns None where it needs a root, a function or an unknown; raises `Refusal` where there is no value at
    all.
    """
    try:
        return _value(node, steps)
    except _IsIrrational:
        return None


def whole_number(node: Expression, what: str = "the number") -> int:
    """Return the value of an expression that must be an integer; raise `Refusal` if it is none."""
    value = rational_value(node, [])
    if value is None or value.denominator != 1:
        raise Refusal(f"{what} is not a whole number")
    return value.numerator


def _value(node: Expression, steps: list[str]) -> Fraction:
    match node:
        case Number():
            return Fraction(node.value)
        case Negation(operand=operand):
            return -_value(operand, steps)
        case Percent(operand=operand):
            return _percent(_value(operand, steps), steps)
        case Factorial(operand=operand):
            return _factorial(_value(operand, steps), steps)
        case Operation():
            return _operation(node, steps)
        case Call():
            return _call(node, steps)
        case _:
            raise _IsIrrational


def _percent(value: Fraction, steps: list[str]) -> Fraction:
    _add(steps, f"{exact_text(value)}% = {exact_text(value)}/100 = {exact_text(value / 100)}")
    return value / 100


def _factorial(value: Fraction, steps: list[str]) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise Refusal("a factorial is only computed of whole numbers that are not negative")
    result = Fraction(math.factorial(value.numerator))
    _add(steps, f"{value}! = {result}")
    return result


def _operation(node: Operation, steps: list[str]) -> Fraction:
    left, right = _value(node.left, steps), _value(node.right, steps)
    result = _computed(node.operator, left, right)
    if exact_text(result) != f"{left}/{right}":
        _add(steps, f"{_operand(left)} {_SIGNS[node.operator]} {_operand(right)} = {exact_text(result)}")
    return result


def _computed(operator: str, left: Fraction, right: Fraction) -> Fraction:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "/":
            if not right:
                raise Refusal("it contains a division by zero")
            return left / right
        case "^":
            return _power(left, right)
        case _:
            return left * right


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise _IsIrrational
    if not base and exponent <= 0:
        raise Refusal("it contains zero to a power that is not positive")
    return base**exponent.numerator


def _call(node: Call, steps: list[str]) -> Fraction:
    if node.function not in _FUNCTIONS and node.function not in _WHOLE_FUNCTIONS:
        raise _IsIrrational
    values = [_value(argument, steps) for argument in node.arguments]
    if node.function in _FUNCTIONS:
        result = Fraction(_FUNCTIONS[node.function](*values))
    elif all(value.denominator == 1 for value in values):
        result = Fraction(_WHOLE_FUNCTIONS[node.function](*(value.numerator for value in values)))
    else:
        raise Refusal(f"{node.function} is only computed of whole numbers")
    _add(steps, f"{node.function}({', '.join(map(exact_text, values))}) = {exact_text(result)}")
    return result


def _operand(value: Fraction) -> str:
    text = exact_text(value)
    return f"({text})" if value < 0 or "/" in text else text


def _add(steps: list[str], line: str) -> None:
    if len(line) <= MAX_STEP_CHARACTERS:
        steps.append(line)
