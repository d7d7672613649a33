"""The attempt engine: it asks one endpoint after another until one answer is complete, streamed or whole alike.

Two commits. Until the *content commit*, the first content that leaves, whatever an attempt gave is thrown away when it fails and
the next one starts afresh. After it, a failure ends the answer with an error; an answer never ends cleanly half-way. (The
*header commit* is the caller's: see gateway/delivery.py.)
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator

from guardian_cluster.contract.records import AttemptRecord
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AnswerBlocked, AttemptFailed, DeadlineExceeded
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.domain.verdict import MonitoringReport, Verdict
from guardian_cluster.request.balancer import Candidate, LoadBalancer
from guardian_cluster.request.ports import Directory
from guardian_cluster.request.router import SpecialistAssignment
from guardian_cluster.request.usage import Usage
from guardian_cluster.specialists.specialist import Chunk, Context, Task
from guardian_cluster.watcher.watch import Watch

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
"""Before an endpoint is tried again, and only then: doubled each time, and cut at random, so that retries do not come in waves."""

BLOCKED = "answer_blocked"


class Execution:
    """One assignment being carried out. What is known of it grows until `batches` ends."""

    def __init__(
        self,
        assignment: SpecialistAssignment,
        plan: tuple[Candidate, ...],
        context: Context,
        directory: Directory,
        balancer: LoadBalancer,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.assignment = assignment
        self.request = assignment.task.request
        self.candidate = plan[0]
        self.attempts: list[AttemptRecord] = []
        self.report = MonitoringReport()
        self.usage = Usage()
        self.finish_reason: str | None = None
        self.committed = False
        self.ended = False
        self.waited_s = 0.0
        self.chunks = 0
        self.first_content_at: float | None = None
        self._plan = plan
        self._context = context
        self._directory = directory
        self._balancer = balancer
        self._clock = clock
        self._rng = rng
        self._verdicts: list[Verdict] = []
        total_s = assignment.task.timeouts.total_s
        self.started = clock.monotonic()
        self._deadline = self.started + min(total_s, self.request.timeout_s or total_s)

    async def batches(self) -> AsyncGenerator[list[Chunk], None]:
        """Yield what may leave, until the answer is complete. Closing the generator ends the work at the endpoint.

        Raises:
            AttemptFailed: the last attempt failed, or one failed after content had left.
            AnswerBlocked: every answer was withheld by a watcher.
            DeadlineExceeded: the time for the whole request is over.
        """
        for number, candidate in enumerate(self._plan):
            self.candidate = candidate
            try:
                async with contextlib.aclosing(self._attempt(candidate)) as released:
                    async for batch in released:
                        yield batch
                return
            except AttemptFailed as failure:
                following = self._plan[number + 1] if number + 1 < len(self._plan) else None
                if self.committed or not failure.elsewhere or following is None:
                    raise self._final(failure) from failure
                await self._pause(number, following, failure)

    async def _attempt(self, candidate: Candidate) -> AsyncGenerator[list[Chunk], None]:
        """Ask one endpoint; record how it went."""
        endpoint, started = candidate.endpoint.id, self._clock.monotonic()
        self.first_content_at = None
        outcome, error = "cancelled", None
        self._balancer.started(endpoint)
        try:
            async with contextlib.aclosing(self._watched(candidate)) as released:
                async for batch in released:
                    yield batch
            outcome = "cut" if self.report.tripped else "ok"
            self._balancer.succeeded(endpoint)
        except AttemptFailed as failure:
            outcome, error = "failed", failure.code
            if failure.elsewhere and failure.code != BLOCKED:
                self._balancer.failed(endpoint, failure)
            raise
        except DeadlineExceeded as late:
            outcome, error = "failed", late.code
            raise
        finally:
            self._balancer.ended(endpoint)
            first = self.first_content_at
            self.attempts.append(
                AttemptRecord(
                    specialist=candidate.specialist.name,
                    endpoint=endpoint,
                    outcome=outcome,
                    error=error,
                    duration_ms=1e3 * (self._clock.monotonic() - started),
                    first_token_ms=None if first is None else 1e3 * (first - started),
                )
            )

    async def _watched(self, candidate: Candidate) -> AsyncGenerator[list[Chunk], None]:
        """Pass one endpoint's answer through the watcher; hold it until its first content, a whole answer to its end."""
        specialist = self._directory.get_specialist(candidate.specialist.name)
        watch = self._watch(candidate)
        held: list[Chunk] = []
        answer = specialist.execute(self._task(candidate), self._context, candidate.endpoint)
        try:
            async for batch in self._timed(answer, candidate):
                released = self.usage.take(batch if watch is None else watch.feed(batch), self.request)
                self.chunks += len(batch)
                if watch is None:
                    held += released
                    continue
                if watch.retry_wanted and not self.committed:
                    raise self._withheld(watch)
                if not self.committed and not (self.request.streamed and watch.said_something):
                    held += released
                    continue
                if not self.committed:
                    self._commit()
                    released, held = held + released, []
                if released:
                    yield released
                if watch.done:
                    break
        finally:
            await _close(answer)
        self._conclude(watch, held)
        if held:
            self._commit()
            yield held

    def _conclude(self, watch: Watch | None, held: list[Chunk]) -> None:
        """Judge the answer at its end.

        Raises:
            AttemptFailed: it is not complete, or is withheld while that is still possible.
        """
        if watch is None:
            if not held:
                raise AttemptFailed("The model sent no answer.", code="upstream_incomplete")
            return
        if not watch.complete:
            raise AttemptFailed(
                "The model's answer ended before it was complete.", code="upstream_incomplete"
            )
        self.ended = True
        self.report = watch.finish()
        self.finish_reason = watch.finish_reason
        self.usage.conclude(self.request, watch.characters)
        if watch.retry_wanted and not self.committed:
            raise self._withheld(watch)
        self._verdicts += self.report.verdicts

    def _watch(self, candidate: Candidate) -> Watch | None:
        """Begin a watch; numbers, as of embeddings, have nothing to watch."""
        if not isinstance(self.request.view, ChatRequest):
            return None
        return self._directory.get_watcher_guardian(candidate.specialist.name).monitor_execution(self.request)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What the watchers of all attempts found, with what was done about it."""
        return tuple(self._verdicts)

    def _withheld(self, watch: Watch) -> AttemptFailed:
        self._verdicts += watch.verdicts
        rules = sorted({verdict.rule for verdict in watch.verdicts if verdict.action == "retry"})
        code = "upstream_empty" if rules == ["empty"] else BLOCKED
        text = (
            "The model's answer is empty."
            if rules == ["empty"]
            else f"The answer broke the rule {', '.join(rules)}."
        )
        return AttemptFailed(text, code=code)

    async def _timed(
        self, answer: AsyncIterator[list[Chunk]], candidate: Candidate
    ) -> AsyncGenerator[list[Chunk], None]:
        """Yield the answer's batches, each within its time."""
        timeouts = candidate.specialist.timeouts
        patience_s = timeouts.first_token_s if self.request.streamed else timeouts.total_s
        while True:
            now = self._clock.monotonic()
            limit_s = min(patience_s, self._deadline - now)
            try:
                async with asyncio.timeout(limit_s):
                    batch = await anext(answer)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise self._late(limit_s, patience_s) from None
            finally:
                self.waited_s += self._clock.monotonic() - now
            yield batch
            patience_s = timeouts.between_chunks_s if self.committed else patience_s

    def _late(self, limit_s: float, patience_s: float) -> AttemptFailed | DeadlineExceeded:
        if limit_s < patience_s:
            return DeadlineExceeded(
                f"The request's time of {self._deadline - self.started:.1f} s is over; allow more, or ask for a shorter answer.",
                should_retry=False,
            )
        what = "fell silent" if self.committed else "did not begin to answer"
        return AttemptFailed(f"The model {what} for {patience_s:g} s.", code="upstream_timeout", status=504)

    def _task(self, candidate: Candidate) -> Task:
        specialist = candidate.specialist
        if specialist.name == self.assignment.specialist_id:
            return self.assignment.task
        return Task(request=self.request, variant=specialist.variants[0], timeouts=specialist.timeouts)

    def _commit(self) -> None:
        self.committed = True
        self.first_content_at = self._clock.monotonic()

    async def _pause(self, number: int, following: Candidate, failure: AttemptFailed) -> None:
        """Wait before an endpoint is asked again; another one is asked at once."""
        if following.endpoint.id != self.candidate.endpoint.id:
            return
        longest_s = min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S)
        pause_s = failure.retry_after_s or self._rng.uniform(longest_s / 2, longest_s)
        if pause_s > LONGEST_PAUSE_S or self._clock.monotonic() + pause_s >= self._deadline:
            raise self._final(failure) from failure
        await asyncio.sleep(pause_s)

    def _final(self, failure: AttemptFailed) -> AttemptFailed | AnswerBlocked:
        """Return the failure as the caller shall see it: told not to retry where we have, for retries multiply."""
        if failure.code == BLOCKED:
            return AnswerBlocked(
                f"{failure.message} It was withheld, and nobody else could answer.", code=BLOCKED
            )
        if len(self.attempts) > 1 and failure.retry_after_s is None:
            failure.should_retry = False
        return failure


async def _close(answer: AsyncIterator[list[Chunk]]) -> None:
    if isinstance(answer, AsyncGenerator):
        await answer.aclose()
