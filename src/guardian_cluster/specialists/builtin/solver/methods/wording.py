"""How an expression is written out, so that the person sees how it was read."""

from typing import Final

from guardian_cluster.specialists.builtin.solver.tree import (
    Call,
    Constant,
    Equation,
    Expression,
    Factorial,
    Negation,
    Number,
    Operation,
    Percent,
    Variable,
)

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = 1, 2, 3, 4, 5

_PRECEDENCE: Final = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "of": _PRODUCT, "^": _POWER}

_SIGNS: Final = {"+": " + ", "-": " - ", "*": "·", "/": "/", "of": " of ", "^": "^"}

_WRITTEN: Final = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}


def write(node: Expression) -> str:
    """Return an expression as one line of plain text, which the solver itself would read the same way."""
    return _write(node)[0]


def write_equation(equation: Equation) -> str:
    """Return an equation as one line of plain text."""
    return f"{write(equation.left)} = {write(equation.right)}"


def _write(node: Expression) -> tuple[str, int]:
    """Return the text of a node and how tightly it holds together."""
    match node:
        case Number(text=text):
            return text, _ATOM if "/" not in text else _PRODUCT
        case Constant(name=name):
            return {"pi": "π"}.get(name, name), _ATOM
        case Variable(name=name):
            return name, _ATOM
        case Negation(operand=operand):
            return f"-{_inside(operand, _SIGN + 1)}", _SIGN
        case Percent(operand=operand):
            return f"{_inside(operand, _ATOM)}%", _ATOM
        case Factorial(operand=operand):
            return f"{_inside(operand, _ATOM)}!", _ATOM
        case Operation():
            return _operation(node)
        case Call():
            return _call(node), _ATOM


def _inside(node: Expression, needed: int) -> str:
    text, strength = _write(node)
    return text if strength >= needed else f"({text})"


def _operation(node: Operation) -> tuple[str, int]:
    strength = _PRECEDENCE[node.operator]
    if node.operator == "^":
        return f"{_inside(node.left, _ATOM)}^{_inside(node.right, _ATOM)}", _POWER
    left = _inside(node.left, strength)
    right = _inside(node.right, strength + 1)
    if right.startswith("-"):
        right = f"({right})"
    if node.operator == "*" and _is_coefficient(node):
        return left + right, _PRODUCT
    return f"{left}{_SIGNS[node.operator]}{right}", strength


def _is_coefficient(node: Operation) -> bool:
    """Tell whether a product may be written without a sign, as in 2x."""
    is_power_of_letter = isinstance(node.right, Operation) and isinstance(node.right.left, Variable)
    is_plain = isinstance(node.left, Number) and node.left.text.isdigit()
    return is_plain and (
        isinstance(node.right, Variable) or (is_power_of_letter and _write(node.right)[1] == _POWER)
    )


def _call(node: Call) -> str:
    arguments = [write(argument) for argument in node.arguments]
    match node.function:
        case "log":
            return f"log{arguments[1]}({arguments[0]})"
        case "degrees":
            return f"{_inside(node.arguments[0], _ATOM)}°"
        case "radians":
            return f"{_inside(node.arguments[0], _ATOM)} rad"
        case "abs":
            return f"|{arguments[0]}|"
        case _:
            return f"{_WRITTEN.get(node.function, node.function)}({', '.join(arguments)})"
