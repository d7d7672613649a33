"""Decides how far a learner's estimate of one request is believed against an arm's plain record."""

import math
from typing import NamedTuple

PRIOR_SUCCESS = 0.9
PRIOR_PER_DECADE = 0.04
"""A specialist ten times dearer is at first taken to be right in four of a hundred more: its price is all that is
known of it, and a weak sign."""
PRIOR_VERDICTS = 20.0
"""Verdicts that outweigh what the price says."""

PRIOR_SKILL = 0.5
PRIOR_SKILL_WEIGHT = 0.2
"""The learner's deviations from an arm's mean are at first believed by half, until it was held against verdicts
with deviations of .1 about twenty times."""
MAX_SKILL = 1.2


class Appraisal(NamedTuple):
    """What is expected of an arm on one request."""

    success: float
    verdicts: int
    deviation: float
    """By how much the learner's own estimate differs from the arm's mean."""


class Appraiser:
    """Shrinks a learner's estimates to the arm's mean by the skill that they have shown.

    Skill is the slope of outcomes on predictions, both against the arm's mean, over verdicts that were not yet
    learned when predicted (stacked regression, Wolpert 1992; Breiman 1996). A learner that only memorises noise
    gets a slope near 0, and then the arms' means decide: nobody does worse than without it for long.
    """

    def __init__(self) -> None:
        self._verdicts: dict[str, int] = {}
        self._sums: dict[str, float] = {}
        self._shared = PRIOR_SKILL * PRIOR_SKILL_WEIGHT
        self._square = PRIOR_SKILL_WEIGHT

    @property
    def skill(self) -> float:
        """How much of the learner's deviations is believed: 0 nothing."""
        return max(0.0, min(MAX_SKILL, self._shared / self._square))

    def appraise(self, arm: str, learned: float, dearness: float) -> Appraisal:
        """Return what to expect of an arm; `dearness` is its list price as a multiple of the usual one."""
        verdicts = self._verdicts.get(arm, 0)
        mean = self._mean(arm, verdicts, dearness)
        deviation = 0.0
        if verdicts:
            # A learner that has seen little of an arm has not yet come to its mean, and would seem to find it bad.
            known = verdicts / (verdicts + PRIOR_VERDICTS)
            deviation = known * (learned - (self._sums[arm] + 1.0) / (verdicts + 1.0))
        return Appraisal(max(0.0, min(1.0, mean + self.skill * deviation)), verdicts, deviation)

    def learn(self, arm: str, deviation: float, label: float) -> None:
        """Take in the verdict of an answer that was appraised with this deviation."""
        verdicts = self._verdicts.get(arm, 0)
        if verdicts > 5:
            surprise = label - self._sums[arm] / verdicts
            self._shared += deviation * surprise
            self._square += deviation * deviation
        self._verdicts[arm] = verdicts + 1
        self._sums[arm] = self._sums.get(arm, 0.0) + label

    def _mean(self, arm: str, verdicts: int, dearness: float) -> float:
        prior = PRIOR_SUCCESS + PRIOR_PER_DECADE * math.log10(max(1e-3, min(1e3, dearness)))
        total = self._sums.get(arm, 0.0) + PRIOR_VERDICTS * min(prior, 1.0)
        return total / (verdicts + PRIOR_VERDICTS)
