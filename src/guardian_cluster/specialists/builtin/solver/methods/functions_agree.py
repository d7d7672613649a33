"""Whether a function that SymPy found has the values it must have, compared at points with our own tree."""

from collections.abc import Callable, Sequence
from typing import Any

from guardian_cluster.specialists.builtin.solver.methods.sampling import POINTS, Sample, agree, mp, sample
from guardian_cluster.specialists.builtin.solver.methods.symbolic import real_symbol
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import Expression, Number, substitute, variables

_UNSURE = "the result that was found did not pass the check"

_STEP = "1e-12"
"""Of the numeric derivative; with 50 digits its error is about the square of it."""


def check_same_function(tree: Expression, form: Symbolic) -> None:
    """Raise `Refusal` unless a SymPy expression equals the tree at every point where both are defined."""
    names = variables(tree)
    fixed = _with_one_variable(tree, names)
    _compare(lambda point: sample(fixed, names[0], point), lambda point: value_at(form, names, point))


def check_derivative(tree: Expression, name: str, derivative: Symbolic) -> None:
    """Raise `Refusal` unless a SymPy expression is the slope of the tree wherever both are defined."""
    names = (name, *(other for other in variables(tree) if other != name))
    fixed = _with_one_variable(tree, names)
    _compare(lambda point: _slope(fixed, name, point), lambda point: value_at(derivative, names, point))


def check_antiderivative(tree: Expression, name: str, antiderivative: Symbolic) -> None:
    """Raise `Refusal` unless the slope of a SymPy expression is the tree wherever both are defined."""
    names = (name, *(other for other in variables(tree) if other != name))
    fixed = _with_one_variable(tree, names)
    slope = sp.diff(antiderivative, real_symbol(name))
    _compare(lambda point: sample(fixed, name, point), lambda point: value_at(slope, names, point))


def value_at(form: Symbolic, names: Sequence[str], point: str) -> Sample | None:
    """Return the real value of a SymPy expression where the first name has this value, or None."""
    values = {real_symbol(name): sp.Rational(text) for name, text in _assigned(names, point)}
    number: Any = sp.N(form.subs(values), 40)
    real, imaginary = number.as_real_imag()
    if (not real.is_Float and not real.is_Rational) or abs(imaginary) > 1e-20 * max(1, abs(real)):
        return None
    return mp.mpf(str(real)) if real.is_finite else None


def _assigned(names: Sequence[str], point: str) -> list[tuple[str, str]]:
    """Give the first name the point, and each other one a fixed value of its own."""
    others = [(name, f"{index + 2}.{index + 3}") for index, name in enumerate(names[1:])]
    return [(names[0], point), *others]


def _with_one_variable(tree: Expression, names: Sequence[str]) -> Expression:
    for name, text in _assigned(names, "0")[1:]:
        tree = substitute(tree, name, Number(text))
    return tree


def _slope(tree: Expression, name: str, point: str) -> Sample | None:
    step = mp.mpf(_STEP)
    with mp.workdps(60):
        right, left = (sample(tree, name, mp.mpf(point) + sign * step) for sign in (1, -1))
        return None if left is None or right is None else (right - left) / (2 * step)


def _compare(expected: Callable[[str], Sample | None], found: Callable[[str], Sample | None]) -> None:
    compared = 0
    for point in POINTS:
        one, other = expected(point), found(point)
        if one is None or other is None:
            continue
        if not agree(one, other):
            raise Refusal(_UNSURE)
        compared += 1
    if not compared:
        raise Refusal("the result that was found could not be checked anywhere")
