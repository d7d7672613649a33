"""What an integral is; every result is checked, by differentiation or by numeric integration."""

from collections.abc import Set
from functools import partial
from typing import Any

from guardian_cluster.specialists.builtin.solver.methods.arithmetic import simplified_number
from guardian_cluster.specialists.builtin.solver.methods.derivatives import familiar
from guardian_cluster.specialists.builtin.solver.methods.functions_agree import check_antiderivative
from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.results import (
    numeric,
    symbolic_solution,
    text_solution,
)
from guardian_cluster.specialists.builtin.solver.methods.sampling import agree, mp, sample
from guardian_cluster.specialists.builtin.solver.methods.symbolic import real_symbol, to_symbolic
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.methods.wording import write
from guardian_cluster.specialists.builtin.solver.problem import Integrate
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution
from guardian_cluster.specialists.builtin.solver.tree import Expression

_QUADRATURE_DIGITS = 20

_TOLERANCE = 1e-7
"""Between the exact and the numeric integral; a wrong antiderivative or a missed pole is off by far more."""

_UNKNOWN = "it does not find an antiderivative"


def integrate(problem: Integrate) -> Solution:
    """Integrate, between bounds if there are any."""
    if problem.lower is None or problem.upper is None:
        return _indefinite(problem)
    return _definite(problem, problem.lower, problem.upper)


def _indefinite(problem: Integrate) -> Solution:
    antiderivative = _antiderivative(problem)
    if antiderivative is None:
        raise Refusal(_UNKNOWN)
    function = to_symbolic(problem.expression)
    terms = sp.Add.make_args(sp.expand(function))
    steps = [f"Integrate {write(problem.expression)} with respect to {problem.variable}"]
    if len(terms) > 1 and antiderivative.is_polynomial():
        symbol = real_symbol(problem.variable)
        steps += [f"{show(term)} gives {show(sp.integrate(term, symbol))}" for term in terms]
    steps.append(f"Check: the derivative of the result is {show(function)}")
    return text_solution(f"{show(antiderivative)} + C", steps)


def _antiderivative(problem: Integrate) -> Symbolic | None:
    """Return a checked antiderivative, or None if none is found."""
    symbol, function = real_symbol(problem.variable), to_symbolic(problem.expression)
    found = sp.integrate(function, symbol)
    if found.has(sp.Integral, sp.Piecewise, sp.zoo, sp.nan):
        return None
    found = found.expand() if found.is_polynomial(symbol) else familiar(found, sp.simplify(found))
    found = sp.Add(*(term for term in sp.Add.make_args(found) if term.has(symbol)))
    found = found.replace(sp.log, partial(_logarithm_of_amount, known=function.atoms(sp.log)))
    check_antiderivative(problem.expression, problem.variable, found)
    return found


def _logarithm_of_amount(argument: Symbolic, known: Set[Symbolic]) -> Symbolic:
    """Return ln|u| for ln(u): 1/x has an antiderivative on both sides of zero.

    Logarithms that stand in the integrand itself are known to have a positive argument.
    """
    logarithm = sp.log(argument)
    return logarithm if argument.is_nonnegative or logarithm in known else sp.log(sp.Abs(argument))


def _definite(problem: Integrate, lower: Expression, upper: Expression) -> Solution:
    symbol, function = real_symbol(problem.variable), to_symbolic(problem.expression)
    low, high = to_symbolic(lower), to_symbolic(upper)
    value = sp.integrate(function, (symbol, low, high))
    steps = [f"Integrate {write(problem.expression)} from {show(low)} to {show(high)}"]
    if value in (sp.oo, -sp.oo):
        raise Refusal("the integral is infinite, or does not exist")
    if value.has(sp.Integral, sp.Piecewise, sp.zoo, sp.nan, sp.oo):
        raise Refusal("it does not find the integral, or the integral does not exist")
    _check_value(problem.expression, problem.variable, (low, high), numeric(value))
    antiderivative = _antiderivative(problem)
    if antiderivative is not None:
        steps.append(f"An antiderivative is F({symbol}) = {show(antiderivative)}")
        steps.append(f"The integral is F({show(high)}) - F({show(low)})")
    steps.append("Numeric integration gives the same value.")
    return symbolic_solution(simplified_number(value), steps)


def _check_value(expression: Expression, name: str, bounds: tuple[Symbolic, Symbolic], expected: Any) -> None:
    """Raise `Refusal` unless numeric integration agrees."""

    def height(point: Any) -> Any:
        value = sample(expression, name, point)
        if value is None:
            raise Refusal("the expression is not defined everywhere between the bounds")
        return value

    with mp.workdps(_QUADRATURE_DIGITS):
        ends = [
            mp.mpf(str(sp.N(bound, 30))) if bound.is_finite else mp.inf * int(sp.sign(bound))
            for bound in bounds
        ]
        value, error = mp.quad(height, _pieces(*ends), error=True)
        # A large error estimate means an oscillation or a singularity that the comparison would not notice.
        if error > _TOLERANCE * max(1, abs(value)) or not agree(value, mp.mpf(str(expected)), _TOLERANCE):
            raise Refusal("numeric integration does not confirm the integral")


def _pieces(low: Any, high: Any) -> list[Any]:
    """Cut an interval at uneven places, so that a pole in its middle cannot cancel out."""
    if mp.isinf(low) or mp.isinf(high):
        return [low, 0, high] if low < 0 < high or high < 0 < low else [low, high]
    return [low, low + (high - low) * mp.mpf("0.37"), low + (high - low) * mp.mpf("0.71"), high]
