"""A race of two attempts: a second one is begun when the first is late, and whoever has something to say first stays.

The tail at scale: asking a second server after the 95th percentile of the usual time cuts the slowest answers for
a few per cent more work (Dean and Barroso, Communications of the ACM 56(2), 2013). Who may be asked, and within
which budget, is the Load Balancer's to say.
"""

import asyncio
from collections.abc import Callable

from guardian_cluster.domain.errors import AttemptFailed, GuardianError
from guardian_cluster.request.attempt import Attempt
from guardian_cluster.request.floor import Floor


class Race:
    """Runs one attempt, and a second beside it where the first is late; one of them speaks, the other is ended."""

    def __init__(
        self, first: Attempt, floor: Floor, after_s: float, begin_second: Callable[[], Attempt | None]
    ) -> None:
        """Prepare the race; `begin_second` is called once after `after_s` without content, and may decline."""
        self._first = first
        self._floor = floor
        self._after_s = after_s
        self._begin_second = begin_second
        self._second: asyncio.Task[GuardianError | None] | None = None
        self._runs = True
        self._overtaken = False
        self._winner: object | None = None

    async def run(self) -> None:
        """Return when the answer has left.

        Raises:
            GuardianError: that of the last attempt that was left in the race.
        """
        self._task = task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._after_s, self._hedge)
        self._floor.on_won = self._won
        try:
            await self._run_first()
        finally:
            self._floor.on_won = None
            self._timer.cancel()
            await self._end_second()

    async def _run_first(self) -> None:
        assert self._task is not None
        try:
            await self._first.run()
        except AttemptFailed as failure:
            self._runs = False
            self._timer.cancel()
            if self._second is None or self._winner is self._first or not failure.elsewhere:
                raise
            await self._go_on_with_second()
        except asyncio.CancelledError:
            self._runs = False
            if not self._overtaken or self._task.uncancel() > self._cancelling:
                raise
            await self._go_on_with_second()

    async def _go_on_with_second(self) -> None:
        assert self._second is not None
        failure = await self._second
        if failure is not None:
            raise failure

    async def _end_second(self) -> None:
        if self._second is None:
            return
        if not self._second.done():
            self._second.cancel()
            await asyncio.wait({self._second})
        if not self._second.cancelled():
            self._second.result()  # a fault of ours must not go unseen

    def _hedge(self) -> None:
        """Begin the second attempt, unless the first has begun to answer, or is being ended."""
        assert self._task is not None
        if self._first.has_content or self._task.cancelling() > self._cancelling:
            return
        second = self._begin_second()
        if second is not None:
            self._second = asyncio.get_running_loop().create_task(_outcome(second))

    def _won(self, attempt: object) -> None:
        """End whichever attempt has not come first."""
        self._winner = attempt
        self._timer.cancel()
        if attempt is self._first:
            if self._second is not None:
                self._second.cancel()
        elif self._runs:
            self._overtaken = True
            assert self._task is not None
            self._task.cancel()


async def _outcome(attempt: Attempt) -> GuardianError | None:
    """Run an attempt in a task of its own, whose failure is looked at only where no other is left."""
    try:
        await attempt.run()
    except GuardianError as failure:
        return failure
    return None
