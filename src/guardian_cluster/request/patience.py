"""How long to wait for a model: for its first word, between its words, and in all."""

import asyncio
from types import TracebackType
from typing import Self

from guardian_cluster.contract.snapshot import Timeouts
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed, DeadlineExceeded
from guardian_cluster.domain.request import UserRequest


class Patience:
    """A timer around one attempt, and the sum of the time spent waiting.

    It runs only while the model is waited for: `pause` stops it while a batch is handled, `resume` starts it anew. One timer serves
    a whole attempt.

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
        self._timeout = asyncio.timeout(min(self._limit_s, deadline - self._since))
        self._waiting = True

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._waiting:
            self._stop_clock()
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise self._late() from None

    def pause(self) -> None:
        """The model has sent something; what happens to it is not the model's time."""
        self._stop_clock()
        if self._begun:  # before that, handling takes microseconds and the timer may as well run on
            self._timeout.reschedule(None)

    def resume(self, *, begun: bool) -> None:
        """Wait for the model again; `begun` tells that content has left, so that silence is what is timed."""
        self._since = self._clock.monotonic()
        self._waiting = True
        if begun:
            self._begun, self._limit_s = True, self._timeouts.between_chunks_s
            left_s = min(self._limit_s, self._deadline - self._since)
            self._timeout.reschedule(asyncio.get_running_loop().time() + left_s)

    def _stop_clock(self) -> None:
        self.waited_s += self._clock.monotonic() - self._since
        self._waiting = False

    def _late(self) -> AttemptFailed | DeadlineExceeded:
        if self._clock.monotonic() >= self._deadline - 0.001:
            return DeadlineExceeded(
                "The time for this request is over; allow more, or ask for a shorter answer.",
                should_retry=False,
            )
        what = "fell silent" if self._begun else "did not begin to answer"
        return AttemptFailed(
            f"The model {what} for {self._limit_s:g} s.", code="upstream_timeout", status=504
        )
