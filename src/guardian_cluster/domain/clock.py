"""The time, passed in: logic never asks the machine for it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one to measure with, one to date things with."""

    def monotonic(self) -> float:
        """Return seconds that only grow, for durations."""
        ...

    def now(self) -> float:
        """Return Unix time in seconds, for records."""
        ...


class SystemClock:
    """The machine's clocks."""

    # Not methods of our own: a request asks for the time a dozen times, and as many calls take a microsecond.
    monotonic = staticmethod(time.monotonic)
    now = staticmethod(time.time)  # noqa: TID251  the one place that may ask


class ManualClock:
    """A clock that moves only when told to: the in-memory twin for tests and simulations."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._time = start

    def monotonic(self) -> float:
        """Return the time it was moved to."""
        return self._time

    def now(self) -> float:
        """Return the time it was moved to."""
        return self._time

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._time += seconds
