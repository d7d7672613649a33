"""How likely an endpoint answers what it is given, from how its last attempts ended."""

from math import exp, log

SHARE = 0.05
"""Of each attempt: the last twenty."""

CONTENT_SHARE = 0.2
"""Of a failure after content, which takes a client its answer."""

FAILURE_SHARE = 0.2
"""Of each failure in the time that one takes."""

USUAL_SHARE = 0.01
"""Of each attempt in the long run."""

IDLE_TAU_S = 20.0
HOPE = 0.5
"""How far the estimate returns above the long run, of what is missing to 1: one that failed much may be mended, and
would never be asked to show it."""

CONTENT_COUNTS = 2.0
"""Failures that one after content counts for in a row."""

SURPRISING = 5.3
"""Nats (odds of 1 to 200) from which a row of failures is no chance: two in a row of an endpoint that never fails, five
of one that fails in 30 %. A count alone would throw out the second, whose capacity is needed."""

SCALE = 2.0
MOST_SURPRISE = 20.0
LEAST = 0.001
"""Bounds how much a row takes off the estimate: what only fails stays comparable with what only hangs."""

FIRST_REST_S = 0.5
LONGEST_REST_S = 30.0
"""A row counts for a time that doubles with each failure in it; then one attempt at a time may show that it is over."""


class Success:
    """The share of attempts that end well, of one endpoint."""

    __slots__ = (
        "_odds",
        "_share",
        "_surprise",
        "_tried_at",
        "_usual",
        "failure_s",
        "failures",
        "rests_until",
    )

    def __init__(self) -> None:
        self.failures = 0
        """In a row."""
        self.failure_s = 0.0
        """How long a failure takes, over the last five."""
        self.rests_until = 0.0
        """Monotonic time until which the row counts."""
        self._share = self._usual = 1.0
        self._tried_at = 0.0
        self._odds = self._surprise = 0.0

    def note_success(self, now: float) -> None:
        """Take an answer that came to its end."""
        if self._share < 1.0 or self._usual < 1.0:
            self._share = self._lifted(now)
            self._share += SHARE * (1.0 - self._share)
            self._usual += USUAL_SHARE * (1.0 - self._usual)
        self._tried_at = now
        if self.failures:
            self.failures, self._surprise, self.rests_until = 0, 0.0, 0.0

    def note_failure(self, now: float, took_s: float = 0.0, *, after_content: bool) -> None:
        """Take a failure that was the endpoint's fault, and took so long."""
        self.failure_s += (FAILURE_SHARE if self.failure_s else 1.0) * (took_s - self.failure_s)
        # What was hoped for while nobody asked did not come true: the share is what it was before.
        self._tried_at = now
        if not self.failures:
            self._odds = -log(1.0 - min(0.98, max(0.02, self._share)))
        self._share *= 1.0 - (CONTENT_SHARE if after_content else SHARE)
        self._usual *= 1.0 - USUAL_SHARE
        self.failures += 1
        self._surprise += self._odds * (CONTENT_COUNTS if after_content else 1.0)
        # Bounded before it is raised to: 2 ** 1024, an endpoint that is down for long, is no float any more.
        self.rests_until = now + min(FIRST_REST_S * 2 ** min(self.failures, 16), LONGEST_REST_S)

    def note_late(self) -> None:
        """Take a failure that says no more than that the endpoint has much to do."""
        self.failures += 1

    def estimate(self, now: float, in_flight: int) -> float:
        """Return how likely the next attempt ends well, above 0 and up to 1."""
        if self._share > 0.98 and self._surprise <= SURPRISING:
            return self._share
        share = self._share if in_flight else self._lifted(now)
        if self._surprise > SURPRISING and (now < self.rests_until or in_flight):
            share *= exp((SURPRISING - min(self._surprise, MOST_SURPRISE)) / SCALE)
        return share if share > LEAST else LEAST

    def is_on_trial(self) -> bool:
        """Return whether its last attempts failed in a row that is no chance."""
        return self._surprise > SURPRISING

    def allow_trial(self, now: float) -> None:
        """Let an attempt show now whether the row is over: something else said so."""
        self.rests_until = min(self.rests_until, now)

    def _lifted(self, now: float) -> float:
        """Return the share as it is after a time in which nobody asked."""
        idle_s = now - self._tried_at
        hoped = self._usual + HOPE * (1.0 - self._usual)
        if idle_s < 1.0 or hoped <= self._share:
            return self._share
        return hoped - (hoped - self._share) * exp(-idle_s / IDLE_TAU_S)
