"""Decides between which bounds a share lies that was counted: exactly, from binomial tails."""

import math
from typing import NamedTuple

CONFIDENCE = 0.95

_NEGLIGIBLE = 1e-17
"""Of a sum: further terms, which fall faster than a geometric series, would not change a float."""

_HALVINGS = 60
"""Until an interval between 0 and 1 is as narrow as floats are."""


class Interval(NamedTuple):
    """Two bounds, both included."""

    low: float
    high: float


def at_least(hits: int, of: int, probability: float) -> float:
    """Return how likely `hits` or more of so many independent trials succeed.

    Raises ValueError for a probability outside of 0 to 1, or fewer than no trials.
    """
    if not 0.0 <= probability <= 1.0 or of < 0:
        raise ValueError(f"there are no {of} trials of a probability of {probability}")
    if hits <= 0 or hits > of:
        return float(hits <= 0)
    if probability in (0.0, 1.0):
        return probability
    if hits > of * probability:
        return _tail(hits, of, probability)
    return 1.0 - _tail(of - hits + 1, of, 1.0 - probability)


def _tail(hits: int, of: int, probability: float) -> float:
    """Return the sum of the binomial terms from `hits` up, which lie above the mean and so fall."""
    log_term = (
        math.lgamma(of + 1)
        - math.lgamma(hits + 1)
        - math.lgamma(of - hits + 1)
        + hits * math.log(probability)
        + (of - hits) * math.log1p(-probability)
    )
    term = total = math.exp(log_term)
    odds = probability / (1.0 - probability)
    while hits < of and term > _NEGLIGIBLE * total:
        term *= odds * (of - hits) / (hits + 1)
        total += term
        hits += 1
    return min(1.0, total)


def beta_quantile(share: float, hits: int, others: int) -> float:
    """Return the value that a Beta variable with these two whole parameters, at least 1, stays below with `share`.

    It is the probability at which `hits` or more of `hits + others - 1` trials succeed with a chance of `share`.
    """
    if hits < 1 or others < 1 or not 0.0 < share < 1.0:
        raise ValueError(f"a Beta variable has no quantile {share} for the parameters {hits} and {others}")
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if at_least(hits, hits + others - 1, middle) < share else (low, middle)
    return (low + high) / 2.0


def share_interval(hits: int, of: int, confidence: float = CONFIDENCE) -> Interval:
    """Return where the true share lies when `hits` of so many independent cases had it: all of 0 to 1 for no case.

    Clopper, Pearson (Biometrika 1934): it covers the true share with the confidence or more for every share, where
    intervals from the normal distribution do not when few or nearly all have it.
    """
    if not 0 <= hits <= of or not 0.0 < confidence < 1.0:
        raise ValueError(f"{hits} of {of} is no share, or {confidence} no confidence")
    doubt = (1.0 - confidence) / 2.0
    low = beta_quantile(doubt, hits, of - hits + 1) if hits else 0.0
    high = beta_quantile(1.0 - doubt, hits + 1, of - hits) if hits < of else 1.0
    return Interval(low, high)
