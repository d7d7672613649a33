"""After which silence a second endpoint is asked as well: the time that one answer in twenty takes."""

from guardian_cluster.request.balancing.quantile import Quantile

LATE = 0.95
STEP = 0.05
"""About the last forty answers count most."""

LEAST_SAMPLES = 20
"""One in twenty is a guess before so many answers."""

LEAST_S = 0.05
"""Whoever answers faster than this is not waited for long enough to be worth a second question."""


class Lateness:
    """The time after which an answer is late, of one specialist and one kind of answer: all its endpoints together.

    Of an endpoint's own times it would be late for a slow endpoint only when another had answered twice.
    """

    __slots__ = ("_quantile", "_samples")

    def __init__(self) -> None:
        self._quantile = Quantile(LATE, STEP)
        self._samples = 0

    def add(self, took_s: float) -> None:
        """Take the time of one answer."""
        self._quantile.add(took_s)
        self._samples += 1

    def late_s(self) -> float | None:
        """Return the time; `None` where too little is known."""
        if self._samples < LEAST_SAMPLES:
            return None
        return max(LEAST_S, self._quantile.value)
