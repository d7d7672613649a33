"""From our tree to SymPy's, node by node: the only way anything reaches SymPy, and never as text."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
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
    Rational,
    Variable,
)

Symbols = Mapping[str, Symbolic]


def real_symbol(name: str) -> Symbolic:
    """Return the symbol that stands for a real unknown."""
    return sp.Symbol(name, real=True)


def to_symbolic(node: Expression, symbols: Symbols | None = None) -> Symbolic:
    """Return the SymPy expression of a tree; unknowns are real unless `symbols` says otherwise.

    Raises `Refusal` where the expression has no value: a division by zero, 0^0, a logarithm of zero.
    """
    symbols = symbols or {}
    match node:
        case Number():
            return from_rational(node.value)
        case Constant(name=name):
            return {"pi": sp.pi, "e": sp.E, "infinity": sp.oo}[name]
        case Variable(name=name):
            return symbols.get(name) or real_symbol(name)
        case Negation(operand=operand):
            return -to_symbolic(operand, symbols)
        case Percent(operand=operand):
            return to_symbolic(operand, symbols) / 100
        case Factorial(operand=operand):
            return sp.factorial(to_symbolic(operand, symbols))
        case Operation(operator=operator, left=left, right=right):
            return _operate(operator, to_symbolic(left, symbols), to_symbolic(right, symbols))
        case Call():
            return _call(node, symbols)


def from_rational(value: Rational) -> Symbolic:
    """Return SymPy's form of an exact number."""
    return sp.Rational(Fraction(value).numerator, Fraction(value).denominator)


def to_fraction(value: Symbolic) -> Fraction:
    """Return a rational number of SymPy's as ours."""
    return Fraction(int(value.p), int(value.q))


def _operate(operator: Operator, left: Symbolic, right: Symbolic) -> Symbolic:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "/":
            if right.is_zero:
                raise Refusal("it contains a division by zero")
            return left / right
        case "^":
            if left.is_zero and not right.is_positive and not right.free_symbols:
                raise Refusal("it contains zero to a power that is not positive")
            return left**right
        case _:
            return left * right


def _cube_root(argument: Symbolic) -> Symbolic:
    """Return the real cube root; of an unknown, the power, which is the same where it is real."""
    return sp.cbrt(argument) if argument.free_symbols else sp.real_root(argument, 3)


def _logarithm(argument: Symbolic) -> Symbolic:
    if argument.is_zero:
        raise Refusal("the logarithm of zero does not exist")
    return sp.log(argument)


def _degrees(argument: Symbolic) -> Symbolic:
    return argument * sp.pi / 180


def _unchanged(argument: Symbolic) -> Symbolic:
    return argument


_FUNCTIONS: Final[dict[str, Callable[..., Symbolic]]] = {
    "sqrt": sp.sqrt,
    "cbrt": _cube_root,
    "exp": sp.exp,
    "ln": _logarithm,
    "abs": sp.Abs,
    "floor": sp.floor,
    "ceil": sp.ceiling,
    "factorial": sp.factorial,
    "degrees": _degrees,
    "radians": _unchanged,
    "min": sp.Min,
    "max": sp.Max,
    **{name: getattr(sp, name) for name in ("sin", "cos", "tan", "sec", "csc", "cot")},
    **{name: getattr(sp, name) for name in ("asin", "acos", "atan", "sinh", "cosh", "tanh")},
}


def _call(node: Call, symbols: Symbols) -> Symbolic:
    arguments = [to_symbolic(argument, symbols) for argument in node.arguments]
    match node.function:
        case "log":
            return _logarithm(arguments[0]) / sp.log(arguments[1])
        case "gcd" | "lcm":
            if not all(argument.is_Integer for argument in arguments):
                raise Refusal(f"{node.function} is only computed of integers")
            return (sp.igcd if node.function == "gcd" else sp.ilcm)(*arguments)
        case _:
            return _FUNCTIONS[node.function](*arguments)
