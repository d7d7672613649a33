"""The waiting room: where requests wait for an endpoint to have room, and are refused when that would take too long.

For the balancer, which owns one for the whole gateway:

* `await room.enter(specialist, key, deadline, may_go, apart=..., cost=...)` returns what `may_go()` returned when it
  was this request's turn and it returned something. Nothing is awaited between that and the return, so what
  `may_go` found is still so. It is called many times, and has to be quick and without effect where it returns `None`.
* `room.wake()` whenever an attempt ended or room appeared. Room that appears without an event, as when a pause
  ends or a rate fills up again, is looked for every 50 ms.
* `room.waits(specialist, apart)` before a request that comes takes room: who came before goes first.
* `apart` tells requests for one specialist apart that cannot all go to the same endpoints, such as the ids of those in
  its plan. Where one of a lane (a specialist and an `apart`) cannot go, the others of it are not asked, those of
  every other lane are.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from guardian_cluster.contract.snapshot import BalancingPolicy
from guardian_cluster.domain.clock import Clock
from guardian_cluster.request.ports import ReportSink
from guardian_cluster.request.waiting.admission import Admission, Refusal, Seat, Why
from guardian_cluster.request.waiting.refusals import Refusals

T = TypeVar("T")

LOOK_S = 0.05
"""How often is looked for room that no event tells of: little against the time of an answer."""


DEFAULTS = BalancingPolicy()
"""Until there is a snapshot."""


@dataclass(slots=True, eq=False)
class Waiting(Seat):
    """One that waits in a task, for a future: its turn, or its refusal."""

    loop: asyncio.AbstractEventLoop = field(kw_only=True)
    turn: "asyncio.Future[None]" = field(init=False)
    refusal: Refusal | None = None
    """Why it has to go, where that is what its turn is for."""

    def __post_init__(self) -> None:
        """Wait for the first turn."""
        self.turn = self.loop.create_future()


class WaitingRoom:
    """Requests that wait, in tasks of one event loop."""

    def __init__(self, clock: Clock, sink: ReportSink, policy: BalancingPolicy = DEFAULTS) -> None:
        self._clock = clock
        self._admission: Admission[Waiting] = Admission(policy)
        self._refusals = Refusals(clock, sink)
        self._closed: set[Hashable] = set()
        """Lanes in which one could not go since room appeared last."""
        self._asked: Waiting | None = None
        """Whose turn it is. Its task has yet to run, and passes the turn on however that ends."""
        self._look: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._admission.line)

    def configure(self, policy: BalancingPolicy) -> None:
        """Take over a policy: it holds for those that come."""
        self._admission.policy = policy

    def waits(self, specialist: str, apart: Hashable = None) -> bool:
        """Return whether somebody waits for the same, who goes first."""
        line = self._admission.line
        return len(line) > 0 and line.waits((specialist, apart))

    def wake(self) -> None:
        """Note that there may be room. Costs nothing worth mentioning while nobody waits."""
        if self._admission.line:
            self._closed.clear()
            for late, why in self._admission.overdue(self._clock.monotonic()):
                self._refuse(late, why)
            if self._asked is None:
                self._pass_on()

    async def enter(
        self,
        specialist: str,
        key: str,
        deadline: float,
        may_go: Callable[[], T | None],
        *,
        apart: Hashable = None,
        cost: float = 1.0,
    ) -> T:
        """Return what `may_go` returned: at once where nobody waits and it returns something, else in turn.

        Args:
            specialist: who is busy, as the refusal calls it.
            key: between which turns are fair.
            deadline: by the monotonic clock; the policy's `wait_s` bounds it too.
            may_go: whether it can go now.
            apart: see above.
            cost: for how many ordinary requests it counts, 1 to 8.

        Raises:
            LimitExceeded: nobody has room in time, or too many wait.
        """
        if not self.waits(specialist, apart) and (found := may_go()) is not None:
            return found
        waiting = self._seat(specialist, key, deadline, apart=apart, cost=cost)
        timer = waiting.loop.call_later(
            max(0.0, waiting.until - waiting.since), self._refuse, waiting, "time_over"
        )
        try:
            return await self._in_turn(waiting, may_go)
        finally:
            timer.cancel()
            self._admission.leave(waiting, self._clock.monotonic())
            if self._asked is waiting:
                self._pass_on()
            self._stop_looking()

    def _seat(self, specialist: str, key: str, deadline: float, *, apart: Hashable, cost: float) -> Waiting:
        now = self._clock.monotonic()
        loop = asyncio.get_running_loop()
        until = self._admission.until(deadline, now)
        waiting = Waiting(
            lane=(specialist, apart),
            key=key,
            since=now,
            cost=cost,
            specialist=specialist,
            until=until,
            loop=loop,
        )
        refused = self._admission.refusal(waiting, now)
        if refused is not None:
            raise self._refusals.refused(self._admission.fact(waiting, refused, now))
        pushed_out = self._admission.seat(waiting, now)
        if pushed_out is not None:
            self._refuse(pushed_out, "full")
        self._keep_looking(loop)
        return waiting

    async def _in_turn(self, waiting: Waiting, may_go: Callable[[], T | None]) -> T:
        while True:
            await waiting.turn
            if waiting.refusal is not None:
                raise self._refusals.refused(waiting.refusal)
            found = may_go()
            if found is not None:
                self._admission.served(waiting, self._clock.monotonic())
                return found
            self._closed.add(waiting.lane)
            waiting.turn = waiting.loop.create_future()
            self._pass_on()

    def _pass_on(self) -> None:
        """Give the turn to whoever is next; nobody has it where no lane is left in which one might go."""
        while (waiting := self._admission.next(self._closed)) is not None:
            if not waiting.turn.done():
                waiting.turn.set_result(None)
                break
            # Its client has left, and its task has yet to hear of it.
            self._admission.leave(waiting, self._clock.monotonic())
        self._asked = waiting

    def _refuse(self, waiting: Waiting, why: Why) -> None:
        now = self._clock.monotonic()
        self._admission.leave(waiting, now)
        waiting.refusal = self._admission.fact(waiting, why, now)
        if not waiting.turn.done():
            waiting.turn.set_result(None)

    def _keep_looking(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._look is None:
            self._look = loop.call_later(LOOK_S, self._look_again, loop)

    def _stop_looking(self) -> None:
        if self._look is not None and not self._admission.line:
            self._look.cancel()
            self._look = None

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._look = None
        self.wake()
        self._keep_looking(loop)
