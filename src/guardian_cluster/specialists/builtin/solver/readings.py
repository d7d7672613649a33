"""What the parts of a matched form mean: each function turns what a form found into its problem.

They raise `Refusal` where the parts do not fit together: a percentage that is none, an unknown too many.
"""

from collections.abc import Sequence

from guardian_cluster.specialists.builtin.solver import problem
from guardian_cluster.specialists.builtin.solver.bounds import check_bounds
from guardian_cluster.specialists.builtin.solver.expression import parse
from guardian_cluster.specialists.builtin.solver.patterns import Found
from guardian_cluster.specialists.builtin.solver.phrases import Piece
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import (
    Constant,
    Expression,
    Negation,
    Number,
    Operation,
    Percent,
    substitute,
    variables,
    walk,
)

MAX_LIST = 50

MAX_DEGREE = 20
"""Of a Taylor polynomial: more terms help nobody in a chat."""


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
        raise Refusal("a comma could separate numbers or thousands; write the numbers without thousands commas")
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
        return named.pop()
    if len(present) != 1:
        raise Refusal("the expression needs exactly one variable, or 'with respect to x'")
    return present[0]


def _pair(found: Found, first: str, second: str) -> tuple[Expression, Expression]:
    return number(found.groups[first]), number(found.groups[second])


# Percentages


def increase(found: Found) -> problem.Problem:
    return problem.ChangeByPercent(number(found.groups["base"]), percentage(found.groups["percent"]), 1)


def decrease(found: Found) -> problem.Problem:
    return problem.ChangeByPercent(number(found.groups["base"]), percentage(found.groups["percent"]), -1)


def what_percent(found: Found) -> problem.Problem:
    part, whole = _pair(found, "part", "whole")
    return problem.WhatPercent(part, whole)
