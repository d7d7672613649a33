"""Decides whether a detector's scores come as they did before, and since when not.

Each score's place among those before it is a p-value; while nothing changes, the p-values are independent and uniform,
whatever the scores' distribution (Vovk, Nouretdinov, Gammerman, "Testing exchangeability on-line", ICML 2003). Bets
against that are e-values, and they are summed over all times at which a change may have begun: the Shiryaev-Roberts
procedure with conformal p-values (Vovk et al., "Retrain or not retrain", COPA 2021; Shin, Ramdas, Rinaldo,
"E-detectors", 2022). While nothing changes the mean of that sum is the number of scores; so the probability that n
scores bring a false alarm is at most n divided by the level at which it alarms.
"""

import math
from collections.abc import Iterable
from statistics import NormalDist
from typing import Literal, NamedTuple

from guardian_cluster.statistics.conformal import CAPACITY, RollingScores

SCORES_PER_FALSE_ALARM = 10_000.0

Change = Literal["higher", "lower", "wider", "narrower"]

_BETS: tuple[tuple[Change, float, float], ...] = (
    ("higher", 0.4, 1.0),
    ("lower", -0.4, 1.0),
    ("higher", 0.8, 1.0),
    ("lower", -0.8, 1.0),
    ("higher", 1.6, 1.0),
    ("lower", -1.6, 1.0),
    ("wider", 0.0, 1.6),
    ("narrower", 0.0, 0.6),
)
"""What a change may look like, as a mean and a deviation: where the p-values of scores as before have 0 and 1 once they
are written as places on the normal distribution. Scores need not be normal; a shift of 0.5 to 1 deviations is what is
to be found soon, and a detector that says the same of every text is `narrower`."""

_LEAST_P = 1e-12
_NORMAL = NormalDist()


class Drift(NamedTuple):
    """A change of what a detector says."""

    change: Change
    scores: int
    """Scores since it began, as far as can be told."""


class _Bet:
    """One sort of change: the evidence for it, and where it would have begun."""

    __slots__ = ("_constant", "_linear", "_since", "_square", "_straight", "change", "wealth")

    def __init__(self, change: Change, mean: float, deviation: float) -> None:
        # The density of the changed places over that of the old ones: its mean is 1 while nothing changes.
        spread = 2.0 * deviation * deviation
        self.change: Change = change
        self._constant = -math.log(deviation) - mean * mean / spread
        self._linear = 2.0 * mean / spread
        self._square = 0.5 - 1.0 / spread
        self.restart()

    def restart(self) -> None:
        self.wealth = 0.0
        self._straight, self._since = 1.0, 0

    def take(self, place: float) -> None:
        gain = math.exp(self._constant + place * (self._linear + place * self._square))
        self.wealth = (self.wealth + 1.0) * gain
        # Page's CUSUM beside it: the evidence for the likeliest beginning alone, which is what it is kept for.
        self._since = self._since + 1 if self._straight > 1.0 else 1
        self._straight = max(self._straight, 1.0) * gain

    def drift(self) -> Drift:
        return Drift(self.change, self._since)


class DriftDetector:
    """Watches the scores of one detector on one kind of traffic; 5 µs a score, and 16 bytes for each remembered.

    `earlier` are scores to compare with; without any it learns what is usual as it goes, and promises the same.
    A change that comes before some 200 scores were seen is found late or not at all: nothing is known yet. One so slow
    that `memory` scores pass meanwhile is not found either.
    """

    def __init__(
        self,
        earlier: Iterable[float] = (),
        *,
        memory: int = CAPACITY,
        scores_per_false_alarm: float = SCORES_PER_FALSE_ALARM,
    ) -> None:
        if memory < 1 or not 1.0 <= scores_per_false_alarm < math.inf:
            raise ValueError(f"no drift can be found with {memory} scores, {scores_per_false_alarm} an alarm")
        self._memory = memory
        self._level = scores_per_false_alarm * len(_BETS)
        self._bets = tuple(_Bet(*bet) for bet in _BETS)
        self._scores = RollingScores(2 * memory)
        for score in earlier:
            self._scores.add(score)
        self._scores.keep_newest(memory)

    def take(self, score: float, chance: float) -> Drift | None:
        """Take in the next score and say whether the last ones differ from those before; then it begins anew.

        `chance` is uniform between 0 and 1, and new for each score. Raises ValueError for a score that is no number.
        """
        if len(self._scores) == 2 * self._memory:
            # In one go and with the evidence set back: while old scores slip out one by one, p-values would not be
            # independent of each other.
            self._begin_with(self._memory)
        p_value = min(max(self._scores.p_value(score, chance), _LEAST_P), 1.0 - _LEAST_P)
        self._scores.add(score)
        place = -_NORMAL.inv_cdf(p_value)
        for bet in self._bets:
            bet.take(place)
        if self.evidence() < 1.0:
            return None
        found = max(self._bets, key=lambda bet: bet.wealth).drift()
        self._begin_with(0)
        return found

    def evidence(self) -> float:
        """Return how far it is to an alarm, which comes at 1."""
        return sum([bet.wealth for bet in self._bets]) / self._level

    def _begin_with(self, count: int) -> None:
        self._scores.keep_newest(count)
        for bet in self._bets:
            bet.restart()
