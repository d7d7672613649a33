"""The attempt engine: it asks one endpoint after another, or two at once, until one answer is complete.

Before content has left, an attempt that fails is thrown away and another begins afresh. After it, another endpoint
goes on with the same answer where that can be done safely; where it cannot, the answer ends with an error, never
as if it were complete.
"""

import random
from collections.abc import Iterator, Sequence
from functools import partial

from guardian_cluster.contract.records import AttemptRecord
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AnswerBlocked, AttemptFailed
from guardian_cluster.domain.verdict import MonitoringReport, Verdict
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.attempt import Attempt, Order
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.request.balancing.plan import Candidate, Plan
from guardian_cluster.request.continuation.continuable import Continuability
from guardian_cluster.request.findings import BLOCKED
from guardian_cluster.request.floor import Emit, Floor, nowhere
from guardian_cluster.request.ports import Cluster
from guardian_cluster.request.race import Race
from guardian_cluster.request.regret import redact
from guardian_cluster.request.resumption import Resumption
from guardian_cluster.request.succession import Succession
from guardian_cluster.request.usage import Spent, Usage, affordable_tokens
from guardian_cluster.request.words import Words
from guardian_cluster.specialists.builtin.recall.evidence import RetrievalQuality
from guardian_cluster.specialists.specialist import Context, Task
from guardian_cluster.watcher.guard import SharedGuard

MAX_CHECKED_CHARACTERS = 100_000
"""Of an answer: what goes on beyond this is not looked at by the checks of its quality."""

MAX_PART_CHARACTERS = 1_000_000
"""Of one part of an answer; a longer one is not cut but counts as failed."""


