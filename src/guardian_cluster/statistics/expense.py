"""Decides what an answer will cost, from the list price and the bills so far.

Measured on recorded bills of four models (five-fold): up to half of the variance of a bill's logarithm can be told
from the words of the request, and at a tight budget to know it is worth as much as to know who answers well.
"""

import math
from array import array
from collections.abc import Mapping
from operator import itemgetter, mul
from typing import NamedTuple

from guardian_cluster.statistics.hashing import DENSE_NAMES, Features

BUCKETS = 1 << 14
"""A quarter of what success is learned in: costs vary with the kind of a request, not with its single words."""

_MASK = BUCKETS - 1

PRIOR_BILLS = 3.0
"""How many bills the list price weighs against: one alone is off by a factor of two on average."""

_RATE = 0.1
_FLOOR = 0.01
_SURPRISE = 1.0
"""The most a bill's logarithm teaches: a factor of e; the rest is the tail's, and the next bill's to show."""
_SLOWEST = 0.02
_MEMORY = 0.8
"""Weight of the past when it is judged whether bills err to one side (Trigg and Leach, 1967): about five bills."""
_ONE_SIDED = 0.7
"""Of the errors' size, so much on one side: three bills in a row that are off by a factor of three."""


class Expectation(NamedTuple):
    """What is expected of a bill."""

    cost_usd: float
    bills: int
    """How many bills of this arm were seen."""


class _Weights:
    """A linear model of hashed words and plain measurements, learned with AdaGrad (Duchi et al. 2011)."""

    __slots__ = ("dense", "dense_scale", "scales", "weights")

    def __init__(self) -> None:
        self.weights = array("f", bytes(4 * BUCKETS))
        self.scales = array("f", bytes(4 * BUCKETS))
        self.dense = [0.0] * len(DENSE_NAMES)
        self.dense_scale = [0.0] * len(DENSE_NAMES)

    def score(self, features: Features, places: tuple[int, ...]) -> float:
        plain = sum(map(mul, self.dense, features.dense))
        if len(places) < 2:
            return plain
        return plain + sum(itemgetter(*places)(self.weights)) / math.sqrt(len(places))

    def step(self, features: Features, places: tuple[int, ...], error: float) -> None:
        for place, value in enumerate(features.dense):
            slope = error * value
            self.dense_scale[place] += slope * slope
            self.dense[place] -= _RATE * slope / math.sqrt(_FLOOR + self.dense_scale[place])
        if len(places) < 2:
            return
        slope = error / math.sqrt(len(places))
        square, weights, scales = slope * slope, self.weights, self.scales
        for place in places:
            scales[place] += square
            weights[place] -= _RATE * slope / math.sqrt(_FLOOR + scales[place])


class _Arm(_Weights):
    """What is particular to one arm: its level against the list price, and how its bills err of late."""

    __slots__ = ("billed", "bills", "error", "expected", "level", "size")

    def __init__(self) -> None:
        super().__init__()
        self.bills = 0
        self.level = 0.0
        self.error = 0.0
        self.size = 0.1
        self.billed = self.expected = 1.0


class ExpenseModel:
    """Learns the ratio of an arm's bills to its list price, from words that all arms share and from its own.

    What the list says changes at once; a price that changed without a word is taken over within a few bills:
    errors that all lie on one side raise the rate at which the arm's level follows.
    """

    def __init__(self) -> None:
        self._shared = _Weights()
        self._arms: dict[str, _Arm] = {}

    def estimate(self, arm: str, features: Features, list_usd: float) -> Expectation:
        """Return what an answer of `arm` will cost on average; the list price as long as there is no bill."""
        return self.estimates({arm: list_usd}, features)[arm]

    def estimates(self, list_usd: Mapping[str, float], features: Features) -> dict[str, Expectation]:
        """Return the same for several arms by their list prices; what they share is computed once."""
        places = _places(features)
        shared = self._shared.score(features, places)
        found: dict[str, Expectation] = {}
        for name, usd in list_usd.items():
            arm = self._arms.get(name)
            if arm is None or not arm.bills:
                found[name] = Expectation(usd, 0)
                continue
            told = arm.level + shared + arm.score(features, places) + math.log(arm.billed / arm.expected)
            told *= arm.bills / (arm.bills + PRIOR_BILLS)
            found[name] = Expectation(usd * math.exp(max(-12.0, min(12.0, told))), arm.bills)
        return found

    def learn(self, arm: str, features: Features, list_usd: float, bill_usd: float) -> None:
        """Take in a bill; one of nothing teaches nothing. Raises ValueError for amounts that are none."""
        if not (0.0 < list_usd < math.inf and 0.0 <= bill_usd < math.inf):
            raise ValueError(f"bill and list price are amounts, not {bill_usd} and {list_usd}")
        if not bill_usd:
            return
        known = self._arms.setdefault(arm, _Arm())
        ratio = max(-12.0, min(12.0, math.log(bill_usd) - math.log(list_usd)))
        known.bills += 1
        if known.bills == 1:
            known.level = ratio
        score = self._score(known, features)
        jumped = self._follow(known, score - ratio)
        # The mean of a bill lies above the exponential of its logarithm's mean: what is missing is made good here.
        keep = 0.5 if jumped else 0.98
        known.billed = keep * known.billed + min(math.exp(ratio - score), 20.0 if not jumped else 1.0)
        known.expected = keep * known.expected + 1.0
        error = max(-_SURPRISE, min(_SURPRISE, self._score(known, features) - ratio))
        if not jumped:
            self._shared.step(features, _places(features), error)
            known.step(features, _places(features), error)

    def _follow(self, arm: _Arm, error: float) -> bool:
        """Move an arm's level towards a bill and return whether it jumped: a new price, not another text."""
        bounded = max(-1.0, min(1.0, error))  # so that no single bill looks like a row of them
        arm.error = _MEMORY * arm.error + (1.0 - _MEMORY) * bounded
        arm.size = _MEMORY * arm.size + (1.0 - _MEMORY) * abs(bounded)
        jumped = arm.bills > 5 and abs(arm.error) > _ONE_SIDED * arm.size and abs(error) > 1.0
        rate = 0.5 if jumped else max(1.0 / arm.bills, _SLOWEST)
        arm.level -= rate * (error if jumped else max(-_SURPRISE, min(_SURPRISE, error)))
        return jumped

    def _score(self, arm: _Arm, features: Features) -> float:
        places = _places(features)
        return arm.level + self._shared.score(features, places) + arm.score(features, places)


def _places(features: Features) -> tuple[int, ...]:
    return tuple([bucket & _MASK for bucket in features.buckets])
