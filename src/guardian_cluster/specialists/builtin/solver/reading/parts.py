"""What a part of a matched form may be: a number, a percentage, a list, the end of an interval.

Everything here raises `Refusal` where a part is not what its place in the question demands.
"""

from collections.abc import Sequence

from guardian_cluster.specialists.builtin.solver.bounds import check_bounds
from guardian_cluster.specialists.builtin.solver.reading.expression import parse
from guardian_cluster.specialists.builtin.solver.reading.patterns import Found
from guardian_cluster.specialists.builtin.solver.reading.pieces import Piece
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import (
    Constant,
    Expression,
    Negation,
    Operation,
    Percent,
    variables,
    walk,
)

MAX_LIST = 50
"""Numbers in a list; more do not fit into a short question anyway."""


def expression(pieces: Sequence[Piece], indices: Sequence[str] = ()) -> Expression:
    """Read a finite expression and check its bounds."""
    node = parse(pieces, indices)
    if any(isinstance(part, Constant) and part.name == "infinity" for part in walk(node)):
        raise Refusal("infinity is only understood as the end of an interval, of a sum or of a limit")
    check_bounds(node)
    return node


def number(pieces: Sequence[Piece]) -> Expression:
    """Read an expression without unknowns."""
    node = expression(pieces)
    if names := variables(node):
        raise Refusal(f"a number is needed, but {names[0]} is an unknown")
    return node


def end(pieces: Sequence[Piece]) -> Expression:
    """Read a number or infinity with its sign: an end of an interval."""
    node = parse(pieces)
    match node:
        case Constant(name="infinity") | Negation(operand=Constant(name="infinity")):
            return node
        case _:
            return number(pieces)


def percentage(pieces: Sequence[Piece]) -> Expression:
    """Read a percentage; a bare number in its place could be a share or an amount."""
    node = number(pieces)
    if not isinstance(node, Percent):
        raise Refusal("a percentage is needed, such as 10%")
    return node


def items(found: Found) -> tuple[Expression, ...]:
    """Read the numbers of a list; a comma in it must not be mistaken for one between thousands."""
    pieces = found.groups["items"]
    parts = split(pieces)
    has_commas = any(piece.text == "," for piece in pieces)
    grouped = [part[-1].grouped for part in parts]
    if any(piece.grouped for piece in pieces) and (has_commas or not grouped[-1]):
        raise Refusal(
            "a comma could separate numbers or thousands; write the numbers without thousands commas"
        )
    if len(parts) > MAX_LIST:
        raise Refusal(f"the list has more than {MAX_LIST} numbers")
    return tuple(_item(part) for part in parts)


def _item(pieces: Sequence[Piece]) -> Expression:
    if any(piece.text in ("+", "-") for piece in pieces[1:]):
        raise Refusal("a number in the list contains + or -, which could also mean a range")
    return number(pieces)


def split(pieces: Sequence[Piece]) -> list[Sequence[Piece]]:
    """Split pieces at their commas, semicolons and at "and"."""
    parts: list[list[Piece]] = [[]]
    for piece in pieces:
        if piece.role != "W" or piece.text == "=":
            parts[-1].append(piece)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def chosen_variable(found: Found, node: Expression, *names: str) -> str:
    """Return the variable that was named, or else the only one there is."""
    named = {found.groups[name][0].text for name in names if name in found.groups}
    if len(named) > 1:
        raise Refusal("two different variables are named")
    present = variables(node)
    if named:
        variable = named.pop()
        if variable not in present:
            raise Refusal(f"the expression does not contain {variable}")
        return variable
    if len(present) != 1:
        raise Refusal("the expression needs exactly one variable, or 'with respect to x'")
    return present[0]


def pair(found: Found, first: str, second: str) -> tuple[Expression, Expression]:
    """Read two numbers by their names in the form."""
    return number(found.groups[first]), number(found.groups[second])


def is_enclosed(pieces: Sequence[Piece]) -> bool:
    """Tell whether one pair of parentheses holds all the pieces."""
    if pieces[0].text != "(":
        return False
    depth = 0
    for index, piece in enumerate(pieces):
        depth += (piece.text == "(") - (piece.text == ")")
        if depth == 0:
            return index == len(pieces) - 1
    return False


def check_single_term(pieces: Sequence[Piece], node: Expression, where: str) -> None:
    """Refuse a sum that is not in parentheses: how far `where` reaches would be a guess."""
    is_open = isinstance(node, Negation) or (isinstance(node, Operation) and node.operator in ("+", "-"))
    if is_open and not is_enclosed(pieces):
        raise Refusal(f"it is unclear how far '{where}' reaches; use parentheses")
