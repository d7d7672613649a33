"""Decides whom a request is given to, one endpoint after another: afresh, or to go on with what was said."""

import asyncio
import random
from collections.abc import Callable

from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed, LimitExceeded
from guardian_cluster.request.attempt import Attempt
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.request.balancing.plan import Candidate, Plan
from guardian_cluster.request.continuation.failing import UNCLEAR

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
"""Before the same endpoint is tried again: doubled each time, and cut at random: retries must not come in waves."""

MAX_CONTINUATIONS = 3
"""Of one answer. One that breaks off more often will break off again."""

CONTINUATION_ROOM_S = 2.0
"""How long an answer that broke off waits for an endpoint with room: somebody is reading."""

TOO_LARGE = "upstream_answer_too_large"
"""The code of an answer that is over a limit: going on with it would only take it further beyond."""


class Succession:
    """The attempts of one execution, and who comes after them."""

    def __init__(
        self,
        plan: Plan,
        balancer: LoadBalancer,
        clock: Clock,
        rng: random.Random,
        deadline: float,
        has_spent_all: Callable[[], bool],
    ) -> None:
        self.begun: list[Attempt] = []
        self.broken: list[Attempt] = []
        """Attempts whose words have left and that did not come to their end."""
        self.paused_s = 0.0
        """The time spent on pauses between attempts, and on waiting for room."""
        self._plan = plan
        self._tried: dict[str, int] = {}
        self._hopeless: set[str] = set()
        """Endpoints that were failing already when they were asked, since nobody else was there."""
        self._balancer = balancer
        self._clock = clock
        self._rng = rng
        self._deadline = deadline
        self._has_spent_all = has_spent_all

    async def first(self) -> Candidate:
        """Return whom to ask first.

        Raises:
            LimitExceeded: nobody has room in time.
        """
        self._balancer.note_request()
        return self._balancer.choose(self._plan, self._tried) or await self._room(self._plan, self._deadline)

    def note(self, candidate: Candidate) -> None:
        """Note that an endpoint is about to be asked."""
        name = candidate.endpoint.id
        if name not in self._tried and self._balancer.is_resting(candidate):
            self._hopeless.add(name)
        self._tried[name] = self._tried.get(name, 0) + 1

    def has_untried(self) -> bool:
        """Return whether there is an endpoint that was not asked yet."""
        return self._plan.has_untried(self._tried)

    def hedge_after_s(self, asked: Candidate) -> float | None:
        """Return after which time without content a second endpoint may be asked; `None` is never."""
        if self.broken or not asked.specialist.hedge or not self.has_untried():
            return None
        return self._balancer.hedge_after_s(self._plan, asked)

    def second(self, asked: Candidate) -> Candidate | None:
        """Return who is asked as well while an attempt is late, if anybody."""
        if len(self.begun) >= self._plan.max_attempts:
            return None
        return self._balancer.may_hedge(self._plan, asked, self._tried)

    def has_successor(self, attempt: Attempt) -> bool:
        """Return whether somebody could take over from an attempt now."""
        if self._has_spent_all():
            return False
        others = self._plan.without(attempt.candidate.endpoint.id)
        if not attempt.committed:
            if len(self.begun) >= others.max_attempts:
                return False
            candidate = self._hopeful(others)
            return candidate is not None and (self._is_free(candidate) or self._balancer.has_retry())
        if not attempt.is_continuable or self._gone_on > MAX_CONTINUATIONS:
            return False
        others = others.continuing()
        is_paid = not self.broken or self._balancer.has_retry()
        return is_paid and others.has_untried(()) and self._balancer.choose(others, self._tried) is not None

    async def after(self, failure: AttemptFailed) -> Candidate | None:
        """Return whom to ask when all that were asked have failed before content; `None` is nobody."""
        for attempt in self.begun:
            if attempt.failure is not None and not attempt.failure.again:
                self._plan = self._plan.without(attempt.candidate.endpoint.id)
        is_over = not failure.elsewhere or self._has_spent_all() or len(self.begun) >= self._plan.max_attempts
        if is_over or not self._plan.has_untried(()):
            return None
        candidate = self._hopeful(self._plan)
        if candidate is None:  # those that are left ask to be left alone for a while
            if not await self._rest(failure.retry_after_s or 0.0):
                return None
            candidate = self._hopeful(self._plan)
        if candidate is None or not (self._is_free(candidate) or self._balancer.may_retry()):
            return None
        return candidate if await self._paused(candidate, failure) else None

    async def continuer(self, failed: Attempt, failure: AttemptFailed) -> Candidate | None:
        """Return who goes on with an answer that broke off; `None` is nobody."""
        if failed.has_content or not self.broken:
            self.broken.append(failed)
        # What an endpoint says against a request to go on is said against our words, not the caller's.
        is_callers = not failure.elsewhere and failed is self.broken[0]
        is_over = is_callers or failure.code == TOO_LARGE or self._has_spent_all()
        if is_over or self._gone_on > MAX_CONTINUATIONS or not self.broken[-1].is_continuable:
            return None
        if self._gone_on > 1 and not self._balancer.may_retry():
            return None
        self._plan = self._to_continue(failed.candidate, failure)
        if not self._plan.has_untried(()):
            return None
        candidate = self._balancer.choose(self._plan, self._tried)
        if candidate is None:
            until = min(self._deadline, self._clock.monotonic() + CONTINUATION_ROOM_S)
            try:
                candidate = await self._room(self._plan, until)
            except LimitExceeded:
                return None
        return candidate if await self._paused(candidate, failure) else None

    def let_go(self) -> None:
        """Hold nothing any more that holds the request: nobody is asked any more."""
        del self._has_spent_all
        for attempt in self.begun:
            attempt.let_go()

    @property
    def _gone_on(self) -> int:
        """Attempts since the answer broke off first, that one included."""
        return len(self.begun) - self.begun.index(self.broken[0]) if self.broken else 0

    def _hopeful(self, plan: Plan) -> Candidate | None:
        """Return whom to ask that was not failing before; where everybody was, further attempts only add to it."""
        plan = plan.of(self._is_hopeful)
        return self._balancer.choose(plan, self._tried) if plan.has_untried(()) else None

    def _is_hopeful(self, candidate: Candidate) -> bool:
        if candidate.endpoint.id in self._tried:
            return candidate.endpoint.id not in self._hopeless
        return not self._balancer.is_resting(candidate)

    def _is_free(self, candidate: Candidate) -> bool:
        """Return whether a further attempt is no repetition where work is repeated already.

        The first attempt at a fallback is what its operator has it for; where a whole specialist is down, every request
        needs one, and no budget that is a share of all requests could cover that.
        """
        if candidate.endpoint.id in self._tried or not self._plan.tiers:
            return False
        return all(candidate.endpoint.id != each.endpoint.id for each in self._plan.tiers[0])

    def _to_continue(self, failed: Candidate, failure: AttemptFailed) -> Plan:
        """Return who may go on: not who has just broken off, unless nobody else is there.

        Somebody whose words could not be joined may say them otherwise when asked again.
        """
        able = self._plan.continuing()
        if failure.code == UNCLEAR:
            return able
        others = able.without(failed.endpoint.id)
        return able if failure.again and not others.has_untried(()) else others

    async def _room(self, plan: Plan, until: float) -> Candidate:
        """Wait until an endpoint has room."""
        since = self._clock.monotonic()
        try:
            return await self._balancer.room(plan, self._tried, until)
        finally:
            self.paused_s += self._clock.monotonic() - since

    async def _paused(self, candidate: Candidate, failure: AttemptFailed) -> bool:
        """Wait before an endpoint is asked again, another one is asked at once; return whether there was time."""
        tried = self._tried.get(candidate.endpoint.id, 0)
        if not tried:
            return True
        longest_s = min(FIRST_PAUSE_S * 2 ** (tried - 1), LONGEST_PAUSE_S)
        return await self._rest(failure.retry_after_s or self._rng.uniform(longest_s / 2, longest_s))

    async def _rest(self, pause_s: float) -> bool:
        """Wait, where that makes sense: not for longer than a reader would, and not beyond the deadline."""
        if pause_s > LONGEST_PAUSE_S or self._clock.monotonic() + pause_s >= self._deadline:
            return False
        since = self._clock.monotonic()
        try:
            await asyncio.sleep(pause_s)
        finally:
            self.paused_s += self._clock.monotonic() - since
        return True
