"""What an expression is: our own tree, so that text only ever becomes data and never SymPy source."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import msgspec

Operator = Literal["+", "-", "*", "/", "^", "of"]
"""`of` is the product in "17% of 2,350"; it is kept apart so that its scope can be checked."""

Rational = int | Fraction
"""An exact number; integers stay integers, which are several times faster."""

ConstantName = Literal["pi", "e", "infinity"]


class _Node(msgspec.Struct, frozen=True, tag=True):
    """A part of an expression."""


class Number(_Node, frozen=True):
    """A literal in plain form, such as `2350`, `2.5e3` or `1/2`."""

    text: str

    @property
    def value(self) -> "Rational":
        """The literal's exact value."""
        return int(self.text) if self.text.isdigit() else Fraction(self.text)


class Constant(_Node, frozen=True):
    """A number with a name of its own."""

    name: ConstantName


class Variable(_Node, frozen=True):
    """An unknown, named by one letter."""

    name: str


class Negation(_Node, frozen=True):
    """Minus something."""

    operand: "Expression"


class Percent(_Node, frozen=True):
    """A hundredth of something."""

    operand: "Expression"


class Factorial(_Node, frozen=True):
    """The product of the integers from one to something."""

    operand: "Expression"


class Operation(_Node, frozen=True):
    """Two operands and what is done with them."""

    operator: Operator
    left: "Expression"
    right: "Expression"


class Call(_Node, frozen=True):
    """A function of our own list (functions.py) and its arguments."""

    function: str
    arguments: tuple["Expression", ...]


Expression = Number | Constant | Variable | Negation | Percent | Factorial | Operation | Call


class Equation(msgspec.Struct, frozen=True):
    """Two sides that are to be equal."""

    left: Expression
    right: Expression


def children(node: Expression) -> tuple[Expression, ...]:
    """Return the parts directly below a node."""
    match node:
        case Operation(left=left, right=right):
            return (left, right)
        case Negation(operand=operand) | Percent(operand=operand) | Factorial(operand=operand):
            return (operand,)
        case Call(arguments=arguments):
            return arguments
        case _:
            return ()


def walk(node: Expression) -> Iterator[Expression]:
    """Yield a node and everything below it, without recursion."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(children(current))


def variables(*nodes: Expression) -> tuple[str, ...]:
    """Return the names of the unknowns in the expressions, in alphabetical order."""
    return tuple(sorted({part.name for node in nodes for part in walk(node) if isinstance(part, Variable)}))


def substitute(node: Expression, name: str, value: Expression) -> Expression:
    """Return the expression with an unknown replaced by a value."""
    match node:
        case Variable(name=found):
            return value if found == name else node
        case Operation(operator=operator, left=left, right=right):
            return Operation(operator, substitute(left, name, value), substitute(right, name, value))
        case Negation(operand=operand):
            return Negation(substitute(operand, name, value))
        case Percent(operand=operand):
            return Percent(substitute(operand, name, value))
        case Factorial(operand=operand):
            return Factorial(substitute(operand, name, value))
        case Call(function=function, arguments=arguments):
            return Call(function, tuple(substitute(argument, name, value) for argument in arguments))
        case _:
            return node
