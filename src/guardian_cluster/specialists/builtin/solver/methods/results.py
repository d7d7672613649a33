"""How a computed value becomes a solution: exact where it can be, approximate besides where it must be."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from guardian_cluster.specialists.builtin.solver.methods.figures import (
    SIGNIFICANT_DIGITS,
    approximate_text,
    decimal_text,
    exact_text,
)
from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.symbolic import to_fraction
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution

MAX_STEPS = 12
"""More steps than anybody reads are cut in the middle."""

_WORKING_DIGITS = 30
"""Digits carried for numeric checks and roundings, so that ten of them are surely right."""

_NEGLIGIBLE = 1e-20
"""An imaginary part below this, relative to the value, is rounding at that precision."""

_LONGEST_FRACTION = 12
"""In characters: longer fractions are given, but approximated first."""


def rational_solution(value: Fraction, steps: Sequence[str], unit: str = "") -> Solution:
    """Return the solution for an exact rational value, followed by its unit."""
    exact, suffix = exact_text(value), f" {unit}" if unit else ""
    if decimal_text(value) is not None:
        return Solution(exact + suffix, shortened(steps), exact)
    approximate = approximate_text(value)
    if len(exact) > _LONGEST_FRACTION:
        return Solution(f"≈ {approximate}{suffix}", shortened(steps), exact, approximate)
    return Solution(f"{exact}{suffix} ≈ {approximate}{suffix}", shortened(steps), exact, approximate)


def symbolic_solution(value: Symbolic, steps: Sequence[str], unit: str = "") -> Solution:
    """Return the solution for a real number that SymPy computed."""
    if value.is_Rational:
        return rational_solution(to_fraction(value), steps, unit)
    exact, approximate, suffix = show(value), numeric_text(value), f" {unit}" if unit else ""
    return Solution(f"{exact}{suffix} ≈ {approximate}{suffix}", shortened(steps), exact, approximate)


def text_solution(answer: str, steps: Sequence[str]) -> Solution:
    """Return a solution that is no number: a function, a yes, a list."""
    return Solution(answer, shortened(steps), answer)


def numeric(value: Symbolic) -> Any:
    """Return a closed SymPy expression as a SymPy number; raise `Refusal` if it is not a finite real one."""
    number = sp.N(value, _WORKING_DIGITS)
    real, imaginary = number.as_real_imag()
    if not (real.is_Float or real.is_Rational) or not real.is_finite:
        raise Refusal("the result is not a number that can be computed")
    if abs(imaginary) > _NEGLIGIBLE * max(1, abs(real)):
        raise Refusal("the result is not a real number")
    return real


def numeric_text(value: Symbolic) -> str:
    """Return a closed SymPy expression as text with ten significant digits."""
    return approximate_text(str(sp.Float(numeric(value), SIGNIFICANT_DIGITS + 5)))


def assigned_decimal(name: str, value: Symbolic) -> str:
    """Return `x = 3.5`, or `x ≈ 0.3333333333` where the decimal number does not end."""
    finite = decimal_text(to_fraction(value)) if value.is_Rational else None
    return f"{name} = {finite}" if finite is not None else f"{name} ≈ {numeric_text(value)}"


def shortened(steps: Sequence[str]) -> tuple[str, ...]:
    """Return the steps, without repetitions, and without the middle ones if there are too many."""
    steps = tuple(dict.fromkeys(steps))
    if len(steps) <= MAX_STEPS:
        return steps
    half = MAX_STEPS // 2
    return (*steps[:half], f"({len(steps) - 2 * half} more steps of the same kind)", *steps[-half:])
