"""The bound on an expression's size is never below the size itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.specialists.builtin.solver.bounds import MAX_BITS, check_bounds
from guardian_cluster.specialists.builtin.solver.methods.rational import rational_value
from guardian_cluster.specialists.builtin.solver.reading.expression import parse
from guardian_cluster.specialists.builtin.solver.reading.phrases import fold
from guardian_cluster.specialists.builtin.solver.reading.tokens import tokenise
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import Expression, Negation, Number, Operation

ALLOWED = (
    "2^9000",
    "1000!",
    "(9^9)^9",
    "2^sqrt(16)",
    "x^1000",
    "2^pi",
    "x^sqrt(2)",
    "0^99999",
    "1^99999999",
    "e^100",
    "e^ln(5)",
    "e^(1/pi)",
    "2^sin(1 rad)",
    "e^-(sinh(1) + gcd(4, 6))",
)

REFUSED = (
    "2^10001",
    "1001!",
    "9^9^9",
    "x^1001",
    "2^(10^9)",
    "e^(e^10)",
    "(x!)^99999",
    "2^(3^pi)^9",
    "cosh(99999)",
    "2^(1/(sqrt(2)^2 - 2))",
    "e^cot(0)",
    "e^(-2)!^0.5",
    "2^(e^100)",
)

small = st.integers(0, 12).map(lambda value: Number(str(value)))
towers = st.recursive(
    small,
    lambda inner: st.one_of(
        st.builds(Operation, st.sampled_from("+-*/^"), inner, inner), st.builds(Negation, inner)
    ),
    max_leaves=6,
)


def read(text: str) -> Expression:
    return parse(fold(tokenise(text)))


@pytest.mark.parametrize("text", ALLOWED)
def test_what_fits_is_allowed(text: str) -> None:
    check_bounds(read(text))


@pytest.mark.parametrize("text", REFUSED)
def test_what_would_grow_too_large_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        check_bounds(read(text))


@given(towers)
def test_whatever_is_allowed_has_a_result_within_the_bound(tree: Expression) -> None:
    try:
        check_bounds(tree)
        value = rational_value(tree, [])
    except Refusal:
        return

    if value is not None:
        assert max(value.numerator.bit_length(), value.denominator.bit_length()) <= MAX_BITS + 1
