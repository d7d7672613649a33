"""Leaves out an endpoint that is dead, as long as the others can carry the load.

The cost makes a dead endpoint dear enough by itself; this adds that nobody is given to it at all, and that operators
are told. A textbook breaker, five failures in a row or half of a window, throws out what is only slow or fails in part,
and costs 4 to 16 points of goodput where capacity is short (docs/design/balancing.md).
"""

from math import exp, sqrt

REMEMBERED = 0.98
"""Of what was counted before, with each attempt: the last fifty."""

Z = 1.645
"""The failure rate is above its bound with 95 %."""

DEAD_RATE = 0.9
LEAST_FAILURES = 15.0
"""Fewer cannot reach that rate with that confidence."""

SILENT_TIMES = 10.0
LEAST_SILENT_S = 5.0
"""A silence of ten times the usual, and of so many seconds: one that is five times as slow as before is not dead."""

RATE_TAU_S = 20.0
"""In which an attempt is forgotten in the rate at which they come."""

HEADROOM = 1.2
"""How many times the present traffic the others must be able to carry."""

FIRST_OPEN_S = 5.0
LONGEST_OPEN_S = 15.0
LEAST_OPEN_S = 1.0
"""Doubled with each trial that failed. Longer costs more than the trials do: what came back is missed."""


class Breaker:
    """Whether one endpoint is left out; half open, it is given one attempt at a time."""

    __slots__ = (
        "_arrivals",
        "_arrived_at",
        "_attempts",
        "_failures",
        "_lost",
        "_trips",
        "is_ejected",
        "opens_at",
    )

    def __init__(self) -> None:
        self.is_ejected = False
        self.opens_at = 0.0
        """Monotonic time from which an ejected one is half open."""
        self._arrivals = 0.0
        self._arrived_at = 0.0
        self._attempts = self._failures = 0.0
        self._trips = 0
        self._lost = 0
        """Attempts under way that were given up when it came back: a trial may go beside them."""

    def arrived(self, now: float) -> None:
        """Count an attempt that begins."""
        self._arrivals = self._arrivals * exp((self._arrived_at - now) / RATE_TAU_S) + 1.0
        self._arrived_at = now

    def arriving_per_s(self, now: float) -> float:
        """Return how many attempts begin in a second, lately."""
        return self._arrivals * exp((self._arrived_at - now) / RATE_TAU_S) / RATE_TAU_S

    def note(self, *, failed: bool) -> None:
        """Count an attempt that ended."""
        self._attempts = self._attempts * REMEMBERED + 1.0
        self._failures = self._failures * REMEMBERED + failed

    def is_shut(self, now: float, in_flight: int) -> bool:
        """Return whether nothing is given to it: it is ejected, and neither half open nor without a trial under way."""
        return self.is_ejected and (now < self.opens_at or in_flight > self._lost)

    def is_failing(self) -> bool:
        """Return whether nearly all attempts surely fail."""
        return self._failures > LEAST_FAILURES and self.failure_bound() > DEAD_RATE

    def failure_bound(self) -> float:
        """Return the share of failures that is surely reached (Wilson's score interval)."""
        count = self._attempts
        if not count:
            return 0.0
        share, square = self._failures / count, Z * Z
        spread = sqrt(max(0.0, share * (1.0 - share) / count + square / (4.0 * count * count)))
        return (share + square / (2.0 * count) - Z * spread) / (1.0 + square / count)

    def eject(self, now: float, since: float | None = None) -> None:
        """Leave it out: for longer each time that a trial failed, counted from when that began."""
        self.is_ejected = True
        self._trips += 1
        self._lost = 0
        open_s = min(FIRST_OPEN_S * 2 ** min(self._trips - 1, 16), LONGEST_OPEN_S)
        self.opens_at = max((now if since is None else since) + open_s, now + LEAST_OPEN_S)

    def half_open(self, now: float, lost: int = 0) -> None:
        """Let one attempt try, beside so many that are `lost`: a probe that costs nothing was answered."""
        self.opens_at = min(self.opens_at, now)
        self._lost = lost

    def readmit(self) -> None:
        """Note that a trial was answered: nothing that was counted before holds any more."""
        self.is_ejected = False
        self._trips = self._lost = 0
        self._attempts = self._failures = 0.0


def is_silent(silence_s: float, usual_s: float) -> bool:
    """Return whether an endpoint has been silent for so long that it is dead, for one that usually takes so long."""
    return silence_s > LEAST_SILENT_S and silence_s > SILENT_TIMES * usual_s


def may_eject(remaining_per_s: float, arriving_per_s: float) -> bool:
    """Return whether those that remain carry the load."""
    return remaining_per_s >= HEADROOM * arriving_per_s
