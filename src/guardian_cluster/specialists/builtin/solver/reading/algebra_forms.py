"""The forms of questions about equations, and about the shape or the value of an expression with unknowns."""

from collections.abc import Sequence
from typing import Final

from guardian_cluster.specialists.builtin.solver.bounds import check_bounds
from guardian_cluster.specialists.builtin.solver.problem import Evaluate, Factorise, Problem, Rewrite, Solve
from guardian_cluster.specialists.builtin.solver.reading.parts import expression, number, split
from guardian_cluster.specialists.builtin.solver.reading.patterns import Form, Found
from guardian_cluster.specialists.builtin.solver.reading.pieces import Piece
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import (
    Equation,
    Expression,
    Number,
    Variable,
    substitute,
    variables,
)

MAX_EQUATIONS = 6
"""Of a system; elimination by hand, which the steps imitate, is no fun beyond it."""


def _equations(found: Found) -> Problem:
    pieces = found.groups["equations"]
    parts = split(pieces)
    if len(parts) > MAX_EQUATIONS:
        raise Refusal(f"the system has more than {MAX_EQUATIONS} equations")
    if any(piece.grouped for piece in pieces) and any(piece.text == "," for piece in pieces):
        raise Refusal(
            "a comma could separate equations or thousands; write the numbers without thousands commas"
        )
    equations = tuple(_equation(part) for part in parts)
    if all(_is_given(equation) for equation in equations):
        raise Refusal("there is nothing to solve: the values are given already")
    present = variables(*(side for equation in equations for side in (equation.left, equation.right)))
    unknowns = _unknowns(found, present)
    if len(equations) > 1 and len(unknowns) != len(present):
        raise Refusal("a system is only solved for all of its unknowns together")
    return Solve(equations, unknowns)


def _equation(pieces: Sequence[Piece]) -> Equation:
    index = next(index for index, piece in enumerate(pieces) if piece.text == "=")
    return Equation(expression(pieces[:index]), expression(pieces[index + 1 :]))


def _is_given(equation: Equation) -> bool:
    return isinstance(equation.left, Variable) and isinstance(equation.right, Number)


def _unknowns(found: Found, present: tuple[str, ...]) -> tuple[str, ...]:
    """Return the letters to solve for: those named, or else all, if there are as many as equations."""
    if not present:
        raise Refusal("there is no unknown in the equation")
    if "unknowns" in found.groups:
        named = tuple(piece.text for piece in found.groups["unknowns"] if piece.role == "V")
        if set(named) - set(present) or len(set(named)) < len(named):
            raise Refusal("the unknowns that are named are not those of the equations")
        return named
    if len(present) != len(split(found.groups["equations"])):
        raise Refusal(
            "the equations have more or fewer unknowns than there are equations; say which to solve for"
        )
    return present


def _zeros(found: Found) -> Problem:
    node = expression(found.groups["f"])
    if len(variables(node)) != 1:
        raise Refusal("the expression needs exactly one unknown")
    return Solve((Equation(node, Number("0")),), variables(node))


def _substituted(found: Found) -> Problem:
    node, value = expression(found.groups["f"]), number(found.groups["value"])
    name = found.groups["v"][0].text
    if variables(node) != (name,):
        raise Refusal(f"a value is given for {name}, but the unknowns of the expression are others")
    node = substitute(node, name, value)
    check_bounds(node)
    return Evaluate(node)


def _expand(found: Found) -> Problem:
    return Rewrite(_with_unknown(found), "expand")


def _simplify(found: Found) -> Problem:
    node = expression(found.groups["f"])
    return Rewrite(node, "simplify") if variables(node) else Evaluate(node)


def _factor(found: Found) -> Problem:
    node = expression(found.groups["f"])
    return Rewrite(node, "factor") if variables(node) else Factorise(node)


def _with_unknown(found: Found) -> Expression:
    node = expression(found.groups["f"])
    if not variables(node):
        raise Refusal("the expression has no unknown")
    return node


FORMS: Final[tuple[Form, ...]] = (
    Form(
        _substituted,
        "{f} at|when|if|where|for {v:variable} = {value}",
        "if {v:variable} = {value} ,? then? what is {f}",
    ),
    Form(
        _equations,
        "{equations:equations}",
        "solve the? following? equation|equations|system? of? equations? :? {equations:equations}",
        "solve :? {equations:equations} [,? for {unknowns:letters}]",
        "solution|solutions of|to the? equation? {equations:equations}",
        "solve for {unknowns:letters} :|if|in|when|given? {equations:equations}",
        "{unknowns:letters} if|when|given|where {equations:equations}",
        "{unknowns:letters} such that {equations:equations}",
        "if {equations:equations} ,? then? what is|are {unknowns:letters}",
        "if {equations:equations} ,? find {unknowns:letters}",
        "{equations:equations} ,|;? solve for {unknowns:letters}",
        "{equations:equations} ,|;? find {unknowns:letters}",
    ),
    Form(_zeros, "solutions|roots|zeros|zeroes of {f}"),
    Form(_expand, "expand {f}", "expand and simplify {f}", "multiply out {f}"),
    Form(_factor, "factor|factorise|factorize {f}"),
    Form(_simplify, "simplify {f}"),
)
