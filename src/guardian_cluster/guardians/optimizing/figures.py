"""Figures that proposals rest on: quantiles of what was seen, rounded so that equal findings make equal proposals."""

import math
from collections.abc import Iterable, Sequence

_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
"""Some 40 % apart. What is measured anew in each cycle differs a little each time, and would otherwise be another
proposal each time."""


def quantile(values: Sequence[float], share: float) -> float:
    """Return the least value that at least this share of them does not exceed. Raises ValueError for none."""
    if not values:
        raise ValueError("nothing has no quantile")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """Return the lower median. Raises ValueError for no value."""
    return quantile(values, 0.5)


def rounded_up(value: float) -> float:
    """Return the next number of 1, 1.5, 2, 3, 5, 7, 10, 15, ... that is not less; of what is not above 0, 0."""
    if value <= 0.0:
        return 0.0
    scale = 10.0 ** math.floor(math.log10(value))
    # 3 * 0.1 is a little more than 0.3, and is to be it all the same
    step = next(step for step in _STEPS if step * scale >= value * (1.0 - 1e-9))
    return float(f"{step * scale:.3g}")


def rounded_down(value: float) -> float:
    """Return the last number of the same series that is not more; of what is not above 0, 0."""
    if value <= 0.0:
        return 0.0
    scale = 10.0 ** math.floor(math.log10(value))
    step = max(step for step in _STEPS if step * scale <= value * (1.0 + 1e-9))
    return float(f"{step * scale:.3g}")


def share(hits: Iterable[bool]) -> float:
    """Return which share is true; 0 of nothing."""
    found = list(hits)
    return sum(found) / len(found) if found else 0.0
