import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.checks import arithmetic
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.equations import calculation_of
from guardian_cluster.request.checks.question import Question


def checked(answer: str):
    return arithmetic.check(Answered(Question("How many are there, 2 or 3?"), answer))


@pytest.mark.parametrize(
    "answer",
    [
        "3 + 4 = 7.",
        "He pays $1,200 * 2 = $2,400.",
        "4 boxes of red apples * 3 apples = 12 apples",
        "20% of 50 is found by 20% of 50 = 10",
        "1/3 of 10: 10 / 3 = 3.33",
        "3/10 = 30%",
        "\\(\\frac{6}{2} \\times 4 = 12\\)",
        "3 x 4 = <<3*4=12>>12 eggs",
        "20 (warming up) + 28 (heating) = 48 minutes",
        "2 + 3 = 5 * 4 = 20",
        "60 miles / hour * 2 hours = 120 miles",
        "2^3 - 1 = 7",
    ],
)
def test_arithmetic_that_is_right_holds(answer: str):
    assert checked(answer).held is True


@pytest.mark.parametrize(
    "answer",
    [
        "3 + 4 = 8.",
        "3 / (3 + 2) x 100 = $<<3/(3+2)*100=45>>45",
        "15 - 4 - 4.5 - 4 = 4",
        "so 0.40 * 9 * 1040 = $3,760 in a week",
        "\\frac{6}{2} \\times 4 = 13",
    ],
)
def test_arithmetic_that_is_wrong_is_found_and_named(answer: str):
    found = checked(answer)

    assert found.held is False
    assert "does not hold" in found.detail
    assert found.features["arithmetic.wrong"] == 1.0


@pytest.mark.parametrize(
    "answer",
    ["7x + 11x = 162", "The sky is blue.", "x - 2 = 38", "4(s + 9) = 3", "a = b", "= 5", "5 = ", "1/0 = 4"],
)
def test_what_cannot_be_read_is_not_judged(answer: str):
    assert checked(answer).held is None


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from("+-*"), st.integers(-3, 3))
def test_whole_numbers_are_judged_as_python_computes_them(first: int, second: int, sign: str, error: int):
    value = {"+": first + second, "-": first - second, "*": first * second}[sign]
    claimed = value + error
    # A hundredfold is a change of percent, and other factors are changes of units: those are not told apart.
    found = checked(f"We have {first} {sign} {second} = {claimed} of them.")

    if error == 0:
        assert found.held is True
    elif abs(value) > 1000:
        assert found.held is False


@given(st.text(alphabet="0123456789+-*/=()x%.,<>$\\ frac{}\n^of", max_size=400))
def test_no_text_breaks_the_reading(text: str):
    calculation_of(text)
