"""Arithmetic, percentages and averages: right answers, derived independently with Python's own numbers."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solver_cases import answered

FINITE = {
    "What is 17% of 2,350?": "399.5",
    "2 + 2": "4",
    "2+2=": "4",
    "2+2=?": "4",
    "What's 2 + 2?": "4",
    "3 + 4 * 5": "23",
    "(3 + 4) * 5": "35",
    "2 ^ 10": "1024",
    "2 ** 10": "1024",
    "2^3^2": "512",
    "-2^2": "-4",
    "(-2)^2": "4",
    "2^-2": "0.25",
    "10 - 4 - 3": "3",
    "100 / 10 / 2": "5",
    "1,234,567 + 1": "1234568",
    "2.5e3 + 1": "2501",
    "0.1 + 0.2": "0.3",
    "1/3 + 1/6": "0.5",
    "calculate 3/8": "0.375",
    "Calculate: 9/12": "0.75",
    "compute 9/11 * 11": "9",
    "3 × 4": "12",
    "6 ÷ 4": "1.5",
    "5 − 8": "-3",
    "3 · 4": "12",
    "25 x 40": "1000",
    "2 x 3 x 4": "24",
    "2(3 + 4)": "14",
    "(1+2)(3+4)": "21",
    "3² + 4²": "25",
    "2⁻²": "0.25",
    "½ + ¼": "0.75",
    "√16 + 9": "13",
    "∛27": "3",
    "2√9": "6",
    "5!": "120",
    "10!/8!": "90",
    "6 factorial": "720",
    "(3!)!": "720",
    "|−5| + 1": "6",
    "|2 - |3 - 10||": "5",
    "floor(3.7) + ceil(3.2)": "7",
    "floor(-3.5)": "-4",
    "max(3, 7, 5) - min(3, 7, 5)": "4",
    "abs(3 - 10)": "7",
    "sqrt(144)": "12",
    "what is the square root of 144?": "12",
    "cube root of -8": "-2",
    "square root of (16 + 9)": "5",
    "sqrt(2)^2": "2",
    "sqrt(2)*sqrt(3) - sqrt(6)": "0",
    "8^(2/3)": "4",
    "sin(30°)": "0.5",
    "cos(60 degrees)": "0.5",
    "sin(pi/6)": "0.5",
    "tan 45°": "1",
    "cos(0)": "1",
    "sin²(30°)": "0.25",
    "ln(e^3)": "3",
    "log base 2 of 1024": "10",
    "log10(1000)": "3",
    "log_2(8)": "3",
    "seven times eight": "56",
    "twenty-five plus seventeen": "42",
    "what is three plus four times five": "23",
    "2.5 million + 1": "2500001",
    "two hundred divided by eight": "25",
    "what is 5 squared": "25",
    "two to the power of ten": "1024",
    "half of 90": "45",
    "three quarters of 80": "60",
    "the sum of 3, 4 and 5": "12",
    "product of 6 and 7": "42",
    "the difference between 4 and 9": "5",
    "subtract 3 from 10": "7",
    "divide 3 by 4": "0.75",
    "average of 10, 20 and 60": "30",
    "mean of 1,200 and 1,300": "1250",
    "evaluate x^2 + 3x at x = 2": "10",
    "if x = 5, what is 2x + 1?": "11",
    "10 choose 3": str(math.comb(10, 3)),
    "30!": str(math.factorial(30)),
    "2^200": str(2**200),
    "987654321 * 123456789": str(987654321 * 123456789),
    "How much is 19 * 21?": "399",
    "could you please work out 12 * 12 for me": "144",
}

PERCENTAGES = {
    "17 percent of 2350": "399.5",
    "seventeen per cent of 2,350": "399.5",
    "17 % of 2350": "399.5",
    "0.5% of 200": "1",
    "50% of 50% of 80": "20",
    "120% of 50": "60",
    "20% of (30 + 50)": "16",
    "3 + 10% of 50": "8",
    "10% + 5%": "0.15",
    "increase 200 by 10%": "220",
    "decrease 80 by 25%": "60",
    "200 reduced by 5%": "190",
    "20% more than 50": "60",
    "30% less than 90": "63",
    "15% off 60": "51",
    "What percent of 80 is 20?": "25%",
    "20 is what percent of 80?": "25%",
    "what % of 48 is 12": "25%",
    "What percentage is 3 of 8?": "37.5%",
    "3 out of 8 as a percentage": "37.5%",
    "percentage change from 50 to 75": "50%",
    "percent decrease from 80 to 60": "-25%",
    "30 is 25% of what number?": "120",
    "15% of what is 60?": "400",
}

INEXACT = {
    "calculate 1/3": ("1/3", Fraction(1, 3)),
    "calculate 22/7": ("22/7", Fraction(22, 7)),
    "sqrt(8)": ("2·sqrt(2)", math.sqrt(8)),
    "2^0.5": ("sqrt(2)", math.sqrt(2)),
    "π × 2": ("2π", 2 * math.pi),
    "2pi": ("2π", 2 * math.pi),
    "e^2": ("e^2", math.exp(2)),
    "ln(10)": ("ln(10)", math.log(10)),
    "arcsin(1/2)": ("π/6", math.asin(0.5)),
    "sqrt(50) + sqrt(2)": ("6·sqrt(2)", math.sqrt(50) + math.sqrt(2)),
    "20 is what percent of 60?": ("100/3%", Fraction(100, 3)),
}


@pytest.mark.parametrize(("question", "expected"), (FINITE | PERCENTAGES).items())
def test_a_finite_result_is_exact(question: str, expected: str) -> None:
    solution = answered(question)

    assert (solution.exact, solution.approximate, solution.answer) == (expected, None, expected)


@pytest.mark.parametrize(("question", "expected"), INEXACT.items())
def test_an_endless_result_is_given_exactly_and_with_ten_digits(
    question: str, expected: tuple[str, float]
) -> None:
    solution = answered(question)

    assert solution.exact == expected[0]
    assert solution.approximate is not None
    assert float(solution.approximate.rstrip("%")) == pytest.approx(float(expected[1]), rel=1e-9)


def test_the_steps_show_how_the_result_came_about() -> None:
    assert answered("What is 17% of 2,350?").steps == ("17% = 17/100 = 0.17", "0.17 × 2350 = 399.5")


def test_many_steps_are_cut_in_the_middle() -> None:
    steps = answered("+".join(str(number) for number in range(1, 51))).steps

    assert (len(steps), steps[0], steps[-1]) == (13, "1 + 2 = 3", "1225 + 50 = 1275")


numbers = st.one_of(
    st.integers(0, 9999).map(str),
    st.decimals(0, 99, places=2).map(str),
    st.integers(1000, 9_999_999).map("{:,}".format),
)
expressions = st.recursive(
    numbers.map(lambda text: (text, Fraction(text.replace(",", "")))),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner, st.booleans()).map(
        lambda parts: _combined(*parts)
    ),
    max_leaves=10,
)


def _combined(
    left: tuple[str, Fraction | None], sign: str, right: tuple[str, Fraction | None], is_negated: bool
) -> tuple[str, Fraction | None]:
    (first, one), (second, other) = left, right
    value = None
    if one is not None and other is not None and not (sign == "/" and other == 0):
        value = {"+": one + other, "-": one - other, "*": one * other, "/": one / (other or 1)}[sign]
    text = f"({first} {sign} {second})"
    return (f"(-{text})", -value if value is not None else None) if is_negated else (text, value)


@given(expressions)
def test_random_arithmetic_agrees_with_pythons_fractions(case: tuple[str, Fraction | None]) -> None:
    text, expected = case
    if expected is None or len(text) > 300:
        return

    solution = answered(f"calculate {text} + 0")

    assert Fraction(solution.exact) == expected


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from("+-*")), min_size=2, max_size=20))
def test_random_chains_follow_the_usual_precedence(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number} {sign} " for number, sign in parts) + "1"

    assert answered(f"calculate {text}").exact == str(eval(text))  # the text is this test's own
