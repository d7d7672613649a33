"""How numbers and results are written."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solver_cases import answered

from guardian_cluster.specialists.builtin.solver.methods.figures import (
    approximate_text,
    decimal_text,
    exact_text,
    readable_text,
)
from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import sp
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import CannotSolve, Solution, render, render_refusal

APPROXIMATE = {
    Fraction(1, 3): "0.3333333333",
    Fraction(2, 3): "0.6666666667",
    Fraction(-22, 7): "-3.142857143",
    Fraction(1, 3) * 10**20: "3.333333333 × 10^19",
    Fraction(1, 3 * 10**9): "3.333333333 × 10^-10",
    Fraction(10**30): "1 × 10^30",
    Fraction(0): "0",
}


@pytest.mark.parametrize(("value", "expected"), APPROXIMATE.items())
def test_an_approximation_has_ten_digits(value: Fraction, expected: str) -> None:
    assert approximate_text(value) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9))
def test_a_finite_decimal_is_written_exactly(value: Decimal) -> None:
    text = decimal_text(Fraction(value))

    assert text is not None
    assert Fraction(text) == Fraction(value)
    assert "E" not in text


@given(st.fractions())
def test_an_exact_text_reads_back_as_the_same_number(value: Fraction) -> None:
    assert Fraction(exact_text(value)) == value


def test_a_long_fraction_in_a_step_is_approximated() -> None:
    assert readable_text(Fraction(100000000, 45359237)) == "≈ 2.204622622"


def test_symbols_are_written_as_people_write_them_and_without_asterisks() -> None:
    x = sp.Symbol("x", real=True)

    assert show(2 * x**2 * sp.exp(2 * x) - sp.log(x) / sp.pi) == "2x^2·e^(2x) - ln(x)/π"
    assert show(sp.sqrt(2) * sp.Abs(x) + sp.factorial(x)) == "sqrt(2)·|x| + x!"


@pytest.mark.parametrize("name", ["gamma", "Si", "Heaviside", "LambertW"])
def test_a_result_in_special_functions_is_refused(name: str) -> None:
    with pytest.raises(Refusal):
        show(getattr(sp, name)(sp.Symbol("x")))


def test_a_result_that_nobody_would_read_is_refused() -> None:
    x = sp.Symbol("x")

    with pytest.raises(Refusal):
        show(sp.Add(*(x**power for power in range(2000))))


def test_the_chat_answer_has_numbered_steps_and_the_plain_result() -> None:
    text = render(answered("What is 17% of 2,350?"))

    assert text == "1. 17% = 17/100 = 0.17\n2. 0.17 × 2350 = 399.5\n\n**Answer: 399.5**"


def test_an_answer_without_steps_is_the_answer_alone() -> None:
    assert render(Solution("4", (), "4")) == "**Answer: 4**"


def test_a_refusal_says_why_and_what_could_be_asked() -> None:
    text = render_refusal(CannotSolve("it is a poem"))

    assert text.startswith("The solver cannot answer this: it is a poem. It can do arithmetic")
