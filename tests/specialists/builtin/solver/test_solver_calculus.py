"""Derivatives, integrals, limits, series and sums: textbook results."""

import math

import pytest
from solver_cases import answered, refused

RESULTS = {
    "derivative of x^2": "2x",
    "What is the derivative of x^3 + 2x?": "3x^2 + 2",
    "differentiate sin(x)": "cos(x)",
    "derivative of x^2 sin(x)": "x^2·cos(x) + 2x·sin(x)",
    "derivative of e^(2x)": "2e^(2x)",
    "derivative of ln(x)": "1/x",
    "derivative of sqrt(x)": "1/(2·sqrt(x))",
    "derivative of x^x": "x^x·(ln(x) + 1)",
    "d/dx sin(x^2)": "2x·cos(x^2)",
    "d/dx (x^2 + 3x)": "2x + 3",
    "second derivative of x^4": "12x^2",
    "third derivative of sin(x)": "-cos(x)",
    "derivative of x^2 + 3x at x = 2": "7",
    "derivative of x y with respect to x": "y",
    "derivative of arctan(t)": "1/(t^2 + 1)",
    "derivative of ln(x)/x": "(1 - ln(x))/x^2",
    "integral of x^2": "x^3/3 + C",
    "integrate 2x dx": "x^2 + C",
    "∫ cos(x) dx": "sin(x) + C",
    "integral of 1/x": "ln(|x|) + C",
    "integral of e^(3x)": "e^(3x)/3 + C",
    "integral of ln(x)": "x·ln(x) - x + C",
    "integral of tan(x)": "-ln(|cos(x)|) + C",
    "integral of 1/(x^2 + 1)": "arctan(x) + C",
    "antiderivative of 1/sqrt(1 - x^2)": "arcsin(x) + C",
    "integrate x^2 from 0 to 1": "1/3",
    "integral of 2x from 1 to 3": "8",
    "integrate sin(x) from 0 to pi": "2",
    "∫ x^2 dx from x = 0 to x = 3": "9",
    "integral from 0 to 2 of x^3 dx": "4",
    "integrate 1/x from 1 to e": "1",
    "integrate e^(-x^2) from -infinity to infinity": "sqrt(π)",
    "integrate 1/x^2 from 1 to infinity": "1",
    "integrate 1/sqrt(x) from 0 to 1": "2",
    "integrate sqrt(1 - x^2) from -1 to 1": "π/2",
    "integrate e^x from 1 to 0": "1 - e",
    "integrate x between 0 and 4": "8",
    "limit of sin(x)/x as x approaches 0": "1",
    "lim x->0 sin(x)/x": "1",
    "limit of (x^2 - 4)/(x - 2) as x approaches 2": "4",
    "limit of (1 + 1/x)^x as x -> infinity": "e",
    "limit of (2x^2 + 1)/(x^2 - 3) as x tends to infinity": "2",
    "limit of (1 - cos(x))/x^2 as x approaches 0": "0.5",
    "limit of 1/x as x approaches 0 from the right": "infinity",
    "limit of 1/x as x approaches 0 from the left": "-infinity",
    "limit of 1/x as x approaches 0": "the limit does not exist (left: -infinity, right: infinity)",
    "limit of |x|/x as x approaches 0": "the limit does not exist (left: -1, right: 1)",
    "limit of arctan(x) as x approaches -infinity": "-π/2",
    "limit of x ln(x) as x approaches 0 from above": "0",
    "sum of k^2 for k from 1 to 10": "385",
    "sum of k for k = 1 to 1000000": "500000500000",
    "sum of k^3 for k from 1 to 5000": str(sum(k**3 for k in range(1, 5001))),
    "sum of 2k + 1 from k = 0 to 9": "100",
    "sum of i from 1 to 100": "5050",
    "sum of the first 100 natural numbers": "5050",
    "sum of all integers from 5 to 50": str(sum(range(5, 51))),
    "sum of 1/k for k from 1 to 4": "25/12",
    "sum of 1/2^n from n = 0 to infinity": "2",
    "sum of 1/n^2 from n = 1 to infinity": "π^2/6",
    "sum of 1/n from n = 1 to infinity": "the sum diverges: it has no finite value",
    "sum of (-1)^(n+1)/n from n=1 to infinity": "ln(2)",
    "product of k for k from 1 to 6": "720",
    "taylor series of e^x to degree 4": "1 + x + x^2/2 + x^3/6 + x^4/24 + O(x^5)",
    "Maclaurin series of sin(x)": "x - x^3/6 + x^5/120 + O(x^6)",
    "taylor series of ln(x) around x = 1 up to degree 3": (
        "(x - 1) - (x - 1)^2/2 + (x - 1)^3/3 + O((x - 1)^4)"
    ),
}

NUMBERS = {
    "integrate e^(-x^2) from -infinity to infinity": math.sqrt(math.pi),
    "sum of 1/n^2 from n = 1 to infinity": math.pi**2 / 6,
    "limit of (1 + 2/n)^n as n approaches infinity": math.exp(2),
    "derivative of e^x at x = 1": math.e,
    "sum of sqrt(k) for k from 1 to 4": 1 + math.sqrt(2) + math.sqrt(3) + 2,
}

REFUSED = (
    "derivative of floor(x)",
    "derivative of x y",
    "derivative of x^2 with respect to y",
    "d/dx x^2 + 3x",
    "integral of x^x",
    "integrate 1/x from -1 to 1",
    "integrate 1/x^2 from -1 to 1",
    "integrate 1/x from 1 to infinity",
    "integrate tan(x) from 0 to pi",
    "integrate x y from 0 to 1",
    "limit of sin(1/x) as x approaches 0",
    "limit of sqrt(x) as x approaches 0",
    "lim x->0+ 1/x",
    "sum of k for k from 10 to 1",
    "sum of 2^k for k from 0 to 100000",
    "product of 1 + 1/k for k from 1 to infinity",
    "taylor series of 1/x",
    "taylor series of e^x to degree 100",
)


@pytest.mark.parametrize(("question", "expected"), RESULTS.items())
def test_a_textbook_problem_has_the_textbook_result(question: str, expected: str) -> None:
    assert answered(question).exact == expected


@pytest.mark.parametrize(("question", "expected"), NUMBERS.items())
def test_an_irrational_result_has_the_right_decimal_number(question: str, expected: float) -> None:
    approximate = answered(question).approximate

    assert approximate is not None
    assert float(approximate) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("question", REFUSED)
def test_what_has_no_sure_result_is_not_answered(question: str) -> None:
    assert refused(question)


def test_a_derivative_names_its_rule() -> None:
    assert "Product rule: (u·v)' = u'·v + u·v'" in answered("derivative of x^2 sin(x)").steps


def test_a_definite_integral_shows_its_antiderivative() -> None:
    assert "An antiderivative is F(x) = x^3/3" in answered("integrate x^2 from 0 to 1").steps
