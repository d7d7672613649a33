"""What a percentage of, more than or less than something is."""

from fractions import Fraction

from guardian_cluster.specialists.builtin.solver.methods.arithmetic import exact_fraction
from guardian_cluster.specialists.builtin.solver.methods.figures import (
    approximate_text,
    decimal_text,
    exact_text,
)
from guardian_cluster.specialists.builtin.solver.methods.results import rational_solution
from guardian_cluster.specialists.builtin.solver.problem import (
    ChangeByPercent,
    PercentChange,
    WhatPercent,
    WholeOfPercent,
)
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution


def change_by_percent(problem: ChangeByPercent) -> Solution:
    """Compute a base increased or decreased by a percentage."""
    base = exact_fraction(problem.base, "the base")
    share = exact_fraction(problem.percent, "the percentage")
    change, result = base * share, base * (1 + problem.sign * share)
    sign = "+" if problem.sign > 0 else "-"
    steps = [
        f"{exact_text(share * 100)}% of {exact_text(base)} = {exact_text(share)} × {exact_text(base)} "
        f"= {exact_text(change)}",
        f"{exact_text(base)} {sign} {exact_text(change)} = {exact_text(result)}",
    ]
    return rational_solution(result, steps)


def what_percent(problem: WhatPercent) -> Solution:
    """Compute how many per cent a part is of the whole."""
    part, whole = exact_fraction(problem.part, "the part"), exact_fraction(problem.whole, "the whole")
    if not whole:
        raise Refusal("nothing is a percentage of zero")
    share = part / whole
    steps = [
        f"{exact_text(part)} ÷ {exact_text(whole)} = {_readable(share)}",
        f"{_readable(share)} × 100% = {_readable(share * 100)}%",
    ]
    return _in_percent(share * 100, steps)


def percent_change(problem: PercentChange) -> Solution:
    """Compute by how many per cent a value changed."""
    before = exact_fraction(problem.before, "the first number")
    after = exact_fraction(problem.after, "the second number")
    if before <= 0:
        raise Refusal("a change in per cent is only meaningful from a positive number")
    change = after - before
    share = change / before
    steps = [
        f"{exact_text(after)} - {exact_text(before)} = {exact_text(change)}",
        f"{exact_text(change)} ÷ {exact_text(before)} = {_readable(share)}",
        f"That is {'an increase' if share > 0 else 'a decrease' if share < 0 else 'no change'}.",
    ]
    return _in_percent(share * 100, steps)


def whole_of_percent(problem: WholeOfPercent) -> Solution:
    """Compute the whole from a part and its percentage."""
    part = exact_fraction(problem.part, "the part")
    share = exact_fraction(problem.percent, "the percentage")
    if not share:
        raise Refusal("zero per cent of every number is zero, so the whole is not determined")
    steps = [
        f"{exact_text(share * 100)}% = {exact_text(share)}",
        f"{exact_text(part)} ÷ {exact_text(share)} = {exact_text(part / share)}",
    ]
    return rational_solution(part / share, steps)


def _readable(value: Fraction) -> str:
    return decimal_text(value) or approximate_text(value)


def _in_percent(value: Fraction, steps: list[str]) -> Solution:
    """Return a percentage; 33.33…% is easier to read than 100/3%."""
    solution = rational_solution(value, steps)
    if solution.approximate is None:
        return Solution(f"{solution.exact}%", solution.steps, f"{solution.exact}%")
    exact, approximate = f"{solution.exact}%", f"{solution.approximate}%"
    return Solution(f"{exact} ≈ {approximate}", solution.steps, exact, approximate)
