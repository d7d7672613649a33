"""Decides whether a change may make requests dearer than they may be."""

import math
from collections.abc import Iterator

from guardian_cluster.contract.snapshot import Base, Price
from guardian_cluster.domain.improvement import Concern, Improvement, ParameterChange, SettingChange
from guardian_cluster.guardians.reviewing.paths import Value, number, place_of, variant_of

RULE = "cost"

MOST_RATIO = 1.25
"""Times what a request costs now, which it may be expected to cost then."""

LONGER = 2.0
"""Times that the bound of an answer's tokens may become in one step."""

_CEILINGS = frozenset(
    {"max_cost_usd", "usd_per_request", "budget_usd_per_month", "mistake_usd", "second_usd"}
)
_BOUNDS = frozenset({"max_tokens", "max_completion_tokens"})
_PRICES = frozenset({"input_usd", "output_usd"})


def dearer(improvement: Improvement, base: Base) -> Iterator[Concern]:
    """Yield why requests may cost more than they may."""
    yield from (Concern(rule=RULE, said=said) for said in _said(improvement, base))
    ratio = improvement.cost_ratio
    if not 0.0 <= ratio <= MOST_RATIO:
        yield Concern(rule=RULE, said=f"a request is expected to cost {ratio:.2f} times what it costs")


def _said(improvement: Improvement, base: Base) -> Iterator[str]:
    match improvement.change:
        case SettingChange(path=path, before=before, after=after):
            name = place_of(path, base).key.rpartition(".")[2]
            if name in _CEILINGS and _rises(before, after):
                yield f"{path[:120]} is a ceiling of what requests may cost, and would rise"
            if name in _PRICES and before != after:
                yield f"{path[:120]} is a price, by which every ceiling of cost is watched"
            yield from _dearer_stand_ins(path, before, after, base)
        case ParameterChange(specialist=own, name=name, after=after) if name in _BOUNDS:
            longest = _longest(own, improvement.parent, base)
            if _number(after) > LONGER * longest or (after is None and longest < math.inf):
                yield f"answers may have {'any number of' if after is None else after} tokens, and cost as much"
        case _:
            return


def _dearer_stand_ins(path: str, before: Value, after: Value, base: Base) -> Iterator[str]:
    """Yield which specialists would answer in this one's place, and cost more than a request may."""
    place = place_of(path, base)
    if place.kind != "specialist" or place.key not in ("fallback", "equals") or not isinstance(after, tuple):
        return
    prices = {each.name: each.price for each in base.specialists}
    own = prices.get(place.name, Price())
    new = [name for name in after if not (isinstance(before, tuple) and name in before)]
    for name in new:
        if name in prices and _is_dearer(prices[name], own):
            yield f"{name[:64]} costs more than {MOST_RATIO:g} times what {place.name} costs"


def _is_dearer(other: Price, own: Price) -> bool:
    pairs = ((other.input_usd, own.input_usd), (other.output_usd, own.output_usd))
    return any(not price <= MOST_RATIO * now for price, now in pairs)


def _longest(specialist: str, parent: str, base: Base) -> float:
    """Return how many tokens the variant's answers may have so far, by whichever request field bounds them."""
    variant = variant_of(specialist, parent, base)
    known = [] if variant is None else [_number(variant.parameters.get(name)) for name in _BOUNDS]
    return min(known, default=math.inf)


def _rises(before: Value, after: Value) -> bool:
    return _number(after) > _number(before)


def _number(value: Value) -> float:
    """Return a limit; `None` and what is no number bound nothing."""
    found = number(value)
    return math.inf if found is None or math.isnan(found) else float(found)
