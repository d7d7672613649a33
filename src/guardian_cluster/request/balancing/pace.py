"""How fast an endpoint answers now, how fast it usually does, and what each request under way adds to that.

All attempts that have not answered yet count from the moment they begin: by Little's law the time to an answer is the
time that all of them waited together over the number of answers. So an endpoint that slows down or falls silent is
known by its silence, before it has answered (with a mean of the times of answers alone, by the time they take then).
"""

from math import exp

from guardian_cluster.request.balancing.quantile import Quantile

SHARE = 0.1
"""Of each answer in what is expected now: the last ten. Half of it lets chance decide less, and faults last longer."""

LOAD_SHARE = 0.1
"""Of each answer in what a request under way adds."""

LONG_RUN_SHARE = 0.01
"""Of each answer in the long run."""

IDLE_TAU_S = 10.0
"""In which what is expected of an endpoint that nobody asks returns to the long run, so that it is asked again."""

LATE_TIMES = 2.5
LEAST_LATE_S = 0.5
"""A silence says something where it is this many times the usual, and this long: of log-normal times of which one in
a hundred takes 2.8 times the mean, the oldest of twenty under way is often twice as old."""

QUEUE_TIMES = 1.6
"""The recent median over the usual fast answer (the 30th percentile) from which requests wait for one another there."""

MOST_TIMES = 20.0
"""Bounds what is expected of an endpoint that let all wait in vain, in times of the long run: it is tried again after
some 20 s of quiet, however many waited and however long."""


class Pace:
    """The time to an answer, in seconds, of one endpoint and one kind of answer: streamed, to first content, or whole.

    Times are monotonic. Everything is 0 until the first answer.
    """

    __slots__ = (
        "_answers",
        "_changed_at",
        "_exposure_s",
        "_load",
        "_load_s",
        "_trial_s",
        "answered_at",
        "long_run_s",
        "median",
        "samples",
        "since",
        "usual",
        "waiting",
    )

    def __init__(self) -> None:
        self.samples = 0
        self.answered_at = 0.0
        self.long_run_s = 0.0
        self.median = Quantile(0.5, 0.1)
        """Of the last twenty answers."""
        self.usual = Quantile(0.3, 0.01)
        """What a fast answer takes in the long run."""
        self.since: dict[object, float] = {}
        """Attempts under way, each with the time of its last sign of life; the most silent first."""
        self.waiting = 0
        """Attempts without an answer so far."""
        self._exposure_s = 0.0
        self._answers = 0.0
        self._changed_at = 0.0
        self._load_s = 0.0
        self._load = 0.0
        self._trial_s = 0.0

    def begin(self, attempt: object, now: float) -> None:
        """Note that an attempt begins."""
        if not self.waiting and self.samples:
            # The first since all was quiet is on trial: until it has answered, what was feared before still holds.
            expected_s = self.expected_s(now)
            is_feared = expected_s < 0.7 * self._exposure_s / self._answers
            self._trial_s = expected_s if is_feared else 0.0
        self._exposure_s += self.waiting * (now - self._changed_at)
        self._changed_at = now
        self.waiting += 1
        self.since[attempt] = now

    def heard(self, attempt: object, now: float) -> None:
        """Note a sign of life."""
        del self.since[attempt]
        self.since[attempt] = now

    def come_back(self, now: float) -> None:
        """Expect the usual again: it was silent, and is known to answer. What is under way counts from now on."""
        self._exposure_s = min(self._exposure_s, self.long_run_s * self._answers)
        self._changed_at = now
        self._trial_s = 0.0
        self.since = dict.fromkeys(self.since, now)

    def leave(self, now: float) -> None:
        """Note that one attempt waits no more, with an answer or without; see `answered`."""
        self._exposure_s += self.waiting * (now - self._changed_at)
        self._changed_at = now
        self.waiting -= 1
        if not self.waiting:
            self._exposure_s = min(self._exposure_s, MOST_TIMES * self.long_run_s * self._answers)

    def answered(self, took_s: float, in_flight: int, now: float) -> None:
        """Take the time of an attempt that has left with an answer, and begun as one of so many `in_flight`."""
        if self._trial_s:
            self._exposure_s = 0.5 * (self._trial_s + took_s) * self._answers
            self._trial_s = 0.0
        self.samples += 1
        self.answered_at = now
        fresh = 1.0 / self.samples
        kept = 1.0 - max(SHARE, 1.0 / (self.samples + 1))
        self._exposure_s *= kept
        self._answers = (self._answers + 1.0) * kept
        self.long_run_s += max(LONG_RUN_SHARE, fresh) * (took_s - self.long_run_s)
        share = max(LOAD_SHARE, fresh)
        self._load_s += share * (took_s * in_flight - self._load_s)
        self._load += share * (in_flight * in_flight - self._load)
        self.median.add(took_s)
        self.usual.add(took_s)

    def expected_s(self, now: float) -> float:
        """Return the time to an answer that is to be expected now."""
        if not self._answers:
            return 0.0
        idle_s = now - self._changed_at
        if self.waiting:
            return (self._exposure_s + self.waiting * idle_s) / self._answers
        expected_s = self._exposure_s / self._answers
        if idle_s < 1.0:
            return expected_s
        kept = exp(-idle_s / IDLE_TAU_S)
        return expected_s * kept + self.long_run_s * (1.0 - kept)

    def added_s(self) -> float:
        """Return what each request under way adds to the time of all: least squares of times over requests under way.

        That is the time of one answer over how many are worked on at once, or, while nothing tells how many that may
        be, over how many are.
        """
        return self._load_s / self._load if self._load else 0.0

    def is_queueing(self) -> bool:
        """Return whether requests wait there for one another."""
        return self.median.value > QUEUE_TIMES * self.usual.value

    def silence_s(self, now: float) -> float:
        """Return how long the most silent attempt has been so, where that is long for this endpoint; else 0."""
        for since in self.since.values():
            silent_s = now - since
            is_late = silent_s > LEAST_LATE_S and silent_s > LATE_TIMES * self.long_run_s
            return silent_s if is_late else 0.0
        return 0.0
