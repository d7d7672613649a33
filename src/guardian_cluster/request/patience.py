"""How long to wait for a model: for its first word, between its words, and in all."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from guardian_cluster.contract.snapshot import Timeouts
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed, DeadlineExceeded
from guardian_cluster.domain.request import UserRequest

TOLERANCE_S = 0.001
"""The event loop's time goes in milliseconds."""

SHARE = 0.5
"""Of the time that is left, for an attempt after which another endpoint could still be asked. Halves lose least
without knowing how long answers take: what takes less than half of all the time is neither cut off here nor
too late there."""


def first_limit_s(timeouts: Timeouts, left_s: float, *, streamed: bool, others: bool) -> float:
    """Return how long an attempt may take to begin, in seconds: a stream to its first content, a whole answer in all.

    `left_s` is the time until the deadline, `others` tells whether an endpoint could be asked after this one.
    A whole answer gives no sign of life before its end, so one that hangs is given up while there is time for
    another; the last one has all the time that is left.
    """
    limit_s = timeouts.first_token_s if streamed else timeouts.total_s
    return min(limit_s, SHARE * left_s) if others else limit_s


class Patience:
    """A timer around one attempt, and the sum of the time spent waiting.

    It runs only while the model is waited for: `pause` stops it while a batch is handled, `resume` starts it
    anew. One timer of the event loop serves a whole attempt: setting it anew for every batch, as
    `asyncio.timeout` does, takes 3 µs, so it is left to fire, and then looks whether the time is really over.

    Raises, on leaving:
        AttemptFailed: the model did not begin, or fell silent, for too long.
        DeadlineExceeded: the time for the whole request is over.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        request: UserRequest,
        deadline: float,
        clock: Clock,
        *,
        others: bool = False,
        stall_s: float | None = None,
        may_give_up: Callable[[], bool] = lambda: True,
    ) -> None:
        """Prepare the timer of an attempt.

        `others` tells whether another endpoint could be asked after this one; `stall_s` after how much silence
        between chunks, where `may_give_up` then says that another one can go on. Otherwise the specialist's own limit
        holds.
        """
        self.waited_s = 0.0
        longest_s = timeouts.between_chunks_s
        self._silence_s = longest_s if stall_s is None else min(stall_s, longest_s)
        self._may_give_up = may_give_up
        self._timeouts = timeouts
        self._request = request
        self._begun = False
        self._deadline = deadline
        self._clock = clock
        self._since = clock.monotonic()
        self._limit_s = first_limit_s(
            timeouts, deadline - self._since, streamed=request.streamed, others=others
        )
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
        task = self._task
        del self._task, self._may_give_up  # they hold whoever waits, who holds this
        # The timer's own cancellation ends here; one from outside, at the same time, goes on.
        if self._over and task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise self._late() from None

    def pause(self) -> None:
        """Stop the timer: the model has sent something, and what happens to it is not the model's time."""
        self._stop_clock()

    def resume(self, *, begun: bool) -> None:
        """Wait for the model again; `begun` tells that content has left, so that silence is what is timed."""
        self._since = self._clock.monotonic()
        self._waiting = True
        if begun:
            self._begun, self._limit_s = True, self._silence_s
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
        elif self._is_stall and now < self._last - TOLERANCE_S and not self._may_give_up():
            self._be_patient()
        else:
            self._over = True
            self._task.cancel()

    @property
    def _is_stall(self) -> bool:
        """Whether the limit that is over is one after which another endpoint goes on."""
        return self._begun and self._limit_s < self._timeouts.between_chunks_s

    def _be_patient(self) -> None:
        """Wait as long as the specialist may be silent: nobody can go on just here."""
        longest_s = self._timeouts.between_chunks_s
        self._due = min(self._due - self._limit_s + longest_s, self._last)
        self._limit_s = longest_s
        self._set(self._due)

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
            f"The model {what} for {self._limit_s:.3g} s.",
            code="upstream_timeout",
            status=504,
            again=False,  # what time is left is for those that do not hang
            rests=not (self._is_share and self._is_callers_time),
        )

    @property
    def _is_share(self) -> bool:
        """Whether the limit that applies leaves time to another endpoint, and is shorter for it."""
        longest_s = self._timeouts.first_token_s if self._request.streamed else self._timeouts.total_s
        return not self._begun and self._limit_s < longest_s

    @property
    def _is_callers_time(self) -> bool:
        """Whether the caller allows less than the operator; its impatience is no fault of the endpoint."""
        timeout_s = self._request.timeout_s
        return timeout_s is not None and timeout_s < self._timeouts.total_s
