"""Trains linear models over hashed places: logistic regression in pure Python."""

from array import array
from collections.abc import Collection, Sequence
from heapq import nlargest
from math import exp, sqrt
from typing import NamedTuple

from guardian_cluster.watcher.scoring.ngrams import PLACES, share

STEPS = 60
RATE = 0.05
"""Largest step of a weight; it falls to zero over the last third. A few small steps for all examples at once carried
over better to other sets than passes of AdaGrad, example by example, in most of the settings that were tried."""

SHRINK = 1e-5
"""Pull to zero."""

_MEAN, _SQUARE, _TINY = 0.9, 0.99, 1e-8


class Example(NamedTuple):
    """A text as the places of each of its segments, whether it is what is looked for, and how much it counts."""

    segments: Sequence[Collection[int]]
    positive: bool
    weight: float = 1.0


def trained(
    examples: Sequence[Example], *, pooled: int = 1, steps: int = STEPS, shrink: float = SHRINK
) -> "array[float]":
    """Return the weights, and last the level.

    The mean of the `pooled` strongest segments decides on a text, and only they learn. The weights of the examples
    add up to 1. One step for all examples at a time (Adam, Kingma and Ba 2015), so the same examples give the same
    weights.
    """
    weights, means, squares = (array("d", bytes(8 * (PLACES + 1))) for _ in range(3))
    used = sorted({place for example in examples for places in example.segments for place in places})
    used.append(PLACES)  # the level comes last
    for step in range(1, steps + 1):
        gradients = _gradients(weights, examples, pooled)
        rate = RATE * min(1.0, 3 * (steps - step + 1) / steps) * sqrt(1 - _SQUARE**step) / (1 - _MEAN**step)
        for place in used:
            gradient = gradients[place] + shrink * weights[place]
            means[place] = mean = _MEAN * means[place] + (1 - _MEAN) * gradient
            squares[place] = square = _SQUARE * squares[place] + (1 - _SQUARE) * gradient * gradient
            weights[place] -= rate * mean / (sqrt(square) + _TINY)
    return weights


def _gradients(weights: "array[float]", examples: Sequence[Example], pooled: int) -> list[float]:
    gradients = [0.0] * (PLACES + 1)
    read = weights.__getitem__
    for segments, positive, weight in examples:
        shares = [share(len(places)) for places in segments]
        sums = [
            (sum(map(read, places)) * each, at)
            for at, (places, each) in enumerate(zip(segments, shares, strict=True))
        ]
        strongest = nlargest(pooled, sums)
        evidence = weights[PLACES] + sum([one for one, _ in strongest]) / len(strongest)
        error = weight * (1 / (1 + exp(-max(-30.0, min(30.0, evidence)))) - positive)
        gradients[PLACES] += error
        for _, at in strongest:
            part = error * shares[at] / len(strongest)
            for place in segments[at]:
                gradients[place] += part
    return gradients


def balanced(groups: Sequence[Sequence[Example]]) -> list[Example]:
    """Return the examples of all groups: their weights add up to 1, both labels count the
    same in all, and within a label every group."""
    parts = [[one for one in group if one.positive == label] for label in (False, True) for group in groups]
    filled = [part for part in parts if part]
    shares = [sum(other[0].positive == part[0].positive for other in filled) for part in filled]
    return [
        one._replace(weight=1 / (2 * groups_alike * len(part)))
        for part, groups_alike in zip(filled, shares, strict=True)
        for one in part
    ]
