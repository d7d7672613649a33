"""Equations and systems: right solutions, none missing, none too many."""

import math

import pytest
from solver_cases import answered, refused

SOLUTIONS = {
    "solve 2x + 3 = 7": "x = 2",
    "Solve for x: 2x + 3 = 7": "x = 2",
    "solve 3(x - 2) = 2(x + 5)": "x = 16",
    "If 3x = 12, what is x?": "x = 4",
    "what is x if x/3 + x/4 = 7": "x = 12",
    "2x + 3 = 7, find x": "x = 2",
    "find y such that 5y = 35": "y = 7",
    "5x = 3": "x = 3/5",
    "solve 0.5x + 0.25 = 2": "x = 7/2",
    "What are the solutions of x^2 = 9?": "x = -3 or x = 3",
    "x^2 - 5x + 6 = 0": "x = 2 or x = 3",
    "solve x^2 = 4 for x": "x = -2 or x = 2",
    "x² = 2": "x = -sqrt(2) or x = sqrt(2)",
    "x^2 - 2x + 1 = 0": "x = 1",
    "x^2 + 1 = 0": "no real solution; complex: x = -i or x = i",
    "x^4 - 5x^2 + 4 = 0": "x = -2 or x = -1 or x = 1 or x = 2",
    "6x^3 - 11x^2 + 6x - 1 = 0": "x = 1/3 or x = 1/2 or x = 1",
    "roots of x^2 - 5x + 6": "x = 2 or x = 3",
    "(x+1)(x-1) = 3": "x = -2 or x = 2",
    "x(x + 1) = 6": "x = -3 or x = 2",
    "solve 1/x = 2": "x = 1/2",
    "solve (x^2 - 4)/(x - 2) = 0": "x = -2",
    "solve x^2/x = 0": "no solution",
    "solve x = x + 1": "no solution",
    "solve 2x = x + x": "every x for which both sides are defined",
    "solve sqrt(x + 1) = 3": "x = 8",
    "solve sqrt(x) = x": "x = 0 or x = 1",
    "solve sqrt(x) = -1": "no real solution",
    "solve 2^x = 8": "x = 3",
    "solve e^x = 5": "x = ln(5)",
    "solve ln(x) = 2": "x = e^2",
    "solve log2(x) = 5": "x = 32",
    "solve |x - 1| = 3": "x = -2 or x = 4",
    "solve e^x = -1": "no real solution",
    "solve sin(x) = 1/2": "x = 2π·n + π/6 or x = 2π·n + 5π/6 (n is any whole number)",
    "solve cos(x) = 1": "x = 2π·n (n is any whole number)",
    "x + y = 10 and x - y = 2": "x = 6, y = 4",
    "solve x + y = 10; x - y = 2": "x = 6, y = 4",
    "Solve:\nx + y = 10\nx - y = 2": "x = 6, y = 4",
    "x + y + z = 6, x - y = -1, z = 3": "x = 1, y = 2, z = 3",
    "2x + y - z = 8; -3x - y + 2z = -11; -2x + y + 2z = -3": "x = 2, y = 3, z = -1",
    "solve the system of equations: 2a + b = 7, a - b = 2": "a = 3, b = 1",
    "2x + 3y = 5 and x - y = 1": "x = 8/5, y = 3/5",
    "x + y = 1; x + y = 2": "no solution: the equations contradict each other",
    "x + y = 3; 2x + 2y = 6": "infinitely many solutions: x = 3 - y (y may be any number)",
    "x^2 + y^2 = 25 and x + y = 7": "x = 3, y = 4 or x = 4, y = 3",
    "x + y = 2 and x*y = 5": "no real solution",
    "solve y = 2x + 3 for x": "x = y/2 - 3/2",
    "expand (x + 1)^3": "x^3 + 3x^2 + 3x + 1",
    "expand 2(x + 1)(x - 3)": "2x^2 - 4x - 6",
    "factor x^2 - 1": "(x - 1)·(x + 1)",
    "simplify (x^2 - 1)/(x - 1)": "x + 1",
    "simplify sin(x)^2 + cos(x)^2": "1",
}

REFUSED = (
    "solve cos(x) = x",
    "solve 2^x = x^2",
    "solve cbrt(x) = -2",
    "solve floor(x) = 3",
    "solve x! = 24?",
    "solve a x = b for x",
    "solve x*y = 1, x^2*y^2 = 1",
    "solve sqrt(x) + y = 1, x + y = 1",
)


@pytest.mark.parametrize(("question", "expected"), SOLUTIONS.items())
def test_an_equation_is_solved_completely(question: str, expected: str) -> None:
    assert answered(question).exact == expected


@pytest.mark.parametrize("question", REFUSED)
def test_an_equation_that_may_have_more_solutions_is_not_answered(question: str) -> None:
    assert refused(question)


def test_a_root_without_a_formula_is_given_with_ten_digits() -> None:
    assert answered("x^3 - x - 1 = 0").answer.startswith("x ≈ 1.324717957;")


def test_an_irrational_root_comes_with_its_decimal_number() -> None:
    assert answered("x^2 = 2").approximate == f"x ≈ -{math.sqrt(2):.9f} or x ≈ {math.sqrt(2):.9f}"


def test_a_rational_root_comes_with_its_decimal_number() -> None:
    assert answered("5x = 3").answer == "x = 3/5 (x = 0.6)"


def test_a_multiple_root_is_named_as_such() -> None:
    assert "x = 1 counts 2 times" in answered("x^2 - 2x + 1 = 0").steps


def test_the_steps_name_the_discriminant() -> None:
    assert "Discriminant: (-5)^2 - 4·(1)·(6) = 1" in answered("x^2 - 5x + 6 = 0").steps
