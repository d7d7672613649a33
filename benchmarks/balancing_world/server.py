"""A simulated endpoint: so many answers at once, a queue for the rest, and what is wrong with it."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp

from benchmarks.balancing_world.mixes import SIGMA, STILL_LISTS, Place
from guardian_cluster.domain.errors import AttemptFailed

FAST_FAILURE_S = 0.05
RETRY_AFTER_S = 1.0
LIMIT_S = 2.0
"""A rate limit lets through in one moment what it lets through in this time."""

FIRST_CONTENT = 0.25
"""Of a streamed answer's time: its first content comes after this share, the rest in as long pieces."""

BROKEN = AttemptFailed("The endpoint failed.", code="upstream_error", upstream_status=500)
LIMITED = AttemptFailed("The endpoint is busy.", code="upstream_rate_limited", upstream_status=429)
PAUSED = AttemptFailed(
    "The endpoint is busy.", code="upstream_rate_limited", upstream_status=429, retry_after_s=RETRY_AFTER_S
)

Schedule = Callable[[float, Callable[[], None]], None]
"""Calls something at a time."""


@dataclass(eq=False, slots=True)
class Work:
    """One attempt as the endpoint sees it. Its ears are called until it has ended or nobody listens any more."""

    share: float
    """Of a whole answer that is wanted."""
    on_content: Callable[[], None]
    on_end: Callable[[], None]
    on_failure: Callable[[AttemptFailed], None]
    streamed: bool = False
    is_over: bool = False
    has_slot: bool = False


@dataclass(eq=False, slots=True)
class Server:
    """One endpoint at work."""

    place: Place
    rng: random.Random
    schedule: Schedule
    in_service: int = 0
    queue: deque[Work] = field(default_factory=lambda: deque[Work]())
    stuck: set[Work] = field(default_factory=lambda: set[Work]())
    at_work: set[Work] = field(default_factory=lambda: set[Work]())
    hung: bool = False
    lists_models: bool = True
    """Whether it answers a probe."""
    slowness: float = 1.0
    error: float = 0.0
    late_error: float = 0.0
    cut: float = 0.0
    most: float = 1e9
    allowed: float = 0.0
    """Requests per second, where there is such a limit."""
    allowance: float = 0.0
    counted_at: float = 0.0
    refusals: tuple[AttemptFailed, ...] = (BROKEN,)
    """What it says where it fails at once."""

    def look(self, now: float) -> None:
        """Take the faults of this time; one that began to hang leaves all that it had without an answer."""
        was_hung = self.hung
        self.hung, self.slowness, self.error, self.late_error, self.cut = False, 1.0, 0.0, 0.0, 0.0
        self.most, self.allowed, self.lists_models = 1e9, 0.0, True
        for fault in self.place.faults:
            if fault.holds(now):
                self._suffer(fault.kind, fault.size)
        if self.hung and not was_hung:
            self.stuck |= self.at_work | set(self.queue)
        if was_hung and not self.hung:
            self._restart()

    def _suffer(self, kind: str, size: float) -> None:
        if kind == "hang":
            self.hung, self.lists_models = True, size == STILL_LISTS
        elif kind == "slow":
            self.slowness = size
        elif kind in ("late_error", "cut"):
            setattr(self, kind, size)
        elif kind == "overloaded":
            self.most = size
        elif kind == "rate_limited":
            self.allowed = size * self.place.slots / self.place.mean_s
        else:
            self.error = 1.0 if kind in ("refuse", "flap") else size
            self.lists_models = kind == "error"
            self.refusals = (BROKEN, LIMITED) if kind == "error" else (BROKEN,)

    def _restart(self) -> None:
        """Come back with nothing to do; who waits for an answer from before never gets one."""
        for work in self.stuck:
            work.has_slot = False
        self.stuck.clear()
        self.at_work.clear()
        self.queue.clear()
        self.in_service = 0

    def submit(self, work: Work, now: float) -> None:
        """Take an attempt."""
        if self.hung:
            self.stuck.add(work)
        elif self.error and self.rng.random() < self.error:
            refusal = self.rng.choice(self.refusals)
            self.schedule(now + FAST_FAILURE_S, lambda: self._refuse(work, refusal))
        elif self.allowed and not self._lets_through(now):
            self.schedule(now + FAST_FAILURE_S, lambda: self._refuse(work, PAUSED))
        elif self.in_service >= self.most:
            self.schedule(now + FAST_FAILURE_S, lambda: self._refuse(work, LIMITED))
        elif self.in_service < self.place.slots:
            self._serve(work, now)
        else:
            self.queue.append(work)

    def left_allowance(self, now: float) -> float:
        """Return how many requests its rate limit lets through now."""
        return min(LIMIT_S * self.allowed, self.allowance + (now - self.counted_at) * self.allowed)

    def _lets_through(self, now: float) -> bool:
        self.allowance, self.counted_at = self.left_allowance(now), now
        if self.allowance < 1.0:
            return False
        self.allowance -= 1.0
        return True

    def _refuse(self, work: Work, refusal: AttemptFailed) -> None:
        if not work.is_over:
            self._leave(work)
            work.on_failure(refusal)

    def _serve(self, work: Work, now: float) -> None:
        self.in_service += 1
        work.has_slot = True
        self.at_work.add(work)
        normal = self.rng.gauss(0.0, SIGMA)
        took_s = self.place.mean_s * self.slowness * work.share * exp(normal - SIGMA * SIGMA / 2)
        if self.cut and self.rng.random() < self.cut:
            self._stream(work, now, took_s, pieces=2)
            self.schedule(now + took_s * 0.6, lambda: self._break(work))
            return
        pieces = round(1 / FIRST_CONTENT) - 1 if work.streamed else 0
        self._stream(work, now, took_s, pieces)
        is_late_error = self.late_error and self.rng.random() < self.late_error
        over = self._break if is_late_error else self._end
        self.schedule(now + took_s, lambda: over(work))

    def _stream(self, work: Work, now: float, took_s: float, pieces: int) -> None:
        if work.streamed:
            for number in range(1, pieces + 1):
                self.schedule(now + took_s * FIRST_CONTENT * number, lambda: self._say(work))

    def _say(self, work: Work) -> None:
        if not work.is_over and work not in self.stuck and work.has_slot:
            work.on_content()

    def _break(self, work: Work) -> None:
        if not work.is_over and work not in self.stuck and work.has_slot:
            self._leave(work)
            work.on_failure(BROKEN)

    def _end(self, work: Work) -> None:
        if not work.is_over and work not in self.stuck and work.has_slot:
            self._leave(work)
            work.on_end()

    def cancel(self, work: Work) -> None:
        """Stop an attempt that nobody waits for any more."""
        if not work.is_over:
            self._leave(work)

    def _leave(self, work: Work) -> None:
        work.is_over = True
        self.stuck.discard(work)
        self.at_work.discard(work)
        if work.has_slot:
            work.has_slot = False
            self.in_service -= 1

    def next_in_line(self, now: float) -> None:
        """Give free slots to those that wait."""
        while self.queue and self.in_service < self.place.slots and not self.hung:
            work = self.queue.popleft()
            if not work.is_over:
                self._serve(work, now)
