"""The forms of questions about derivatives, integrals, limits, Taylor series, and sums over an index."""

from typing import Final

from guardian_cluster.specialists.builtin.solver.problem import (
    AddUp,
    Differentiate,
    ExpandSeries,
    Integrate,
    Problem,
    TakeLimit,
)
from guardian_cluster.specialists.builtin.solver.reading.parts import (
    check_single_term,
    chosen_variable,
    end,
    expression,
    number,
)
from guardian_cluster.specialists.builtin.solver.reading.patterns import Form, Found
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import Expression, Number, variables

_COUNTERS = ("i", "j", "k", "m", "n")

MAX_DEGREE = 20
"""Of a Taylor polynomial: more terms help nobody in a chat."""


def _derivative(found: Found, order: int = 1) -> Problem:
    node = expression(found.groups["f"])
    variable = chosen_variable(found, node, "v", "point")
    at = number(found.groups["at"]) if "at" in found.groups else None
    return Differentiate(node, variable, order, at)


def _second_derivative(found: Found) -> Problem:
    return _derivative(found, 2)


def _third_derivative(found: Found) -> Problem:
    return _derivative(found, 3)


def _leibniz(found: Found) -> Problem:
    check_single_term(found.groups["f"], expression(found.groups["f"]), "d/dx")
    return _derivative(found)


def _integral(found: Found) -> Problem:
    node = expression(found.groups["f"])
    variable = chosen_variable(found, node, "v", "v2", "v3", "v4")
    if "a" not in found.groups:
        return Integrate(node, variable)
    if set(variables(node)) - {variable}:
        raise Refusal(f"the expression has other unknowns than {variable}")
    return Integrate(node, variable, end(found.groups["a"]), end(found.groups["b"]))


def _limit(found: Found) -> Problem:
    return TakeLimit(_limited(found), found.groups["v"][0].text, end(found.groups["point"]))


def _limit_from_left(found: Found) -> Problem:
    return TakeLimit(_limited(found), found.groups["v"][0].text, number(found.groups["point"]), "left")


def _limit_from_right(found: Found) -> Problem:
    return TakeLimit(_limited(found), found.groups["v"][0].text, number(found.groups["point"]), "right")


def _limit_first(found: Found) -> Problem:
    """Read "lim x -> 0 sin(x)/x"; a sign after the point could also mean a side, as in "0+"."""
    if found.groups["f"][0].text in ("+", "-"):
        raise Refusal(
            "a sign after the point of a limit could mean a side; use parentheses, or 'from the right'"
        )
    check_single_term(found.groups["f"], expression(found.groups["f"]), "lim")
    return _limit(found)


def _limited(found: Found) -> Expression:
    node = expression(found.groups["f"])
    if variables(node) != (found.groups["v"][0].text,):
        raise Refusal(
            "the expression of a limit must contain the variable that approaches the point, and no other"
        )
    return node


def _series(found: Found) -> Problem:
    node = expression(found.groups["f"])
    variable = chosen_variable(found, node, "v")
    point = number(found.groups["point"]) if "point" in found.groups else Number("0")
    degree = int(found.groups["degree"][0].text) if "degree" in found.groups else 5
    if not 0 <= degree <= MAX_DEGREE:
        raise Refusal(f"a Taylor polynomial is only computed up to degree {MAX_DEGREE}")
    return ExpandSeries(node, variable, point, degree)


def _sum(found: Found) -> Problem:
    index = found.groups["k"][0].text
    term = expression(found.groups["t"], indices=(index,))
    if set(variables(term)) - {index}:
        raise Refusal(f"the terms contain other unknowns than {index}")
    return AddUp(term, index, number(found.groups["a"]), end(found.groups["b"]))


def _sum_without_index(found: Found) -> Problem:
    """Read "sum of k^2 from 1 to 10": one letter of those that usually count."""
    term = expression(found.groups["t"], indices=_COUNTERS)
    if len(variables(term)) != 1 or variables(term)[0] not in _COUNTERS:
        raise Refusal("it is not clear which letter counts; write 'sum of ... for k from 1 to 10'")
    return AddUp(term, variables(term)[0], number(found.groups["a"]), end(found.groups["b"]))


def _product(found: Found) -> Problem:
    index = found.groups["k"][0].text
    term = expression(found.groups["t"], indices=(index,))
    if set(variables(term)) - {index}:
        raise Refusal(f"the factors contain other unknowns than {index}")
    return AddUp(term, index, number(found.groups["a"]), number(found.groups["b"]), "product")


_AT = "[at {point:variable} = {at}]"
_WITH_RESPECT = "[with respect to {v:variable}]"
_TOWARDS = "[with respect to {v4:variable}]"
_BOUNDS = "from [{v2:variable} =] {a} to [{v3:variable} =] {b}"
_INDICES = (
    "for {k:variable} from {a} to {b}",
    "from {k:variable} = {a} to {b}",
    "for {k:variable} = {a} to {b}",
    ", {k:variable} = {a} to {b}",
)

FORMS: Final[tuple[Form, ...]] = (
    Form(
        _derivative,
        f"first? derivative of {{f}} {_WITH_RESPECT} {_AT}",
        f"differentiate {{f}} {_WITH_RESPECT} {_AT}",
        f"derivative with respect to {{v:variable}} of {{f}} {_AT}",
    ),
    Form(_second_derivative, f"second derivative of {{f}} {_WITH_RESPECT} {_AT}"),
    Form(_third_derivative, f"third derivative of {{f}} {_WITH_RESPECT} {_AT}"),
    Form(_leibniz, f"d/d {{v:variable}} of? {{f}} {_AT}"),
    Form(
        _integral,
        f"indefinite? integral|antiderivative of {{f}} [d {{v:variable}}] {_TOWARDS}",
        f"definite? integral of {{f}} [d {{v:variable}}] {_BOUNDS}",
        f"definite? integral {_BOUNDS} of {{f}} [d {{v:variable}}]",
        f"integrate|∫ {{f}} [d {{v:variable}}] {_TOWARDS} [{_BOUNDS}]",
        f"integrate|∫ {{f}} {_BOUNDS} [d {{v:variable}}] {_TOWARDS}",
        f"∫ {_BOUNDS} of {{f}} [d {{v:variable}}]",
        "integrate {f} [d {v:variable}] between {a} and {b}",
    ),
    Form(
        _limit,
        "limit of {f} as {v:variable} approaches|-> {point}",
        "limit of {f} as {v:variable} goes|tends to {point}",
        "lim|limit of? {f} ,? as? {v:variable} -> {point}",
    ),
    Form(_limit_first, "lim|limit as? {v:variable} approaches|-> {point:point} of? {f}"),
    Form(
        _limit_from_left,
        "limit of {f} as {v:variable} approaches|-> {point} from the? left",
        "limit of {f} as {v:variable} approaches|-> {point} from below",
    ),
    Form(
        _limit_from_right,
        "limit of {f} as {v:variable} approaches|-> {point} from the? right",
        "limit of {f} as {v:variable} approaches|-> {point} from above",
    ),
    Form(
        _series,
        "taylor|maclaurin series|expansion|polynomial of|for {f} "
        "[around|about|at|near [{v:variable} =] {point}] [up? to|of order|degree {degree:number}]",
    ),
    Form(_sum, *(f"sum of? {{t}} {index}" for index in _INDICES), f"sum {_INDICES[1]} of {{t}}"),
    Form(_sum_without_index, "sum of? {t} from {a} to {b}"),
    Form(_product, *(f"product of? {{t}} {index}" for index in _INDICES)),
)
