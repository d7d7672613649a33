"""Decides what may be said of a mean at any time while outcomes come in, whatever they depend on.

The bound holds at all times at once: a mixture of the supermartingales of Fan's inequality, the empirical-Bernstein
confidence sequence of Howard, Ramdas, McAuliffe, Sekhon (Annals of Statistics 2021), as used for logged decisions by
Waudby-Smith, Wu, Ramdas, Karampatziakis, Mineiro (2022). It bounds the mean over the outcomes seen so far, so whatever
makes them may change meanwhile, and nothing need be identically distributed.
"""

import math

CONFIDENCE = 0.95
_STAKES = tuple(0.9 * 0.5**power for power in range(9))
"""Of the mixture, between 0 and 1: small ones win where there is much variance, large ones where there is little."""
NO_CLAIM = -1.0
"""The bound as long as nothing is known: rewards lie between 0 and 1, so no difference is lower."""


class LowerBound:
    """A lower confidence bound of the mean of outcomes that are never below `-reach`; all it keeps are sums."""

    def __init__(self, reach: float, confidence: float = CONFIDENCE) -> None:
        if not (0.0 < reach < math.inf and 0.0 < confidence < 1.0):
            raise ValueError(f"a bound needs a reach and a confidence, not {reach} and {confidence}")
        self.reach = reach
        self._needed = math.log(1.0 / (1.0 - confidence))
        self.count = 0
        self.total = 0.0
        self._spread = 0.0

    def add(self, outcome: float) -> None:
        """Take in the next outcome. Raises ValueError for one below `-reach`."""
        if not -self.reach * (1.0 + 1e-9) <= outcome < math.inf:
            raise ValueError(
                f"an outcome of {outcome} is outside of what was announced ({-self.reach} or more)"
            )
        # Centred on the mean before it: a difference of rewards lies between -1 and 1, so no outcome falls deeper
        # than one reach more.
        centre = max(-1.0, min(1.0, self.mean()))
        self.count += 1
        self.total += outcome
        self._spread += ((outcome - centre) / (self.reach + 1.0)) ** 2

    def mean(self) -> float:
        """Return the plain mean so far."""
        return self.total / self.count if self.count else 0.0

    def value(self) -> float:
        """Return the bound; with the confidence it was never above the mean of the true means, at any time."""
        if not self.count:
            return NO_CLAIM
        low, high = 0.0, self._needed + math.log(len(_STAKES)) + self._spread
        high = max(high, 1.0) / _STAKES[-1]
        for _ in range(40):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self._evidence(middle) < self._needed else (low, middle)
        return max(NO_CLAIM, (self.total - (self.reach + 1.0) * high) / self.count)

    def _evidence(self, excess: float) -> float:
        """Return the logarithm of the mixture's wealth if the sum were this far above its mean."""
        terms = [stake * excess + (math.log1p(-stake) + stake) * self._spread for stake in _STAKES]
        top = max(terms)
        return top + math.log(sum(math.exp(term - top) for term in terms) / len(terms))
