"""How large an expression without unknowns is, roughly: enough to judge an exponent before computing it."""

import math
from collections.abc import Callable
from typing import Final

from guardian_cluster.specialists.builtin.solver.tree import (
    Call,
    Constant,
    Expression,
    Factorial,
    Negation,
    Number,
    Operation,
    Operator,
    Percent,
    Variable,
)

_CONSTANTS: Final = {"pi": math.pi, "e": math.e, "infinity": math.inf}


def rough_amount(node: Expression) -> float:
    """Return about the absolute value; infinite where it is huge, undefined or has unknowns."""
    try:
        value = abs(_value(node))
    except (ArithmeticError, ValueError):
        return math.inf
    return math.inf if math.isnan(value) else value


def _value(node: Expression) -> float:
    match node:
        case Number():
            return float(node.value)
        case Constant(name=name):
            return _CONSTANTS[name]
        case Variable():
            return math.inf
        case Negation(operand=operand):
            return -_value(operand)
        case Percent(operand=operand):
            return _value(operand) / 100
        case Factorial(operand=operand):
            return math.gamma(_value(operand) + 1)
        case Operation(operator=operator, left=left, right=right):
            return _operate(operator, _value(left), _value(right))
        case Call(function=function, arguments=arguments):
            return _FUNCTIONS[function](*map(_value, arguments))


def _operate(operator: Operator, left: float, right: float) -> float:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "/":
            return left / right
        case "^":
            return math.pow(left, right)
        case _:
            return left * right


def _secant(value: float) -> float:
    return 1 / math.cos(value)


def _cosecant(value: float) -> float:
    return 1 / math.sin(value)


def _cotangent(value: float) -> float:
    return 1 / math.tan(value)


def _factorial(value: float) -> float:
    return math.gamma(value + 1)


def _product(*values: float) -> float:
    return math.prod(values)


_FUNCTIONS: Final[dict[str, Callable[..., float]]] = {
    **{name: getattr(math, name) for name in ("sqrt", "cbrt", "exp", "log", "floor", "ceil")},
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan")},
    **{name: getattr(math, name) for name in ("sinh", "cosh", "tanh")},
    "ln": math.log,
    "abs": math.fabs,
    "factorial": _factorial,
    "sec": _secant,
    "csc": _cosecant,
    "cot": _cotangent,
    "degrees": math.radians,
    "radians": float,
    "min": min,
    "max": max,
    # A common divisor or multiple is at most as large as the product.
    "gcd": _product,
    "lcm": _product,
}
