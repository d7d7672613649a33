"""Follows where the numbers of a calculation come from, and which steps lead to its result."""

from collections.abc import Sequence
from itertools import pairwise

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding
from guardian_cluster.request.checks.quantities import same
from guardian_cluster.request.checks.steps import Step, leading_to

CHECK = "derivation"

CONSTANTS = frozenset(
    (
        1.0,
        2.0,
        3.0,
        4.0,
        5.0,
        7.0,
        10.0,
        12.0,
        24.0,
        30.0,
        52.0,
        60.0,
        100.0,
        365.0,
        1000.0,
        3600.0,
        0.5,
        0.25,
    )
)
"""Numbers that a calculation may bring along: small counts, percent, days, months, hours, seconds, a half."""

_NAMES = {"+": "addition", "-": "subtraction", "*": "product", "/": "division"}


def check(answered: Answered) -> Finding:
    """Return whether each number used was given, computed before or is common, and none is taken back."""
    steps = answered.steps
    strange = _strange(answered)
    reached = leading_to(steps, answered.final)
    loose = [each for place, each in enumerate(steps) if place not in reached]
    undone = any(_undoes(steps, step) for step in steps)
    operators = [sign for step in steps for sign in step.equation.operators]
    missing = len(answered.question.quantities) - 1 - len(operators)
    features = {
        "strange": min(len(strange), 3) / 3,
        "loose": min(len(loose), 3) / 3,
        "has_loose": bool(loose),
        "undone": undone,
        "repeated": min(len(steps) - len({step.result for step in steps}), 3) / 3,
        "operations": min(len(operators), 12) / 12,
        "no_operation": not operators,
        "one_operation": len(operators) == 1,
        "fewer_than_quantities": min(max(0, missing), 5) / 5,
        "more_than_quantities": min(max(0, -missing), 5) / 5,
        "disorder": _disorder(answered),
        "comes_to_given": not {step.result for step in steps}.isdisjoint(
            same(each.value) for each in answered.question.quantities
        ),
        "last_stands_alone": bool(steps) and not steps[-1].uses,
        "unread": min(sum(1 for each in answered.equations if not each.is_checked and each.operators), 3) / 3,
        **{f"uses_{name}": min(operators.count(sign), 4) / 4 for sign, name in _NAMES.items()},
    }
    held = None if not steps else not (strange or undone)
    return finding(CHECK, held, features, _detail(answered, strange, loose))


def _detail(answered: Answered, strange: Sequence[float], loose: Sequence[Step]) -> str:
    if strange:
        return answered.note(f"{strange[0]:g} is used, which was neither given nor computed before")
    if loose:
        return answered.note(f"{loose[0].equation.describe()} is computed and then not used")
    return ""


def _strange(answered: Answered) -> list[float]:
    """Return the numbers that enter the calculation from nowhere."""
    known = {reading for each in answered.question.quantities for reading in each.readings()}
    found: list[float] = []
    for step in answered.steps:
        found += [value for value in step.operands if value not in known and value not in CONSTANTS]
        known.add(step.result)
    return found


def _undoes(steps: Sequence[Step], step: Step) -> bool:
    """Return whether a step takes back what an earlier one did: `7500 - 3500` after `3500 + 4000`."""
    if len(step.operands) != 2 or step.equation.operators not in (("-",), ("/",)):
        return False
    opposite = ("+",) if step.equation.operators == ("-",) else ("*",)
    return any(
        earlier.equation.operators == opposite
        and earlier.result == step.operands[0]
        and step.result in earlier.operands
        for earlier in (steps[place] for place in step.uses)
    )


def _disorder(answered: Answered) -> float:
    """Return how often a quantity is used before one that the question names earlier; such questions run backwards."""
    places: dict[float, int] = {}
    for place, quantity in enumerate(answered.question.quantities):
        for reading in quantity.readings():
            places.setdefault(reading, place)
    order = [places[value] for step in answered.steps for value in step.operands if value in places]
    return sum(later < earlier for earlier, later in pairwise(order)) / max(1, len(order) - 1)