class Execution:
    """One assignment being carried out. What is known of it grows until `run` ends."""

    def __init__(
        self,
        assignment: SpecialistAssignment,
        plan: Plan,
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
        self.request = assignment.task.request
        self._first_planned = next(each for tier in plan.tiers for each in tier)
        self._paid_usd = paid_usd
        self._cluster = cluster
        self._balancer = balancer
        self._demand = plan.demand
        total_s = assignment.task.specialist.timeouts.total_s
        room = MAX_CHECKED_CHARACTERS if assignment.part is None else MAX_PART_CHARACTERS
        deadline = started + min(total_s, self.request.timeout_s or total_s)
        self._order = Order(self.request, context, cluster, clock, guard, deadline, room, is_held)
        self._succession = Succession(plan, balancer, clock, rng, deadline, self._has_spent_all)
        self._broke_by: AttemptFailed | None = None
        self._continuability = Continuability(self.request) if self.request.streamed else None
        self._floor = Floor(nowhere)

    @property
    def paused_s(self) -> float:
        """The time spent on pauses between attempts, and on waiting for room."""
        return self._succession.paused_s

    @property
    def _begun(self) -> list[Attempt]:
        return self._succession.begun

    @property
    def candidate(self) -> Candidate:
        """Whoever answers, or would have been asked first."""
        lead = self.lead
        return lead.candidate if lead is not None else self._first_planned

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """What became of every attempt that has ended."""
        return tuple([attempt.record for attempt in self._begun if attempt.record is not None])

    @property
    def begun(self) -> int:
        """Attempts, those under way included."""
        return len(self._begun)

    @property
    def report(self) -> MonitoringReport:
        """What the watcher of the answer says."""
        return self.lead.report if self.lead is not None else MonitoringReport()

    @report.setter
    def report(self, report: MonitoringReport) -> None:
        """Complete what its watcher says by what only checks of the whole can."""
        if self.lead is not None:
            self.lead.report = report

    @property
    def words(self) -> Words:
        """Of the answer, as it may leave; of a part all of it, for these are the words that leave."""
        return self.lead.words if self.lead is not None else Words(self._order.room)

    @property
    def shown(self) -> Context:
        """What the specialist answers from: what of the context fits its window."""
        return self.lead.shown if self.lead is not None else self._order.context

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended."""
        return self.lead.finish_reason if self.lead is not None else None

    @property
    def committed(self) -> bool:
        """Whether content has left."""
        return self._floor.holder is not None

    @property
    def ended(self) -> bool:
        """Whether the last attempt's answer is judged: it came to its end, or is withheld."""
        return self.lead is not None and self.lead.ended

    @property
    def retrieval(self) -> RetrievalQuality | None:
        """How well memory answered, where it was asked."""
        return self.lead.retrieval if self.lead is not None else None

    @property
    def chunks(self) -> int:
        """Pieces that models sent."""
        return sum([attempt.chunks for attempt in self._begun])

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What the watchers of all attempts found, with what was done about it."""
        return tuple([verdict for attempt in self._begun for verdict in attempt.verdicts])

    @property
    def suspects(self) -> list[Words]:
        """The words of the attempts in which a watcher found something, those of withheld answers included."""
        return [attempt.words for attempt in self._begun if attempt.verdicts]

    @property
    def usage(self) -> Usage:
        """Of the answer, as it is shown to the caller: one that was gone on with is one answer."""
        lead = self.lead
        if lead is None:
            return Usage()
        parts = [broken.usage for broken in self._succession.broken if broken is not lead]
        return lead.usage if not parts else _together([*parts, lead.usage])

    @property
    def spent(self) -> Spent:
        """What all attempts that have ended took."""
        spent = Spent()
        for attempt in self._begun:
            if attempt.record is not None:
                spent.add(attempt.usage, attempt.candidate.specialist.price)
        return spent

    @property
    def waited_s(self) -> float:
        """The time spent waiting for models so far; two that were waited for at once count once."""
        begun = self._begun
        return begun[0].waited_so_far_s if len(begun) == 1 else sum(_waits(begun))

    @property
    def lead(self) -> Attempt | None:
        """The attempt whose words leave, else the one begun last; `None` before the first."""
        begun = self._succession.begun
        if len(begun) < 2:
            return begun[0] if begun else None
        holder = self._floor.holder
        return holder if isinstance(holder, Attempt) else begun[-1]

    async def run(self, emit: Emit) -> None:
        """Hand what may leave to `emit`, until the answer is complete. Being cancelled ends the work at endpoints.

        Raises:
            AttemptFailed: the last attempt failed, or an answer broke off and nobody could go on with it.
            AnswerBlocked: every answer was withheld by a watcher.
            DeadlineExceeded: the time for the whole request is over.
            LimitExceeded: no endpoint had room in time.
        """
        self._floor = Floor(emit)
        try:
            candidate: Candidate | None = await self._succession.first()
            while candidate is not None:
                failure = await self._ask(candidate)
                candidate = None if failure is None else await self._next(failure)
        finally:
            self._let_go()

    async def _ask(self, candidate: Candidate) -> AttemptFailed | None:
        """Ask one endpoint, and a second where the first is late; return why there is no answer, if there is none."""
        attempt = self._begin(candidate)
        after_s = None if self.request.max_cost_usd is not None else self._succession.hedge_after_s(candidate)
        try:
            if after_s is None:
                await attempt.run()
            else:
                await Race(attempt, self._floor, after_s, lambda: self._begin_hedge(candidate)).run()
        except AttemptFailed as failure:
            return failure
        return None

    def _begin(self, candidate: Candidate, *, hedges: bool = False) -> Attempt:
        """Begin an attempt: afresh, or where the last one broke off."""
        succession = self._succession
        succession.note(candidate)
        way = self.assignment.way
        if way is not None:
            way.note_asked(candidate.specialist.name, candidate.endpoint.id)
        has_others = succession.has_untried()
        continuability = self._continuability if candidate.specialist.continuation != "off" else None
        resumption = self._resumption(candidate)
        task = self._task(candidate)
        attempt = Attempt(
            self._order,
            task if resumption is None else resumption.task(task),
            candidate,
            partial(self._balancer.begin, candidate, self._demand),
            self._floor,
            has_successor=succession.has_successor if has_others else None,
            stall_s=self._balancer.stall_after_s(candidate) if has_others and continuability else None,
            continuability=continuability,
            hedges=hedges,
            resumption=resumption,
        )
        succession.begun.append(attempt)
        if resumption is not None:
            self._floor.hand_on(attempt)
        return attempt

    def _resumption(self, candidate: Candidate) -> Resumption | None:
        manner = candidate.specialist.continuation
        if not self._succession.broken or manner == "off" or self._continuability is None:
            return None
        return Resumption(self._continuability.said, manner)

    def _begin_hedge(self, asked: Candidate) -> Attempt | None:
        second = self._succession.second(asked)
        return None if second is None else self._begin(second, hedges=True)

    async def _next(self, failure: AttemptFailed) -> Candidate | None:
        """Return whom to ask after a failure; `None` where a watcher's cut is the end of the answer.

        Raises:
            AttemptFailed: nobody.
        """
        lead = self.lead
        assert lead is not None
        if not lead.committed:
            candidate = await self._succession.after(failure)
        else:
            self._broke_by = failure = self._broke_by or failure
            candidate = await self._succession.continuer(lead, lead.failure or failure)
            if candidate is None and self._succession.broken[-1].last_words:
                await self._cut()
                return None
        if candidate is None:
            raise self._final(failure)
        return candidate

    async def _cut(self) -> None:
        """End the answer as its watcher wanted it, since nobody goes on with it."""
        cut = self._succession.broken[-1]
        self._floor.hand_on(cut)
        await self._floor.emit(cut.last_words)

    def _let_go(self) -> None:
        """Open the circles in which attempts hold one another and the request: a collector would come late."""
        self._floor.emit, self._broke_by = nowhere, None
        self._succession.let_go()

    def _task(self, candidate: Candidate) -> Task:
        specialist = candidate.specialist
        left_usd = self._left_usd
        if specialist.name == self.assignment.specialist_id and left_usd is None:
            return self.assignment.task
        most = None if left_usd is None else affordable_tokens(self.request, specialist.price, left_usd)
        variant = specialist.variants[0]
        return Task(request=self.request, specialist=specialist, variant=variant, most_output_tokens=most)

    def _has_spent_all(self) -> bool:
        """Whether what the request may cost is used up by attempts that failed."""
        left_usd = self._left_usd
        return left_usd is not None and left_usd <= 0.0

    @property
    def _left_usd(self) -> float | None:
        """What may still be paid for the request; `None` is no limit."""
        ceiling_usd = self.request.max_cost_usd
        return None if ceiling_usd is None else ceiling_usd - self._paid_usd - self.spent.cost_usd

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
        if in_vain or (len(self._begun) > 1 and failure.retry_after_s is None):
            failure.should_retry = False
        return failure


def _together(parts: Sequence[Usage]) -> Usage:
    """Return what an answer of several parts took: the question once, and the words of all."""
    return Usage(
        input_tokens=parts[0].input_tokens,
        output_tokens=sum([part.output_tokens for part in parts]),
        counted=all(part.counted for part in parts),
    )


def _waits(attempts: Sequence[Attempt]) -> Iterator[float]:
    """Yield how long each attempt was waited for, as far as none before it was waited for at that time."""
    until = 0.0
    for attempt in attempts:
        overlap_s = max(0.0, until - attempt.started_at)
        yield max(0.0, attempt.waited_so_far_s - overlap_s)
        until = max(until, attempt.ended_at or 0.0)
