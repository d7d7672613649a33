"""Decides how much evidence is gathered a day, in requests: what a bound in requests means in days."""

import math

import msgspec

_DAY_S = 86_400.0
_MEMORY_S = 3.0 * _DAY_S
_LONGEST_GAP_S = 3_600.0
"""Of a longer pause so much counts: then there are rather too many a day, which alarms later, not sooner."""

_START = 10_000.0
"""Requests of a first day that was not seen."""


class Traffic(msgspec.Struct):
    """Counts requests over the time that passes from one to the next; clocks that jump add nothing.

    A request of which only some signals are known, in some places, has as much of a bet as they have weight.
    """

    requests: float = _START
    bets: float = _START
    seconds: float = _DAY_S
    latest: float = -math.inf

    def add(self, at: float) -> None:
        """Count a request that began at this time."""
        self.requests += 1.0
        if at < self.latest - _LONGEST_GAP_S or self.latest == -math.inf:
            self.latest = at
        elif at > self.latest:
            self.seconds += min(at - self.latest, _LONGEST_GAP_S)
            self.latest = at
        if self.seconds > _MEMORY_S:
            self.requests, self.bets, self.seconds = self.requests / 2.0, self.bets / 2.0, self.seconds / 2.0

    def bet(self, weight: float) -> None:
        """Count a bet of this weight; all bets on one request are 1 together, at most."""
        self.bets += weight

    @property
    def per_day(self) -> float:
        """Requests a day."""
        return self.requests * _DAY_S / self.seconds

    @property
    def bets_per_day(self) -> float:
        """Whole bets a day: the number by which evidence grows in the mean."""
        return self.bets * _DAY_S / self.seconds
