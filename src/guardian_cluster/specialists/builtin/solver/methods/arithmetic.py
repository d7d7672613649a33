"""What an expression without unknowns is worth: rational arithmetic by itself, everything else with SymPy."""

from fractions import Fraction

from guardian_cluster.specialists.builtin.solver.functions import INVERSE_TRIGONOMETRIC
from guardian_cluster.specialists.builtin.solver.methods.figures import exact_text
from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.rational import rational_value
from guardian_cluster.specialists.builtin.solver.methods.results import (
    numeric,
    numeric_text,
    rational_solution,
    symbolic_solution,
)
from guardian_cluster.specialists.builtin.solver.methods.symbolic import to_symbolic
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.methods.wording import write
from guardian_cluster.specialists.builtin.solver.problem import Average, Evaluate
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution
from guardian_cluster.specialists.builtin.solver.tree import Call, Expression

_AGREEMENT = 1e-25
"""To this relative accuracy a simplified value must agree with the original, or it is not used."""


def evaluate(problem: Evaluate) -> Solution:
    """Compute an expression exactly."""
    steps: list[str] = []
    value = rational_value(problem.expression, steps)
    if value is not None:
        return rational_solution(value, steps)
    original = to_symbolic(problem.expression)
    simplified = simplified_number(original)
    steps = [f"Read as: {write(problem.expression)}", f"Exact value: {show(simplified)}"]
    if not simplified.is_Rational:
        steps.append(f"As a decimal number: {numeric_text(simplified)}")
    return symbolic_solution(simplified, steps, _unit(problem.expression))


def _unit(expression: Expression) -> str:
    """Return the unit of a result that is an angle."""
    is_angle = isinstance(expression, Call) and expression.function in INVERSE_TRIGONOMETRIC
    return "radians" if is_angle else ""


def simplified_number(value: Symbolic) -> Symbolic:
    """Return a closed real expression in its simplest form; raise `Refusal` if it is not a real number."""
    before = numeric(value)
    if value.is_Rational:
        return value
    after = sp.simplify(sp.sqrtdenest(value))
    difference = abs(numeric(after) - before)
    return after if difference <= _AGREEMENT * max(1, abs(before)) else value


def number_of(node: Expression) -> Symbolic:
    """Return the exact value of an expression without unknowns as a SymPy number."""
    return simplified_number(to_symbolic(node))


def exact_fraction(node: Expression, what: str) -> Fraction:
    """Return the value of an expression that must be rational; raise `Refusal` if it is not."""
    value = rational_value(node, [])
    if value is None:
        raise Refusal(f"{what} is not a rational number")
    return value


def average(problem: Average) -> Solution:
    """Compute the arithmetic mean."""
    values = [exact_fraction(number, "one of the numbers") for number in problem.numbers]
    total, count = sum(values, Fraction(0)), len(values)
    steps = [
        f"{' + '.join(map(exact_text, values))} = {exact_text(total)}",
        f"{exact_text(total)} ÷ {count} = {exact_text(total / count)}",
    ]
    return rational_solution(total / count, steps)
