"""For which real numbers an equation with roots, powers or functions holds, and whether those are all."""

from collections.abc import Iterator, Sequence
from typing import Any

from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.results import assigned_decimal, text_solution
from guardian_cluster.specialists.builtin.solver.methods.sampling import agree, mp, residual
from guardian_cluster.specialists.builtin.solver.methods.symbolic import real_symbol, to_symbolic
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.methods.wording import write_equation
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution
from guardian_cluster.specialists.builtin.solver.tree import Equation

_SCAN_LIMIT, _SCAN_STEPS = 20, 1600
"""How far from zero solutions are searched for that the method may have missed, and in how many steps."""

_NEARBY = 40
"""Members of a periodic family that are generated on each side of zero, to cover the scanned interval."""

_MAX_SOLUTIONS = 20

_UNSURE = "it cannot be sure to find all solutions of this equation"


def solve_transcendental(equation: Equation, unknown: str) -> Solution:
    """Solve an equation that is no polynomial over the reals, and check that no solution is missing."""
    symbol = real_symbol(unknown)
    symbols = {unknown: symbol}
    difference = to_symbolic(equation.left, symbols) - to_symbolic(equation.right, symbols)
    if any(
        power.exp.is_Rational and power.exp.q % 2 and power.exp.q > 1 for power in difference.atoms(sp.Pow)
    ):
        raise Refusal("equations with cube roots or other odd roots are beyond it")
    families = _families(sp.solveset(difference, symbol, sp.S.Reals))
    members = [member for family in families for member in _members(family)]
    _check(equation, unknown, members)
    return _solution(equation, unknown, families)


def _families(found: Symbolic) -> list[Symbolic]:
    """Return a solution set as single values and periodic families; raise `Refusal` for others."""
    if found is sp.S.EmptySet:
        return []
    if isinstance(found, sp.FiniteSet):
        return sorted(found.args, key=lambda value: float(sp.N(value)))
    if isinstance(found, sp.ImageSet) and found.base_sets == (sp.S.Integers,):
        return [found]
    if isinstance(found, sp.Union):
        return [family for part in found.args for family in _families(part)]
    raise Refusal(_UNSURE)


def _members(family: Symbolic) -> Iterator[Symbolic]:
    if isinstance(family, sp.ImageSet):
        for index in range(-_NEARBY, _NEARBY + 1):
            yield family.lamda(index)
    else:
        yield family


def _check(equation: Equation, unknown: str, members: Sequence[Symbolic]) -> None:
    """Raise `Refusal` unless all members solve the equation and the scan finds no other solution."""
    values = [mp.mpf(str(sp.N(member, 40))) for member in members]
    for value in values:
        difference = residual(equation, unknown, value)
        if difference is None or abs(difference) > 1e-12 * max(1, abs(value)):
            raise Refusal(_UNSURE)
    for zero in _scanned_zeros(equation, unknown):
        if not any(agree(zero, value, 1e-6) for value in values):
            raise Refusal(_UNSURE)


def _scanned_zeros(equation: Equation, unknown: str) -> Iterator[Any]:
    """Yield the zeros that show as a change of sign or as touching the axis."""
    step = mp.mpf(2 * _SCAN_LIMIT) / _SCAN_STEPS
    points = [-_SCAN_LIMIT + step * (index + mp.mpf("0.4142")) for index in range(_SCAN_STEPS)]
    heights = [residual(equation, unknown, point) for point in points]
    for index in range(1, len(points) - 1):
        before, here, after = heights[index - 1 : index + 2]
        if before is None or here is None or after is None:
            continue
        if before * here < 0:
            yield from _bisected(equation, unknown, points[index - 1], points[index])
        elif abs(here) < abs(before) and abs(here) < abs(after) and abs(here) < 0.01:
            yield from _touching(equation, unknown, points[index - 1], points[index + 1])


def _bisected(equation: Equation, unknown: str, low: Any, high: Any) -> Iterator[Any]:
    """Yield the zero between two points of different sign, unless it is a pole."""
    sign = residual(equation, unknown, low)
    for _ in range(60):
        middle = (low + high) / 2
        height = residual(equation, unknown, middle)
        if height is None:
            return
        low, high = (middle, high) if height * sign > 0 else (low, middle)
    height = residual(equation, unknown, low)
    if height is not None and abs(height) < 1e-6:
        yield low


def _touching(equation: Equation, unknown: str, low: Any, high: Any) -> Iterator[Any]:
    """Yield the point between two others where the difference is zero without changing its sign."""
    for _ in range(80):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        heights = residual(equation, unknown, first), residual(equation, unknown, second)
        if heights[0] is None or heights[1] is None:
            return
        low, high = (low, second) if abs(heights[0]) < abs(heights[1]) else (first, high)
    height = residual(equation, unknown, low)
    if height is not None and abs(height) < 1e-15:
        yield low


def _solution(equation: Equation, unknown: str, families: Sequence[Symbolic]) -> Solution:
    steps = [
        write_equation(equation),
        "Solved over the real numbers; each solution is checked in the equation.",
    ]
    if not families:
        return text_solution("no real solution", steps)
    if len(families) > _MAX_SOLUTIONS:
        raise Refusal(f"it has more than {_MAX_SOLUTIONS} solutions")
    if any(isinstance(family, sp.ImageSet) for family in families):
        exact = " or ".join(f"{unknown} = {_written(family, unknown)}" for family in families)
        letter = _counter(unknown)
        return text_solution(f"{exact} ({letter} is any whole number)", steps)
    exact = " or ".join(f"{unknown} = {show(value)}" for value in families)
    if all(value.is_Integer for value in families):
        return text_solution(exact, steps)
    approximate = " or ".join(assigned_decimal(unknown, value) for value in families)
    return Solution(f"{exact} ({approximate})", tuple(steps), exact, approximate)


def _counter(unknown: str) -> str:
    return "n" if unknown != "n" else "k"


def _written(family: Symbolic, unknown: str) -> str:
    if isinstance(family, sp.ImageSet):
        return show(sp.expand(family.lamda(sp.Symbol(_counter(unknown), integer=True))))
    return show(family)
