"""Decides from which score on a detector alarms, so that it alarms on as many harmless texts as was asked.

Split conformal prediction (Papadopoulos, Proedrou, Vovk, Gammerman, ECML 2002; Vovk, Gammerman, Shafer, "Algorithmic
Learning in a Random World", 2005; Angelopoulos, Bates, "A Gentle Introduction to Conformal Prediction", 2021): of
scores of harmless texts and of the next one, every order is equally likely. So the next one is above the m-th highest
of n with the probability m / (n + 1), whatever the detector and however its scores are distributed. That needs
texts that come as the next ones will: a threshold from other traffic promises nothing.
"""

import math
from array import array
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from guardian_cluster.statistics.intervals import CONFIDENCE, Interval, at_least, beta_quantile

CAPACITY = 2_000
"""Scores that are remembered by default: at 10 % asked, 19 of 20 thresholds then realise 8.7 to 11.3 %. With 400 it
is 7.2 to 13.1 %."""

_ROUNDING = 1e-9
"""5 % of 100 is 5 also where floats say a little less."""


class Threshold(NamedTuple):
    """From which score on a detector alarms, and what that was decided on."""

    value: float
    """It alarms above; infinite where there are too few examples to promise what was asked."""
    tie_share: float
    """How often it alarms on exactly this score, where texts of equal score cannot be told apart otherwise.

    A detector that says the same of every text realises what was asked by this alone, as a die would: where nobody is
    helped by alarms at random, leave it unused and have fewer than asked.
    """
    rank: int
    """It is the so-many-th highest of the examples; 0 where there are too few."""
    examples: int

    @property
    def rate(self) -> float:
        """The false-alarm rate to be expected, over calibrations and texts: at most what was asked."""
        return self.rank / (self.examples + 1)

    @property
    def realised(self) -> Interval:
        """Where this very threshold's own rate lies with a confidence of 95 %; it is fixed, and not known."""
        return rate_interval(self.examples, self.rank) if self.rank else Interval(0.0, 0.0)

    def alarms(self, score: float, chance: float = 1.0) -> bool:
        """Return whether a score is an alarm; a score that is no number is.

        `chance` decides ties: uniform between 0 (included) and 1, new for each text, as from a hash of a request's
        name, so that the same request always ends the same. Without one, ties never alarm.
        """
        return not score <= self.value or (score == self.value and chance < self.tie_share)


def threshold(scores: Sequence[float], asked: float) -> float:
    """Return the score above which at most the asked share of harmless texts lies; infinity where that needs more.

    It promises no more than `calibrated`, which also says what becomes of ties.
    """
    return calibrated(scores, asked).value


def calibrated(
    scores: Sequence[float], asked: float, *, slack: float | None = None, doubt: float = 0.05
) -> Threshold:
    """Return the threshold at which harmless texts alarm as often as was asked, from scores of such texts.

    Without `slack` the promise is for the mean over calibrations: P(alarm) is at most `asked`, and more than
    `asked - 1 / (n + 1)`, with ties or without (Vovk's smoothed p-values). With `slack` it is for the one at hand: the
    rate of its own is above `asked + slack` in at most a share of `doubt` of all calibrations (Vovk, "Conditional
    validity of inductive conformal predictors", ACML 2012), to which end ties never alarm.

    Raises ValueError for scores that are no numbers, and for shares outside of 0 to 1.
    """
    _check(scores, asked)
    count = len(scores)
    rank = rank_for(count, asked)
    if slack is not None:
        rank = min(rank, careful_rank(count, asked + slack, doubt))
    if rank < 1:
        return Threshold(math.inf, 0.0, 0, count)
    ordered = sorted(scores)
    value = ordered[count - rank]
    above = count - bisect_right(ordered, value)
    ties = count - above - bisect_left(ordered, value)
    share = (rank - above) / (ties + 1) if slack is None else 0.0
    return Threshold(value, share, rank, count)


