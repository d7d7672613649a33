"""Which numbers are zeros of a polynomial: all of them, the complex ones too, exactly up to degree two."""

from typing import Any

import msgspec

from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.results import numeric_text
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.refusal import Refusal

MAX_DEGREE = 50

_ROOT_DIGITS = 30
"""Digits of the numeric roots of factors that radicals do not help with."""


class Root(msgspec.Struct, frozen=True):
    """A zero: its value, exact where `is_exact`, and how often it counts."""

    value: Any
    is_real: bool
    is_exact: bool
    multiplicity: int

    def exact_text(self) -> str:
        """Return the exact value, or the approximate one where no formula is of use."""
        return show(self.value) if self.is_exact else self.approximate_text()

    def approximate_text(self) -> str:
        """Return the value with ten significant digits."""
        if self.is_real:
            return numeric_text(self.value)
        real, imaginary = self.value.as_real_imag()
        size = numeric_text(abs(imaginary))
        sign = "-" if sp.N(imaginary) < 0 else "+"
        return f"{numeric_text(real)} {sign} {size}i"


def roots_of(polynomial: Symbolic) -> list[Root]:
    """Return every zero of a polynomial with rational coefficients, the real ones first and ascending."""
    if polynomial.degree() > MAX_DEGREE:
        raise Refusal(f"the degree of the equation is beyond {MAX_DEGREE}")
    roots: list[Root] = []
    for factor, multiplicity in polynomial.factor_list()[1]:
        roots.extend(_roots_of_factor(factor, multiplicity))
    return sorted(roots, key=_order)


def quadratic_roots(polynomial: Symbolic, multiplicity: int = 1) -> list[Root]:
    """Return the zeros of a polynomial of degree two, whose coefficients may be any real numbers."""
    a, b, c = polynomial.all_coeffs()
    discriminant = sp.simplify(b * b - 4 * a * c)
    if discriminant.is_zero:
        return [Root(sp.simplify(-b / (2 * a)), True, True, 2 * multiplicity)]
    is_real = bool(sp.N(discriminant) > 0)
    half = sp.sqrt(discriminant)
    values = [sp.expand(sp.simplify((-b + sign * half) / (2 * a))) for sign in (-1, 1)]
    return [Root(value, is_real, True, multiplicity) for value in values]


def _roots_of_factor(factor: Symbolic, multiplicity: int) -> list[Root]:
    if factor.degree() == 1:
        a, b = factor.all_coeffs()
        return [Root(-b / a, True, True, multiplicity)]
    if factor.degree() == 2:
        return quadratic_roots(factor, multiplicity)
    numbers = factor.nroots(n=_ROOT_DIGITS, maxsteps=200)
    return [Root(number, bool(number.is_real), False, multiplicity) for number in numbers]


def _order(root: Root) -> tuple[bool, float, float]:
    real, imaginary = sp.N(root.value).as_real_imag()
    return (not root.is_real, float(real), float(imaginary))
