"""How many requests an endpoint takes at once, learned from what it refuses because it has too many.

It shrinks only where the load explains the refusal: all that began at or above a number under way were refused, and
more than once. A server that refuses a share of everything, whatever its load, would be shut out otherwise (measured:
9 to 38 points of goodput). What becomes slow under load is left to the cost, which makes it dearer and never empty.
"""

from math import inf

REFUSALS = 6
"""Before it shrinks: of an endpoint that refuses 30 % at random as many in a row come once in 1,400 times."""

REFUSED_SHARE = 0.8
"""Of what began at that height since."""

GROWTH = 0.03
"""For each answer of a request that filled it: some thirty of them try one more, which may cost six refusals."""

FORGOTTEN_AFTER_S = 30.0
"""Without a refusal nothing is limited any more."""


class ConcurrencyLimit:
    """The requests that one endpoint may have at once."""

    __slots__ = ("_began", "_floor", "_refusals", "_refused_at", "most")

    def __init__(self) -> None:
        self.most = inf
        self._floor = 0
        """The least number under way with which one was refused; 0 is none lately."""
        self._began = 0
        """At the floor or above, since it is where it is."""
        self._refusals = 0
        self._refused_at = 0.0

    def began(self, in_flight: int) -> None:
        """Note that an attempt began as one of so many."""
        if self._floor and in_flight >= self._floor:
            self._began += 1

    def took(self, in_flight: int, now: float) -> None:
        """Note that the endpoint answers an attempt that had begun as one of so many."""
        if self._floor and in_flight >= self._floor:
            self._floor = self._began = self._refusals = 0
        if self.most == inf:
            return
        if now - self._refused_at > FORGOTTEN_AFTER_S:
            self.most = inf
        elif in_flight >= self.most - 1.0:
            self.most = max(self.most + GROWTH, float(in_flight))

    def refused(self, in_flight: int, now: float) -> None:
        """Note that it refused, for its load, an attempt that had begun as one of so many."""
        if in_flight < 2:  # nothing of ours was there: it is not our load
            return
        self._refused_at = now
        if not self._floor or in_flight < self._floor:
            self._floor, self._began, self._refusals = in_flight, 1, 0
        self._refusals += 1
        if self._refusals >= REFUSALS and self._refusals >= REFUSED_SHARE * self._began:
            self.most = max(1.0, min(self.most, self._floor - 1.0))
            self._floor = self._began = self._refusals = 0
