"""What the terms from one index to another add up (or multiply) to, be they few, many or infinitely many."""

from fractions import Fraction
from typing import Any

from guardian_cluster.specialists.builtin.solver.bounds import check_bounds
from guardian_cluster.specialists.builtin.solver.methods.arithmetic import simplified_number
from guardian_cluster.specialists.builtin.solver.methods.figures import exact_text
from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.rational import rational_value, whole_number
from guardian_cluster.specialists.builtin.solver.methods.results import (
    numeric,
    rational_solution,
    symbolic_solution,
    text_solution,
)
from guardian_cluster.specialists.builtin.solver.methods.sampling import agree, mp, sample
from guardian_cluster.specialists.builtin.solver.methods.symbolic import to_fraction, to_symbolic
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.methods.wording import write
from guardian_cluster.specialists.builtin.solver.problem import AddUp
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution
from guardian_cluster.specialists.builtin.solver.tree import (
    Constant,
    Expression,
    Negation,
    Number,
    substitute,
)

MAX_TERMS = 1000
"""That are added one by one; longer sums need a formula."""

_CHECKED_TERMS = 6
"""Partial sums that a formula is compared with."""

_TOLERANCE = 1e-8


def add_up(problem: AddUp) -> Solution:
    """Compute a sum or a product over an index."""
    first = whole_number(problem.first, "the first index")
    if isinstance(problem.last, Constant):
        return _infinite(problem, first)
    last = whole_number(problem.last, "the last index")
    if last < first:
        raise Refusal("the last index is below the first")
    for end in (first, last):
        check_bounds(_term(problem, end))
    if last - first < MAX_TERMS:
        return _one_by_one(problem, first, last)
    return _by_formula(problem, first, last)


def _term(problem: AddUp, index: int) -> Expression:
    number = Number(str(abs(index)))
    return substitute(problem.term, problem.index, number if index >= 0 else Negation(number))


def _one_by_one(problem: AddUp, first: int, last: int) -> Solution:
    values = [rational_value(_term(problem, index), []) for index in range(first, last + 1)]
    rationals = [value for value in values if value is not None]
    sign = " + " if problem.operation == "sum" else " × "
    if len(rationals) < len(values):
        return _one_by_one_symbolic(problem, first, last)
    shown = [exact_text(value) for value in rationals]
    line = sign.join(shown) if len(shown) <= 8 else sign.join([*shown[:3], "…", shown[-1]])
    steps = [f"{len(values)} terms {write(problem.term)} for {problem.index} from {first} to {last}", line]
    return rational_solution(_combined(problem, rationals), steps)


def _combined(problem: AddUp, values: list[Fraction]) -> Fraction:
    if problem.operation == "sum":
        return sum(values, Fraction(0))
    product = Fraction(1)
    for value in values:
        product *= value
        check_bounds(Number(f"{product.numerator}/{product.denominator}")) if product else None
    return product


def _one_by_one_symbolic(problem: AddUp, first: int, last: int) -> Solution:
    terms = [to_symbolic(_term(problem, index)) for index in range(first, last + 1)]
    total = sp.Add(*terms) if problem.operation == "sum" else sp.Mul(*terms)
    steps = [f"{len(terms)} terms {write(problem.term)} for {problem.index} from {first} to {last}"]
    return symbolic_solution(simplified_number(total), steps)


def _by_formula(problem: AddUp, first: int, last: int) -> Solution:
    """Add up many terms by a formula in the last index, which is compared with the first partial sums."""
    if problem.operation == "product":
        raise Refusal(f"a product of more than {MAX_TERMS} factors is beyond it")
    index, end = sp.Symbol(problem.index, integer=True), sp.Symbol("N", integer=True)
    term = to_symbolic(problem.term, {problem.index: index})
    formula = sp.factor(sp.summation(term, (index, first, end)))
    if formula.has(sp.Sum, sp.Piecewise, sp.zoo, sp.nan):
        raise Refusal("it does not find a formula for the sum")
    for count in range(1, _CHECKED_TERMS + 1):
        partial = sum(numeric(to_symbolic(_term(problem, first + offset))) for offset in range(count))
        if not agree(mp.mpf(str(numeric(formula.subs(end, first + count - 1)))), mp.mpf(str(partial)), 1e-15):
            raise Refusal("the formula that was found did not pass the check")
    value = sp.simplify(formula.subs(end, last))
    steps = [
        f"Terms {write(problem.term)} for {problem.index} from {first} to {last}",
        f"The sum up to N is {show(formula)}",
        f"With N = {last}:",
    ]
    return (
        rational_solution(to_fraction(value), steps) if value.is_Rational else symbolic_solution(value, steps)
    )


def _infinite(problem: AddUp, first: int) -> Solution:
    if problem.operation == "product":
        raise Refusal("infinite products are beyond it")
    index = sp.Symbol(problem.index, integer=True)
    term = to_symbolic(problem.term, {problem.index: index})
    series = sp.Sum(term, (index, first, sp.oo))
    steps = [f"Terms {write(problem.term)} for {problem.index} from {first} on"]
    if series.is_convergent() == sp.false:
        return text_solution(
            "the sum diverges: it has no finite value", [*steps, "The convergence test fails."]
        )
    value = series.doit()
    if value.has(sp.Sum, sp.Piecewise, sp.zoo, sp.nan, sp.oo):
        raise Refusal("it does not find the value of the sum")
    _check_series(problem, first, value)
    steps.append("Adding up numerically gives the same value.")
    return symbolic_solution(simplified_number(value), steps)


def _check_series(problem: AddUp, first: int, value: Symbolic) -> None:
    """Raise `Refusal` unless numeric summation agrees."""

    def term(index: Any) -> Any:
        height = sample(problem.term, problem.index, index)
        if height is None:
            raise Refusal("a term of the sum is not defined")
        return height

    with mp.workdps(20):
        total = mp.nsum(term, [first, mp.inf])
    if not agree(total, mp.mpf(str(numeric(value))), _TOLERANCE):
        raise Refusal("adding up numerically does not confirm the sum")
