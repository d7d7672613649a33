"""What is known of an endpoint: its pace, its success, its room, and what it has not answered yet."""

from math import inf

from guardian_cluster.request.balancing.breaker import Breaker
from guardian_cluster.request.balancing.concurrency import ConcurrencyLimit
from guardian_cluster.request.balancing.pace import Pace
from guardian_cluster.request.balancing.quantile import Quantile
from guardian_cluster.request.balancing.rates import Rates
from guardian_cluster.request.balancing.success import Success

FIT_SUCCESS = 0.25
"""The success below which those of the next tier are asked first."""

UNFIT_TIMES = 8.0
LEAST_UNFIT_S = 2.0
"""How many times the usual an answer takes, and how long at least, where those of the next tier are asked first."""

PEAK_KEPT = 0.998
"""Of the most requests under way, with each that begins: the last five hundred."""

FAILING_AFTER = 3
"""Failures in a row after which an endpoint is reported as failing; two happen by chance in any deployment."""


class EndpointHealth:
    """The state of one endpoint; times are monotonic."""

    __slots__ = (
        "breaker",
        "gaps",
        "in_flight",
        "is_deaf",
        "limit",
        "not_before",
        "peak",
        "rates",
        "streamed",
        "success",
        "whole",
    )

    def __init__(self) -> None:
        self.in_flight = 0
        self.not_before = 0.0
        """Until when it asked to be left alone."""
        self.is_deaf = False
        """Whether it did not answer the last probe."""
        self.success = Success()
        self.streamed = Pace()
        self.whole = Pace()
        self.limit = ConcurrencyLimit()
        self.rates = Rates()
        self.breaker = Breaker()
        self.gaps = Quantile(0.99, 0.05)
        """Of the silences between the pieces of its streamed answers."""
        self.peak = 0.0
        """The most requests that were under way lately."""

    def note_load(self, now: float) -> None:
        """Note that an attempt begins, which is counted in flight already."""
        self.breaker.arrived(now)
        self.peak = max(self.in_flight, self.peak * PEAK_KEPT)

    def forgive(self, now: float) -> None:
        """Forget what is held against it: failures, refusals, pauses and silences. Its usual pace stays known."""
        self.not_before, self.is_deaf = 0.0, False
        self.success, self.limit = Success(), ConcurrencyLimit()
        self.breaker.readmit()
        self.streamed.come_back(now)
        self.whole.come_back(now)

    def pace(self, *, streamed: bool) -> Pace:
        """Return its pace for a kind of answer."""
        return self.streamed if streamed else self.whole

    def is_fit(self, now: float, *, streamed: bool) -> bool:
        """Return whether it is asked before those that stand in for it: it mostly answers, in its usual time."""
        if self.success.estimate(now, self.in_flight) < FIT_SUCCESS:
            return False
        pace = self.streamed if streamed else self.whole
        bound_s = max(LEAST_UNFIT_S, UNFIT_TIMES * pace.usual.value) if pace.samples else inf
        return pace.expected_s(now) <= bound_s and pace.silence_s(now) <= bound_s

    def has_spare_capacity(self, now: float, *, streamed: bool) -> bool:
        """Return whether it answers as fast as ever: a request more makes nobody wait there."""
        pace = self.streamed if streamed else self.whole
        if pace.is_queueing() or self.success.is_on_trial():
            return False
        return not pace.samples or pace.expected_s(now) <= 2.0 * pace.usual.value

    def capacity_per_s(self) -> float:
        """Return how many requests a second it can surely answer: what it did, or twice that where nobody waited."""
        pace = self.streamed if self.streamed.samples > self.whole.samples else self.whole
        if not pace.samples or self.success.is_on_trial():
            return 0.0
        at_once = max(self.peak, 2.0) / max(pace.long_run_s, 0.001)
        return at_once if pace.is_queueing() else 2.0 * at_once
