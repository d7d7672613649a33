"""Where an expression tends, from each side; compared with its values ever closer to the point."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

from guardian_cluster.specialists.builtin.solver.methods.arithmetic import simplified_number
from guardian_cluster.specialists.builtin.solver.methods.figures import approximate_text
from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.results import (
    numeric,
    symbolic_solution,
    text_solution,
)
from guardian_cluster.specialists.builtin.solver.methods.sampling import WORKING_DIGITS, mp, sample
from guardian_cluster.specialists.builtin.solver.methods.symbolic import real_symbol, to_symbolic
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.methods.wording import write
from guardian_cluster.specialists.builtin.solver.problem import TakeLimit
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution

_Side = Literal["left", "right"]

_EXPONENTS = (2, 3, 4, 5, 6, 7, 8)
"""Powers of ten that the samples are away from the point, or from zero towards infinity."""

_CLOSE = 1e-6

_UNSURE = "the values near the point do not confirm the limit"


def take_limit(problem: TakeLimit) -> Solution:
    """Find a limit; one from both sides exists only if the two agree."""
    point = to_symbolic(problem.point)
    steps = [
        f"f({problem.variable}) = {write(problem.expression)}, {problem.variable} approaches {show(point)}"
    ]
    sides: Sequence[_Side] = ("left", "right") if problem.side == "both" else (problem.side,)
    if point.is_infinite:
        sides = ("left",) if point == sp.oo else ("right",)
    values = [_one_sided(problem, point, side, steps) for side in sides]
    if len(values) == 2 and not _same(*values):
        left, right = map(show, values)
        return text_solution(f"the limit does not exist (left: {left}, right: {right})", steps)
    if values[0].is_infinite:
        return text_solution(show(values[0]), steps)
    return symbolic_solution(simplified_number(values[0]), steps)


def _same(left: Symbolic, right: Symbolic) -> bool:
    if left.is_infinite or right.is_infinite:
        return bool(left == right)
    return bool(sp.simplify(left - right) == 0)


def _one_sided(problem: TakeLimit, point: Symbolic, side: _Side, steps: list[str]) -> Symbolic:
    symbol, function = real_symbol(problem.variable), to_symbolic(problem.expression)
    value = sp.limit(function, symbol, point, dir="-" if side == "left" else "+")
    if value.has(sp.AccumBounds, sp.Limit, sp.nan, sp.zoo) or value.free_symbols:
        raise Refusal("the limit does not exist, or it does not find it")
    samples = _samples(problem, point, side)
    if value.is_infinite:
        _check_growth(samples, positive=bool(value == sp.oo))
    else:
        _check_approach(samples, mp.mpf(str(numeric(value))))
    where = "" if point.is_infinite else f" from the {side}"
    steps.append(
        f"Close to the point{where}, the value is about {approximate_text(mp.nstr(samples[-1], 15))}"
    )
    return value


def _samples(problem: TakeLimit, point: Symbolic, side: _Side) -> list[Any]:
    """Return values ever closer to the point; raise `Refusal` where the expression is not defined there."""
    values: list[Any] = []
    for exponent in _EXPONENTS:
        value = sample(problem.expression, problem.variable, _place(point, side, exponent))
        if value is None:
            raise Refusal(f"the expression is not defined on the {side} of the point")
        values.append(value)
    return values


def _place(point: Symbolic, side: _Side, exponent: int) -> Any:
    """Return a place 10^-exponent away from the point, or as far out as 10^exponent."""
    if point.is_infinite:
        return mp.mpf(10) ** exponent * (1 if point == sp.oo else -1)
    with mp.workdps(WORKING_DIGITS):
        distance = mp.mpf(10) ** -exponent
        return mp.mpf(str(sp.N(point, WORKING_DIGITS))) + (distance if side == "right" else -distance)


def _check_approach(samples: Sequence[Any], limit: Any) -> None:
    """Raise `Refusal` unless the samples come close to the limit, or at least closer all the time."""
    distances = [abs(value - limit) for value in samples]
    is_close = distances[-1] <= _CLOSE * max(1, abs(limit))
    comes_closer = all(later < earlier for earlier, later in pairwise(distances))
    if not is_close and not comes_closer:
        raise Refusal(_UNSURE)


def _check_growth(samples: Sequence[Any], *, positive: bool) -> None:
    """Raise `Refusal` unless the samples grow all the time in the right direction."""
    amounts = [value if positive else -value for value in samples]
    grows = all(later > earlier for earlier, later in pairwise(amounts))
    if not grows or amounts[-1] < 1:
        raise Refusal(_UNSURE)
