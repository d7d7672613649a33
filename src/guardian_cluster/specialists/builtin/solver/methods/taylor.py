"""What the Taylor polynomial of a function around a point is."""

from typing import Any

from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.results import text_solution
from guardian_cluster.specialists.builtin.solver.methods.sampling import WORKING_DIGITS, mp, sample
from guardian_cluster.specialists.builtin.solver.methods.symbolic import real_symbol, to_symbolic
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.methods.wording import write
from guardian_cluster.specialists.builtin.solver.problem import ExpandSeries
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution

_DISTANCE = "1e-4"
"""From the point, where the polynomial is compared with the function."""

_LARGEST_COEFFICIENT = 1e6
"""Of the remainder; with it the comparison still tells a wrong term from a good one."""


def expand_series(problem: ExpandSeries) -> Solution:
    """Return the Taylor polynomial, derivative by derivative."""
    name, degree = problem.variable, problem.degree
    symbol, function, point = real_symbol(name), to_symbolic(problem.expression), to_symbolic(problem.point)
    coefficients = _coefficients(function, symbol, point, degree)
    _check(problem, coefficients, point)
    offset = show(symbol - point)
    base = offset if point.is_zero else f"({offset})"
    terms = [_written(value, base, power) for power, value in enumerate(coefficients) if value != 0]
    polynomial = " + ".join(terms).replace("+ -", "- ") or "0"
    rest = f"O({base}^{degree + 1})"
    steps = [f"f({name}) = {write(problem.expression)}, around {name} = {show(point)}"]
    steps += [
        f"The coefficient of {base}^{power} is {show(value)}"
        for power, value in enumerate(coefficients)
        if power
    ]
    return text_solution(f"{polynomial} + {rest}", steps)


def _coefficients(function: Symbolic, symbol: Symbolic, point: Symbolic, degree: int) -> list[Symbolic]:
    """Return the derivatives at the point, each divided by the factorial of its order."""
    series = sp.series(function, symbol, point, degree + 1).removeO()
    shifted = sp.expand(series.subs(symbol, symbol + point))
    if not shifted.is_polynomial(symbol):
        raise Refusal("the function has no Taylor series at this point")
    polynomial = sp.Poly(shifted, symbol)
    return [sp.simplify(polynomial.coeff_monomial(symbol**power)) for power in range(degree + 1)]


def _check(problem: ExpandSeries, coefficients: list[Symbolic], point: Symbolic) -> None:
    """Raise `Refusal` unless the polynomial is as close to the function as its degree promises."""
    with mp.workdps(WORKING_DIGITS):
        place, *values = (mp.mpf(str(sp.N(value, WORKING_DIGITS))) for value in (point, *coefficients))
        allowed = max(_LARGEST_COEFFICIENT * mp.mpf(_DISTANCE) ** (problem.degree + 1), mp.mpf("1e-40"))
        for distance in (mp.mpf(_DISTANCE), -mp.mpf(_DISTANCE)):
            height: Any = sample(problem.expression, problem.variable, place + distance)
            if height is None:
                raise Refusal("the function is not defined around this point")
            total = sum(value * distance**power for power, value in enumerate(values))
            if abs(total - height) > allowed:
                raise Refusal("the polynomial that was found did not pass the check")


def _written(value: Symbolic, base: str, power: int) -> str:
    if power == 0:
        return show(value)
    symbol = sp.Symbol("B")
    return show(value * symbol**power).replace("B", base)
