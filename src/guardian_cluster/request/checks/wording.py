"""Compares the operations of an answer with the words that the question uses for its quantities."""

from collections.abc import Sequence

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding
from guardian_cluster.request.checks.quantities import Quantity, same
from guardian_cluster.request.checks.steps import Step

CHECK = "wording"

_LESS = frozenset(
    ("less", "fewer", "lost", "loses", "gave", "gives", "spent", "sold", "shorter", "younger", "ate")
)
_MORE = frozenset(("more", "extra", "older", "longer", "taller", "added", "bought", "gained", "additional"))
_TIMES = frozenset(("times", "twice", "double", "triple"))


def check(answered: Answered) -> Finding:
    """Return whether what is asked for and how quantities are compared fits the operations; a weak sign."""
    steps = answered.steps
    if not steps:
        return finding(CHECK, None, {})
    clashes = _asked(answered, steps) | _compared(answered, steps)
    clash = next((name for name, is_so in clashes.items() if is_so), None)
    asks = {
        f"asks_{kind}": kind in answered.question.wants
        for kind in ("rest", "total", "each", "difference", "before")
    }
    detail = f"the operations do not fit the question's words: {clash.replace('_', ' ')}" if clash else ""
    return finding(CHECK, clash is None, clashes | asks, detail)


def _asked(answered: Answered, steps: Sequence[Step]) -> dict[str, bool]:
    """Return in which ways the operations are not those that one expects for what is asked."""
    wants = answered.question.wants
    everywhere = {sign for step in steps for sign in step.equation.operators}
    last = set(steps[-1].equation.operators)
    return {
        "rest_without_subtraction": "rest" in wants and "-" not in last,
        "difference_without_subtraction": "difference" in wants and "-" not in everywhere,
        "total_without_sum": "total" in wants and last.isdisjoint("+*"),
        "average_without_division": "average" in wants and "/" not in everywhere,
        "percent_without_division": "percent" in wants and "/" not in everywhere,
        "each_without_division": "each" in wants and last.isdisjoint("/*"),
        "before_with_difference": "before" in wants and "-" in last,
    }


def _compared(answered: Answered, steps: Sequence[Step]) -> dict[str, bool]:
    """Return in which ways quantities are used against the words next to them."""
    quantities = answered.question.quantities
    used = {value for step in steps for value in step.operands}
    parts = [each for each in quantities if each.form == "word" and (each.value < 1 or each.value == 2)]
    return {
        "less_added": _clash(quantities, steps, _LESS, "+"),
        "more_subtracted": _clash(quantities, steps, _MORE, "-"),
        "times_divided": _clash(quantities, steps, _TIMES, "/"),
        "part_unused": any(used.isdisjoint(each.readings()) for each in parts),
        "percent_as_number": _percent_as_number(quantities, steps),
    }


def _clash(quantities: Sequence[Quantity], steps: Sequence[Step], said: frozenset[str], sign: str) -> bool:
    """Return whether a quantity that such a word stands next to enters by the contrary operation only."""
    for quantity in quantities:
        if said.isdisjoint((*quantity.around[-3:], quantity.text)):
            continue
        value = same(quantity.value)
        signs = {each for step in steps if value in step.operands for each in _signs_at(step, value)}
        if signs == {sign}:
            return True
    return False


def _signs_at(step: Step, value: float) -> list[str]:
    """Return by which operators a value enters a step; the first term counts as added."""
    left = step.equation.left
    signs: list[str] = []
    for place, token in enumerate(left):
        if token.kind == "number" and same(token.value) == value:
            before = left[place - 1].text if place else "+"
            following = left[place + 1].text if place + 1 < len(left) else ""
            signs.append(following if before == "+" and following in ("*", "/") else before)
    return signs


def _percent_as_number(quantities: Sequence[Quantity], steps: Sequence[Step]) -> bool:
    """Return whether a percentage enters a sum as a plain number: `50 + 20` for 20 % more."""
    percents = {same(each.value) for each in quantities if each.form == "percent"} - {100.0}
    return bool(percents) and any(
        set(step.equation.operators) <= {"+", "-"}
        and not percents.isdisjoint(step.operands)
        and 100.0 not in step.operands
        and all(token.kind != "percent" for token in step.equation.left)
        for step in steps
    )
