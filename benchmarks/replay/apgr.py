"""What routing between a weak and a strong model is worth: APGR and CPT as RouteLLM (arXiv 2406.18665) defines them.

PGR is the part of the quality gap between the two that a router recovers. Asking the strong model for the k
questions with the highest scores gives one PGR for each k; APGR is the area under PGR over k/n, CPT the smallest
share k/n that recovers a given PGR. Both are exact at every k; RouteLLM's own program takes ten quantiles.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Curve:
    """What a router recovers with each share of strong calls."""

    recovered: tuple[float, ...]
    """PGR with 0, 1, ... n strong calls; 0 and 1 at its ends, above 1 where the weak model was the better one."""

    @property
    def apgr(self) -> float:
        """The area under the curve by trapezia; about 0.5 for a router that knows nothing."""
        inner = sum(self.recovered) - (self.recovered[0] + self.recovered[-1]) / 2
        return inner / (len(self.recovered) - 1)

    def cpt(self, recovered: float) -> float:
        """Return the smallest share of strong calls, in per cent, that recovers so much of the gap."""
        first = next(k for k, value in enumerate(self.recovered) if value >= recovered - 1e-12)
        return 100.0 * first / (len(self.recovered) - 1)


def curve(scores: Sequence[float], weak: Sequence[float], strong: Sequence[float]) -> Curve:
    """Return the curve of a router that asks the strong model where its score is highest.

    Questions of equal score count as asked for in every order: each has their mean gain.
    Raises ValueError without questions or where the strong model is not the better one.
    """
    gains = [right - left for left, right in zip(weak, strong, strict=True)]
    gap = sum(gains)
    if gap <= 0:
        raise ValueError("the strong model must be the better one, else there is no gap to recover")
    return Curve((0.0, *accumulate(gain / gap for gain in _in_order(scores, gains))))


def _in_order(scores: Sequence[float], gains: Sequence[float]) -> list[float]:
    groups: dict[float, list[float]] = {}
    for score, gain in zip(scores, gains, strict=True):
        groups.setdefault(score, []).append(gain)
    ordered: list[float] = []
    for score in sorted(groups, reverse=True):
        group = groups[score]
        ordered += [sum(group) / len(group)] * len(group)
    return ordered


def folds(rows: int, count: int, seed: int) -> list[int]:
    """Return the number of each row's fold: folds of equal size, drawn by a seed."""
    numbers = [row % count for row in range(rows)]
    random.Random(seed).shuffle(numbers)
    return numbers
