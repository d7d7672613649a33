"""Compares the units of the question with those of the answer: one that is asked for, two that need a conversion."""

import re

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding
from guardian_cluster.request.checks.quantities import same
from guardian_cluster.request.checks.unit_words import FAMILIES, unit_of, units_in

CHECK = "units"

CONVERSIONS: dict[frozenset[str], tuple[float, ...]] = {
    frozenset(("second", "minute")): (60.0,),
    frozenset(("minute", "hour")): (60.0,),
    frozenset(("hour", "day")): (24.0,),
    frozenset(("day", "week")): (7.0, 5.0, 6.0, 2.0),
    frozenset(("day", "month")): (30.0, 31.0, 28.0),
    frozenset(("week", "month")): (4.0,),
    frozenset(("week", "year")): (52.0,),
    frozenset(("day", "year")): (365.0,),
    frozenset(("month", "year")): (12.0,),
    frozenset(("inch", "foot")): (12.0,),
    frozenset(("foot", "yard")): (3.0,),
    frozenset(("cm", "m")): (100.0,),
    frozenset(("m", "km")): (1000.0,),
    frozenset(("cent", "dollar")): (100.0,),
    frozenset(("g", "kg")): (1000.0,),
    frozenset(("quart", "gallon")): (4.0,),
}
"""By how much two units differ; working days and weekends count as well."""

_NO_FAMILY: dict[str, str] = {}
_ASKED_IN = re.compile(r"\bin (?P<unit>[^\W\d_]{2,20})\b")
_HOW_MANY = re.compile(r"\bhow many (?P<unit>[^\W\d_]{2,20})\b")


def check(answered: Answered) -> Finding:
    """Return whether the answer ends in the unit that was asked for, and mixed units were converted."""
    asked = _asked(answered.question.asking)
    said = units_in(answered.last_line)
    family = next((each for each in FAMILIES if asked in each.values()), _NO_FAMILY)
    other = sorted((said & set(family.values())) - {asked}) if asked else []
    is_other = bool(other) and asked not in said
    pair = _unconverted(answered)
    features = {"asked": bool(asked), "other": is_other, "unconverted": pair is not None}
    detail = ""
    if is_other:
        detail = f"asked for in {asked}, and the answer ends in {other[0]}"
    elif pair:
        detail = f"the question speaks of {pair[0]} and {pair[1]}, and nothing is converted"
    return finding(CHECK, None if not asked and pair is None else not is_other, features, detail)


def _asked(asking: str) -> str | None:
    """Return the unit that the asking sentence names, as `how many hours` or `in km`."""
    for form in (_HOW_MANY, _ASKED_IN):
        for match in form.finditer(asking):
            unit = unit_of(match["unit"])
            if unit:
                return unit
    return None


def _unconverted(answered: Answered) -> tuple[str, str] | None:
    """Return two units of the question between which the calculation should go and does not."""
    units = answered.question.units
    if len(units) < 2 or not answered.steps:
        return None
    used = {value for step in answered.steps for value in step.operands}
    given = {same(each.value) for each in answered.question.quantities}
    for pair, factors in CONVERSIONS.items():
        if pair <= units and used.isdisjoint(factors) and given.isdisjoint(factors):
            first, second = sorted(pair)
            return first, second
    return None