def _check(scores: Sequence[float], asked: float) -> None:
    if not 0.0 < asked < 1.0:
        raise ValueError(f"a false-alarm rate lies between 0 and 1: {asked}")
    if any(map(math.isnan, scores)):
        raise ValueError("a score that is no number cannot be compared with others")


def rank_for(examples: int, asked: float) -> int:
    """Return the highest how-many-th score may be the threshold; 0 where there are too few examples."""
    return math.floor((examples + 1) * asked + _ROUNDING)


def careful_rank(examples: int, most: float, doubt: float) -> int:
    """Return the highest rank whose threshold realises more than `most` in at most a share of `doubt` of all cases.

    Raises ValueError for a share outside of 0 to 1.
    """
    if not (0.0 < most < 1.0 and 0.0 < doubt < 1.0):
        raise ValueError(f"a rate and a doubt lie between 0 and 1, not {most} and {doubt}")
    low, high = 0, examples
    while low < high:
        middle = (low + high + 1) // 2
        is_safe = at_least(middle, examples, most) >= 1.0 - doubt
        low, high = (middle, high) if is_safe else (low, middle - 1)
    return low


def rate_interval(examples: int, rank: int, confidence: float = CONFIDENCE) -> Interval:
    """Return where the rate of a threshold lies that is the `rank`-th highest of so many scores.

    Over all calibrations it is a Beta variable with the parameters `rank` and `examples + 1 - rank`, where no scores
    are equal; where some are, and `tie_share` decides, it varies less.
    """
    doubt = (1.0 - confidence) / 2.0
    others = examples + 1 - rank
    return Interval(beta_quantile(doubt, rank, others), beta_quantile(1.0 - doubt, rank, others))


def chance_within(examples: int, asked: float, points: float) -> float:
    """Return how likely a threshold from so many examples realises the asked rate to within `points`, 0.02 for two.

    No method that knows the scores alone, and nothing of their distribution, does much better: the deviation is
    sqrt(asked * (1 - asked) / examples).
    """
    rank = rank_for(examples, asked)
    if rank < 1:
        return float(asked <= points)
    low, high = max(0.0, asked - points), min(1.0, asked + points)
    return at_least(rank, examples, high) - at_least(rank, examples, low)


class RollingScores:
    """The newest scores of one detector on one kind of traffic, kept in order of arrival and of size.

    A million scores a day cost no more than their newest `capacity`: 16 bytes each.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            raise ValueError(f"{capacity} scores are none to calibrate on")
        self.capacity = capacity
        self._arrived: deque[float] = deque()
        self._ordered: array[float] = array("d")

    def __len__(self) -> int:
        return len(self._ordered)

    def add(self, score: float) -> None:
        """Take in one more, and forget the oldest where there is no more room. Raises ValueError for no number."""
        if math.isnan(score):
            raise ValueError("a score that is no number cannot be compared with others")
        if len(self._arrived) == self.capacity:
            del self._ordered[bisect_left(self._ordered, self._arrived.popleft())]
        self._arrived.append(score)
        insort(self._ordered, score)

    def keep_newest(self, count: int) -> None:
        """Forget all but so many."""
        self._arrived = deque(list(self._arrived)[max(0, len(self._arrived) - count) :])
        self._ordered = array("d", sorted(self._arrived))

    def values(self) -> tuple[float, ...]:
        """Return the scores, the oldest first."""
        return tuple(self._arrived)

    def p_value(self, score: float, chance: float) -> float:
        """Return where a score stands among those remembered: 0 is above all, 1 below.

        For a score that comes as those before it did it is uniform, where `chance` is uniform between 0 and 1.
        """
        below_or_equal = bisect_right(self._ordered, score)
        above = len(self._ordered) - below_or_equal
        ties = below_or_equal - bisect_left(self._ordered, score)
        return (above + chance * (ties + 1)) / (len(self._ordered) + 1)

    def threshold(self, asked: float, *, slack: float | None = None, doubt: float = 0.05) -> Threshold:
        """Return the threshold of what is remembered, as `calibrated` does."""
        return calibrated(self._ordered, asked, slack=slack, doubt=doubt)
