"""The attempt engine: it asks one endpoint after another until one answer is complete, streamed or whole alike.

Two commits. Until the *content commit*, the first content that leaves, whatever an attempt gave is thrown
away when it fails and the next one starts afresh. After it, a failure ends the answer with an error; an
answer never ends cleanly half-way. (The *header commit* is the caller's: see gateway/delivery.py.)
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial

from guardian_cluster.contract.records import AttemptRecord
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AnswerBlocked, AttemptFailed, DeadlineExceeded, InvalidRequest
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.domain.verdict import MonitoringReport, Verdict
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.balancer import Candidate, LoadBalancer, busy
from guardian_cluster.request.findings import BLOCKED, withheld
from guardian_cluster.request.held import Held
from guardian_cluster.request.patience import Patience
from guardian_cluster.request.ports import Cluster
from guardian_cluster.request.regret import redact
from guardian_cluster.request.showing import messages_shown
from guardian_cluster.request.usage import Spent, Usage, affordable_tokens
from guardian_cluster.request.words import Words
from guardian_cluster.specialists.builtin.recall.evidence import RetrievalQuality
from guardian_cluster.specialists.specialist import Chunk, Context, Task
from guardian_cluster.watcher.guard import SharedGuard
from guardian_cluster.watcher.sliced_watch import SlicedWatch
from guardian_cluster.watcher.watch import Watch

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
"""Before the same endpoint is tried again: doubled each time, and cut at random: retries must not come in waves."""

HUNG_SHARE = 0.9
"""Of all the time that a specialist has: an endpoint that took this much without a word hangs. A caller may
allow less; its impatience is no fault of the endpoint."""

MAX_CHECKED_CHARACTERS = 100_000
"""Of an answer: what goes on beyond this is not looked at by the checks of its quality."""

MAX_PART_CHARACTERS = 1_000_000
"""Of one part of an answer; a longer one is not cut but counts as failed."""

MAX_HELD_PIECES = 20_000
"""Of a stream that is held to be checked: several times what the longest answers have. Then it leaves unchecked."""

Emit = Callable[[list[Chunk]], Awaitable[None]]
"""Takes what may leave, in order; waits while the client does not keep up."""


class Execution:
    """One assignment being carried out. What is known of it grows until `run` ends."""

    def __init__(
        self,
        assignment: SpecialistAssignment,
        plan: tuple[Candidate, ...],
        context: Context,
        cluster: Cluster,
        balancer: LoadBalancer,
        clock: Clock,
        rng: random.Random,
        guard: SharedGuard,
        *,
        started: float,
        is_held: bool,
        paid_usd: float,
    ) -> None:
        """Prepare the execution of a request that was `started` at that monotonic time.

        Where it `is_held`, nothing leaves before the answer is complete. `paid_usd` is what others were paid for the
        same request before.
        """
        self.assignment = assignment
        self._is_held = is_held
        self._paid_usd = paid_usd
        self._room = MAX_CHECKED_CHARACTERS if assignment.part is None else MAX_PART_CHARACTERS
        self.words = Words(self._room)
        """Of the answer, as it may leave; of a part all of it, for these are the words that leave."""
        self.request = assignment.task.request
        self.candidate = plan[0]
        self.attempts: list[AttemptRecord] = []
        self.begun = 0  # attempts, the one under way included
        self.report = MonitoringReport()
        self.usage = Usage()
        """Of the answer: that of the last attempt, which is shown to the caller."""
        self.spent = Spent()
        """On all attempts that have ended."""
        self.finish_reason: str | None = None
        self.committed = False
        self.ended = False
        """Whether the last attempt's answer is judged: it came to its end, or is withheld."""
        self.paused_s = 0.0
        """The time spent on pauses between attempts."""
        self._waited_s = 0.0
        self._patience: Patience | None = None
        self.chunks = 0
        self.retrieval: RetrievalQuality | None = None
        """How well memory answered, where it was asked."""
        self.first_content_at: float | None = None
        self._plan = plan
        self._context = context
        self.shown = context
        """What the specialist answered from: what of the context fits its window."""
        self._cluster = cluster
        self._balancer = balancer
        self._clock = clock
        self._rng = rng
        self._guard = guard
        self._verdicts: list[Verdict] = []
        total_s = assignment.task.specialist.timeouts.total_s
        self._deadline = started + min(total_s, self.request.timeout_s or total_s)

    async def run(self, emit: Emit) -> None:
        """Hand what may leave to `emit`, until the answer is complete. Being cancelled ends the work at the endpoint.

        Raises:
            AttemptFailed: the last attempt failed, or one failed after content had left.
            AnswerBlocked: every answer was withheld by a watcher.
            DeadlineExceeded: the time for the whole request is over.
            LimitExceeded: every endpoint is at its specialist's own limit by now.
        """
        waiting, failure = list(self._plan), None
        while waiting:
            candidate = waiting.pop(0)
            if not self._balancer.has_room(candidate):
                continue
            try:
                return await self._attempt(candidate, waiting, emit)
            except AttemptFailed as failed:
                failure = failed
            if self.committed or not failure.elsewhere or self._has_spent_all:
                break
            if not failure.again:
                waiting = _others(waiting, candidate)
            waiting = [each for each in waiting if self._balancer.has_room(each)]
            await self._pause(waiting, failure)
        raise busy(self.assignment) if failure is None else self._final(failure)

    async def _attempt(self, candidate: Candidate, waiting: list[Candidate], emit: Emit) -> None:
        """Ask one endpoint, after which those that wait could be asked; record how it went."""
        self.candidate, self.usage = candidate, Usage()
        self.report, self.ended, self.words = MonitoringReport(), False, Words(self._room)
        self.begun += 1
        endpoint, started = candidate.endpoint.id, self._clock.monotonic()
        self.first_content_at = None
        outcome, error = "cancelled", None
        self._balancer.started(endpoint)
        try:
            await self._watched(candidate, emit, others=bool(_others(waiting, candidate)))
            if candidate.specialist.kind == "recall":
                self.retrieval = self._cluster.retrieval_quality(self.request.id)
            outcome = "cut" if self.report.tripped else "ok"
            self._balancer.succeeded(endpoint)
        except AttemptFailed as failure:
            outcome, error = "failed", failure.code
            if failure.rests:
                self._balancer.failed(endpoint, failure)
            raise
        except DeadlineExceeded as late:
            outcome, error = "failed", late.code
            lasted_s = self._clock.monotonic() - started
            if not self.committed and lasted_s > HUNG_SHARE * candidate.specialist.timeouts.total_s:
                self._balancer.failed(endpoint, AttemptFailed(late.message, code=late.code))
            raise
        finally:
            self._balancer.ended(endpoint)
            used, price, first = self.usage, candidate.specialist.price, self.first_content_at
            self.spent.add(used, price)
            self.attempts.append(
                AttemptRecord(
                    specialist=candidate.specialist.name,
                    endpoint=endpoint,
                    outcome=outcome,
                    error=error,
                    duration_ms=1e3 * (self._clock.monotonic() - started),
                    first_token_ms=None if first is None else 1e3 * (first - started),
                    input_tokens=used.input_tokens,
                    output_tokens=used.output_tokens,
                    tokens_estimated=used.is_estimated,
                    cost_usd=used.cost_usd(price),
                )
            )

    async def _watched(self, candidate: Candidate, emit: Emit, *, others: bool) -> None:
        """Pass one endpoint's answer through the watcher; hold it until its first content, a whole one to its end."""
        specialist = self._cluster.get_specialist(candidate.specialist.name)
        watch = self._watch(candidate)
        timeouts = candidate.specialist.timeouts
        patience = Patience(timeouts, self.request, self._deadline, self._clock, others=others)
        held = Held()
        self._patience = patience

        async def feed(batch: list[Chunk], *, is_short: bool = False) -> bool:
            """Watch a batch and emit what may leave; the time this takes is not the model's."""
            patience.pause()
            self.chunks += len(batch)
            seen = batch if watch is None else await self._pass(batch, watch, is_short=is_short)
            released = self.usage.take(seen, self.request)
            if watch is not None and watch.retry_wanted and not self.committed:
                self.report, self.ended = watch.break_off(), True
                raise withheld(self.report.verdicts)
            self.words.take(released)
            if watch is not None and watch.scores is not None:
                watch.scores.take(released)
                watch.scores.step()
            if not self.committed:
                has_begun = watch is not None and watch.said_something
                if not has_begun or self._goes_on_holding(held):
                    held.add(released, bounded=self.request.streamed and not has_begun)
                    patience.resume(begun=has_begun and self.request.streamed)
                    return True
                self._commit()
                released = held.take() + released
            if released:
                await emit(released)
            patience.resume(begun=True)
            return watch is None or not watch.done

        try:
            async with patience:
                self.shown = _fitted(self._context, candidate)
                if watch is not None:
                    watch.score(partial(messages_shown, self.shown, self.request))
                await specialist.execute(self._task(candidate), self.shown, candidate.endpoint, feed)
            await _score_all(watch)
            self._conclude(watch, said=bool(held.chunks))
        finally:
            self._waited_s += patience.waited_s
            self._patience = None
            if watch is not None:
                self._settle(watch)
        if held.chunks:
            self._commit()
            await emit(held.take())

    async def _pass(self, batch: list[Chunk], watch: SlicedWatch, *, is_short: bool) -> list[Chunk]:
        """Return what of a batch may leave; others get their turn while a long one is looked at."""
        return watch.feed(batch) if is_short else await watch.feed_in_turns(batch, self._clock)

    @property
    def _has_spent_all(self) -> bool:
        """Whether what the request may cost is used up by attempts that failed."""
        left_usd = self._left_usd
        return left_usd is not None and left_usd <= 0.0

    @property
    def _left_usd(self) -> float | None:
        """What may still be paid for the request; `None` is no limit."""
        ceiling_usd = self.request.max_cost_usd
        return None if ceiling_usd is None else ceiling_usd - self._paid_usd - self.spent.cost_usd

    def _goes_on_holding(self, held: Held) -> bool:
        """Return whether content waits for its answer to be complete; a stream not for ever, whatever was wanted."""
        if not self.request.streamed:
            return True
        return self._is_held and self.words.is_whole and len(held.chunks) < MAX_HELD_PIECES

    def _conclude(self, watch: Watch | None, *, said: bool) -> None:
        """Judge the answer at its end.

        Raises:
            AttemptFailed: it is not complete, or is withheld while that is still possible.
        """
        if watch is None:
            if not said:
                raise AttemptFailed("The model sent no answer.", code="upstream_incomplete")
            self.ended = True
            self.usage.conclude(self.request, 0)
            return
        if not watch.complete:
            raise AttemptFailed(
                "The model's answer ended before it was complete.", code="upstream_incomplete"
            )
        self.ended = True
        self.report = watch.finish(may_retry=not self.committed)
        self.finish_reason = watch.finish_reason
        self.usage.conclude(self.request, self.report.characters)
        if watch.retry_wanted and not self.committed:
            raise withheld(self.report.verdicts)

    def _settle(self, watch: Watch) -> None:
        """Keep what an attempt leaves behind, however it ended: what was found, and what half an answer costs."""
        self._verdicts += self.report.verdicts if self.ended else watch.break_off().verdicts
        if not self.usage.counted and not self.usage.is_estimated and watch.characters:
            self.usage.conclude(self.request, watch.characters)

    def _watch(self, candidate: Candidate) -> SlicedWatch | None:
        """Begin a watch; numbers, as of embeddings, have nothing to watch."""
        if not isinstance(self.request.view, ChatRequest):
            return None
        return self._cluster.get_watcher_guardian(candidate.specialist.name).monitor_execution(
            self.request, self._guard
        )

    @property
    def waited_s(self) -> float:
        """The time spent waiting for models so far."""
        return self._waited_s + (self._patience.so_far_s() if self._patience is not None else 0.0)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What the watchers of all attempts found, with what was done about it."""
        return tuple(self._verdicts)

    def _task(self, candidate: Candidate) -> Task:
        specialist = candidate.specialist
        left_usd = self._left_usd
        if specialist.name == self.assignment.specialist_id and left_usd is None:
            return self.assignment.task
        most = None if left_usd is None else affordable_tokens(self.request, specialist.price, left_usd)
        variant = specialist.variants[0]
        return Task(request=self.request, specialist=specialist, variant=variant, most_output_tokens=most)

    def _commit(self) -> None:
        self.committed = True
        self.first_content_at = self._clock.monotonic()

    async def _pause(self, waiting: list[Candidate], failure: AttemptFailed) -> None:
        """Wait before an endpoint is asked again; another one is asked at once."""
        if not waiting or waiting[0].endpoint.id != self.candidate.endpoint.id:
            return
        longest_s = min(FIRST_PAUSE_S * 2 ** (len(self.attempts) - 1), LONGEST_PAUSE_S)
        pause_s = failure.retry_after_s or self._rng.uniform(longest_s / 2, longest_s)
        if pause_s > LONGEST_PAUSE_S or self._clock.monotonic() + pause_s >= self._deadline:
            raise self._final(failure) from failure
        since = self._clock.monotonic()
        try:
            await asyncio.sleep(pause_s)
        finally:
            self.paused_s += self._clock.monotonic() - since

    def _final(self, failure: AttemptFailed) -> AttemptFailed | AnswerBlocked:
        """Return the failure as the caller shall see it: told not to retry where we have, or where it is in vain.

        The caller's retries would multiply ours. A 429 alone is worth waiting for, and how long is the caller's.
        """
        redact(failure, self._cluster.redaction(self.request.tenant))
        if failure.code == BLOCKED:
            return AnswerBlocked(
                f"{failure.message} It was withheld, and nobody else could answer.", code=BLOCKED
            )
        in_vain = not failure.again and failure.http_status != 429
        if in_vain or (len(self.attempts) > 1 and failure.retry_after_s is None):
            failure.should_retry = False
        return failure


async def _score_all(watch: Watch | None) -> None:
    """Have scored what is left of an answer at its end, while others get their turn."""
    scores = watch.scores if watch is not None else None
    if scores is not None:
        for _ in scores.steps():
            await asyncio.sleep(0)


def _fitted(context: Context, candidate: Candidate) -> Context:
    """Return what of the context fits the candidate's window.

    Raises:
        AttemptFailed: what must be shown does not fit it; that of another specialist may be larger.
    """
    try:
        return context.for_specialist(candidate.specialist)
    except InvalidRequest as misfit:
        raise AttemptFailed(
            misfit.message, code=misfit.code, again=False, rests=False, status=misfit.http_status
        ) from misfit


def _others(waiting: list[Candidate], candidate: Candidate) -> list[Candidate]:
    """Return those that are at another endpoint."""
    return [other for other in waiting if other.endpoint.id != candidate.endpoint.id]
