"""How long to wait for a model: for its first word, between its words, and in all."""

import asyncio
from types import TracebackType
from typing import Self

from guardian_cluster.contract.snapshot import Timeouts
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed, DeadlineExceeded
from guardian_cluster.domain.request import UserRequest

TOLERANCE_S = 0.001
"""The event loop's time goes in milliseconds."""


class Patience:
    """A timer around one attempt, and the sum of the time spent waiting.

    It runs only while the model is waited for: `pause` stops it while a batch is handled, `resume` starts it
    anew. One timer of the event loop serves a whole attempt: setting it anew for every batch, as
    `asyncio.timeout` does, takes 3 µs, so it is left to fire, and then looks whether the time is really over.

    Raises, on leaving:
        AttemptFailed: the model did not begin, or fell silent, for too long.
        DeadlineExceeded: the time for the whole request is over.
    """

    def __init__(self, timeouts: Timeouts, request: UserRequest, deadline: float, clock: Clock) -> None:
        self.waited_s = 0.0
        self._timeouts = timeouts
        self._limit_s = timeouts.first_token_s if request.streamed else timeouts.total_s
        self._begun = False
        self._deadline = deadline
        self._clock = clock
        self._since = clock.monotonic()
        self._waiting = True
        self._over = False
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._last = now + deadline - self._since
        self._due = min(now + self._limit_s, self._last)

    async def __aenter__(self) -> Self:
        task = asyncio.current_task(self._loop)
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._set(self._due)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._waiting:
            self._stop_clock()
        # The timer's own cancellation ends here; one from outside, at the same time, goes on.
        if self._over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise self._late() from None

    def pause(self) -> None:
        """Stop the timer: the model has sent something, and what happens to it is not the model's time."""
        self._stop_clock()

    def resume(self, *, begun: bool) -> None:
        """Wait for the model again; `begun` tells that content has left, so that silence is what is timed."""
        self._since = self._clock.monotonic()
        self._waiting = True
        if begun:
            self._begun, self._limit_s = True, self._timeouts.between_chunks_s
            self._due = min(self._loop.time() + self._limit_s, self._last)
            if self._due < self._looks_at:
                self._timer.cancel()
                self._set(self._due)

    def so_far_s(self) -> float:
        """Return the time spent waiting, the wait that goes on included."""
        return self.waited_s + (self._clock.monotonic() - self._since if self._waiting else 0.0)

    def _set(self, at: float) -> None:
        self._looks_at = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        """End the wait if it is over, else look again when it may be."""
        now = self._loop.time()
        if not self._waiting:
            self._set(now + self._limit_s)
        elif now < self._due - TOLERANCE_S:
            self._set(self._due)
        else:
            self._over = True
            self._task.cancel()

    def _stop_clock(self) -> None:
        self.waited_s += self._clock.monotonic() - self._since
        self._waiting = False

    def _late(self) -> AttemptFailed | DeadlineExceeded:
        if self._clock.monotonic() >= self._deadline - TOLERANCE_S:
            return DeadlineExceeded(
                "The time for this request is over; allow more, or ask for a shorter answer.",
                should_retry=False,
            )
        what = "fell silent" if self._begun else "did not begin to answer"
        return AttemptFailed(
            f"The model {what} for {self._limit_s:g} s.", code="upstream_timeout", status=504
        )
