"""The forms of questions that name an operation in words: sums, products, differences, averages."""

from collections.abc import Sequence
from functools import reduce
from typing import Final

from guardian_cluster.specialists.builtin.solver.bounds import check_bounds
from guardian_cluster.specialists.builtin.solver.problem import AddUp, Average, Evaluate, Problem
from guardian_cluster.specialists.builtin.solver.reading.parts import items, number, pair
from guardian_cluster.specialists.builtin.solver.reading.patterns import Form, Found
from guardian_cluster.specialists.builtin.solver.tree import (
    Call,
    Expression,
    Number,
    Operation,
    Operator,
    Variable,
)


def _joined(operator: Operator, numbers: Sequence[Expression]) -> Problem:
    node = reduce(lambda left, right: Operation(operator, left, right), numbers)
    check_bounds(node)
    return Evaluate(node)


def _sum_of_list(found: Found) -> Problem:
    return _joined("+", items(found))


def _product_of_list(found: Found) -> Problem:
    return _joined("*", items(found))


def _product(found: Found) -> Problem:
    return _joined("*", pair(found, "a", "b"))


def _quotient(found: Found) -> Problem:
    return _joined("/", pair(found, "a", "b"))


def _difference(found: Found) -> Problem:
    return _joined("-", pair(found, "a", "b"))


def _distance(found: Found) -> Problem:
    left, right = items(found)
    node = Call("abs", (Operation("-", left, right),))
    check_bounds(node)
    return Evaluate(node)


def _average(found: Found) -> Problem:
    return Average(items(found))


def _sum_of_integers(found: Found) -> Problem:
    first, last = pair(found, "a", "b")
    return AddUp(Variable("k"), "k", first, last)


def _sum_of_first(found: Found) -> Problem:
    return AddUp(Variable("k"), "k", Number("1"), number(found.groups["n"]))


FORMS: Final[tuple[Form, ...]] = (
    Form(_sum_of_integers, "sum of all? the? integers|numbers from {a} to {b}"),
    Form(_sum_of_first, "sum of the? first {n} natural numbers", "sum of the? first {n} positive integers"),
    Form(_sum_of_list, "sum|total of {items:list}", "add up? {items:list}"),
    Form(_product_of_list, "product of {items:list}", "multiply {items:list}"),
    Form(_product, "multiply {a} by {b}"),
    Form(_quotient, "divide {a} by {b}"),
    Form(_difference, "subtract {b} from {a}"),
    Form(_distance, "difference between {items:two}"),
    Form(_average, "average|mean of {items:list}"),
)
