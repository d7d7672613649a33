"""Decides between which bounds a mean lies of values from 0 to 1: exactly for marks of 0 and 1, safely for others."""

import math
from collections.abc import Sequence

from guardian_cluster.statistics.intervals import CONFIDENCE, Interval, share_interval

_HALVINGS = 40


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return where the true mean lies of independent values from 0 to 1: all of 0 to 1 for none.

    Where all are 0 or 1 it is the exact interval of a share. Otherwise it holds every mean that the observed one does
    not speak against by Hoeffding's first inequality (Hoeffding, JASA 1963, theorem 1), which holds for values of
    any distribution: it covers with the confidence or more, and is some 1.4 times as wide as that of marks would be.
    """
    if all(value in (0.0, 1.0) for value in values):
        return share_interval(int(sum(values)), len(values), confidence)
    mean, most = min(max(math.fsum(values) / len(values), 0.0), 1.0), math.log(2.0 / (1.0 - confidence))
    reach = most / len(values)
    return Interval(_bound(mean, 0.0, reach), _bound(mean, 1.0, reach))


def _bound(mean: float, end: float, reach: float) -> float:
    """Return the value farthest from the mean, on its way to an end, whose divergence is within reach."""
    near, far = mean, end
    for _ in range(_HALVINGS):
        middle = (near + far) / 2.0
        near, far = (middle, far) if _divergence(mean, middle) <= reach else (near, middle)
    return far


def _divergence(observed: float, true: float) -> float:
    """Return the Kullback-Leibler divergence of two coins, in nats."""
    if true in (0.0, 1.0):
        return 0.0 if observed == true else math.inf
    heads = observed * math.log(observed / true) if observed > 0.0 else 0.0
    tails = (1.0 - observed) * math.log((1.0 - observed) / (1.0 - true)) if observed < 1.0 else 0.0
    return heads + tails
