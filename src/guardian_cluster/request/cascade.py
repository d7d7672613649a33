"""Carries out one part of a request: asks, checks the answer, asks another specialist where it is likely wrong.

The ladder ends with the best answer there is, never with less than the first one: a specialist that fails when
it is asked second costs its price, and no answer.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from guardian_cluster.contract.records import AssessmentRecord
from guardian_cluster.contract.snapshot import RoutingPolicy
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.domain.verdict import Verdict
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.choice import Option
from guardian_cluster.request.escalation import Accept, Decision, revised
from guardian_cluster.request.execution import Execution
from guardian_cluster.request.floor import Emit
from guardian_cluster.request.quality import Assessment
from guardian_cluster.request.validation import Validation
from guardian_cluster.request.work import Work
from guardian_cluster.specialists.specialist import Chunk

Begin = Callable[..., Awaitable[Execution]]
"""Begins the execution of an assignment; with `is_held`, one from which nothing leaves before it is complete."""


class Answered(msgspec.Struct, frozen=True):
    """A complete answer that has not left yet."""

    execution: Execution
    chunks: list[Chunk]
    assessment: Assessment


class Cascade(Work):
    """One assignment on its way up."""

    def __init__(
        self,
        assignment: SpecialistAssignment,
        begin: Begin,
        validation: Validation | None,
        policy: RoutingPolicy,
    ) -> None:
        """Prepare the work; without a `validation` its answer is not one that can be checked."""
        self.assignment = assignment
        self.lead: Execution | None = None
        """The execution whose answer leaves, or the one under way."""
        self.assessment: Assessment | None = None
        """Of the answer that leaves."""
        self._begin = begin
        self._validation = validation
        self._policy = policy
        self._number = assignment.part.number if assignment.part else 1
        self._executions: list[Execution] = []
        self._assessments: list[AssessmentRecord] = []
        self._emitted = self._is_held = False
        self._answered: list[Answered] = []

    async def run(self, emit: Emit) -> None:
        """Hand the answer to `emit` as it may leave.

        Raises:
            GuardianError: nobody who was asked could answer, or an answer broke off after content had left.
        """
        if not self.assignment.ladder:
            await self._let_out(self.assignment, emit)
            return
        assignment: SpecialistAssignment | None = self.assignment
        if self._validation is not None:
            await self._validation.prepare()
        while assignment is not None:
            is_last = not self._may_ask_another(assignment, asked=len(self._executions) + 1)
            if is_last and not self._answered:
                await self._let_out(assignment, emit)
                return
            assignment = await self._hold(assignment, emit)
        if not self._emitted:
            await self._emit_best(emit)

    @property
    def executions(self) -> Sequence[Execution]:
        """See `Work.executions`."""
        return self._executions

    @property
    def leads(self) -> Sequence[Execution]:
        """See `Work.leads`."""
        return () if self.lead is None else (self.lead,)

    @property
    def committed(self) -> bool:
        """See `Work.committed`; what was held had not left when it was complete."""
        lead = self.lead
        return lead is not None and ((lead.committed and not self._is_held) or self._emitted)

    @property
    def ended(self) -> bool:
        """See `Work.ended`."""
        return self.lead is not None and self.lead.ended

    @property
    def waited_s(self) -> float:
        """See `Work.waited_s`."""
        return sum([execution.waited_s + execution.paused_s for execution in self._executions])

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """See `Work.verdicts`; of a whole request, with what the watch over its validation found."""
        found = super().verdicts
        if self._validation is None or self.assignment.part is not None or not self._validation.verdicts:
            return found
        return (*found, *self._validation.verdicts)

    @property
    def assessments(self) -> Sequence[AssessmentRecord]:
        """See `Work.assessments`."""
        return self._assessments

    @property
    def quality(self) -> float | None:
        """See `Work.quality`."""
        return self.lead.report.quality if self.lead is not None else None

    @property
    def intent_alignment(self) -> float | None:
        """See `Work.intent_alignment`."""
        return self.lead.report.intent_alignment if self.lead is not None else None

    @property
    def finish_reason(self) -> str | None:
        """See `Work.finish_reason`."""
        return self.lead.finish_reason if self.lead is not None else None

    @property
    def _paid_usd(self) -> float:
        return sum([each.spent.cost_usd for each in self._executions])

    @property
    def _is_whole(self) -> bool:
        return not self.assignment.task.request.streamed

    def _may_ask_another(self, assignment: SpecialistAssignment, *, asked: int) -> bool:
        """Return whether there is somebody to ask after `asked` of them, and something that could tell to."""
        if self._validation is None or self._policy.cascade == "off" or asked >= self._policy.max_asked:
            return False
        if not self._ladder(assignment):
            return False
        if self._is_whole or self._policy.cascade == "always":
            return True
        if assignment.task.specialist.kind != "http":  # at once, and it knows when it has found nothing
            return True
        return self._validation.framework(self._number).is_checkable

    def _ladder(self, assignment: SpecialistAssignment) -> list[Option]:
        """Return who may be asked next: nobody who has answered already, in its own place or in another's."""
        asked = {execution.candidate.specialist.name for execution in self._executions}
        return [option for option in assignment.ladder if option.name not in asked]

    async def _let_out(self, assignment: SpecialistAssignment, emit: Emit) -> None:
        """Let an answer leave as it comes, where nobody could be asked after it."""
        execution = await self._ask(assignment, is_held=False)
        await execution.run(emit)
        await self._note_left(assignment, execution)

    async def _hold(self, assignment: SpecialistAssignment, emit: Emit) -> SpecialistAssignment | None:
        """Hold an answer until it is checked, and return whom to ask next, if anybody.

        One that is too long to be held leaves as it comes after all.
        """
        chunks: list[Chunk] = []
        execution: Execution | None = None

        async def keep(batch: list[Chunk]) -> None:
            assert execution is not None
            if execution.ended and not self._emitted:
                chunks.extend(batch)
                return
            self._emitted = True
            await emit(batch)

        try:
            execution = await self._ask(assignment, is_held=True)
            await execution.run(keep)
        except GuardianError:
            if not self._answered or self._emitted:
                raise
            return None  # the answer before it stands
        if self._emitted:
            await self._note_left(assignment, execution)
            return None
        return await self._judge(assignment, execution, chunks)

    async def _judge(
        self, assignment: SpecialistAssignment, execution: Execution, chunks: list[Chunk]
    ) -> SpecialistAssignment | None:
        """Check an answer that is held, also against the one before it, and return whom to ask next."""
        assert self._validation is not None
        assessment = await self._assess(self._validation, assignment, execution)
        agreed = await self._agreed(execution)
        if agreed is not None:
            assessment = self._compared(assessment, agreed=agreed)
        self._answered.append(Answered(execution, chunks, assessment))
        decision = self._decide(assignment, execution, assessment, agreed)
        self._note(execution, assessment, decision.name, agreed)
        return None if isinstance(decision, Accept) else assignment.instead(decision.specialist)

    async def _ask(self, assignment: SpecialistAssignment, *, is_held: bool) -> Execution:
        execution = await self._begin(assignment, is_held=is_held, paid_usd=self._paid_usd)
        self._executions.append(execution)
        self.lead, self._is_held = execution, is_held
        return execution

    async def _assess(
        self, validation: Validation, assignment: SpecialistAssignment, execution: Execution
    ) -> Assessment:
        """Check an answer in the light of what was expected of whoever gave it."""
        option = _expected(assignment, execution)
        return await validation.assess(self._number, execution, option.success if option else None)

    async def _agreed(self, execution: Execution) -> bool | None:
        """Return whether an answer says the same as the one before it; `None` where that cannot be said."""
        if not self._answered or self._validation is None:
            return None
        before = self._answered[-1].execution.words.text
        return await self._validation.agree(self._number, before, execution.words.text)

    def _compared(self, assessment: Assessment, *, agreed: bool) -> Assessment:
        """Return what is to be thought of an answer now that there are two; of the one before, the same holds."""
        before = self._answered[-1]
        here, there = assessment.p_wrong, before.assessment.p_wrong
        self._answered[-1] = msgspec.structs.replace(
            before, assessment=_with(before.assessment, revised(there, 1.0 - here, agreed=agreed))
        )
        return _with(assessment, revised(here, 1.0 - there, agreed=agreed))

    def _decide(
        self,
        assignment: SpecialistAssignment,
        execution: Execution,
        assessment: Assessment,
        agreed: bool | None,
    ) -> Decision:
        """Return what to do with an answer that is held."""
        if agreed or not self._may_ask_another(assignment, asked=len(self._executions)):
            return Accept()
        ceiling_usd = assignment.task.request.max_cost_usd
        left_usd = None if ceiling_usd is None else ceiling_usd - self._paid_usd
        here = _expected(assignment, execution)
        assert self._validation is not None
        return self._validation.assurance.decide(
            assessment, here, self._ladder(assignment), assignment.mistake_usd, left_usd
        )

    async def _note_left(self, assignment: SpecialistAssignment, execution: Execution) -> None:
        """Check an answer of which everything has left, or that nobody could be asked after."""
        if self._validation is None:
            return
        if len(self._executions) == 1 and assignment.part is None and not assignment.ladder:
            self._validation.glance(self._number, execution)
        else:
            self.assessment = await self._assess(self._validation, assignment, execution)
            self._note(execution, self.assessment, "last" if self._is_whole else "too_late")

    def _note(
        self, execution: Execution, assessment: Assessment, decision: str, agreed: bool | None = None
    ) -> None:
        self._assessments.append(
            AssessmentRecord(
                specialist=execution.candidate.specialist.name,
                part=self._number,
                p_wrong=assessment.p_wrong,
                decision=decision,
                failed=assessment.failed,
                agreed=agreed,
                features=assessment.features,
            )
        )

    async def _emit_best(self, emit: Emit) -> None:
        """Let out the answer that is least likely wrong; of equals the last, for it comes from higher up."""
        best = min(reversed(self._answered), key=lambda answered: answered.assessment.p_wrong)
        self.lead, self.assessment = best.execution, best.assessment
        self._emitted = True
        await emit(best.chunks)


def _expected(assignment: SpecialistAssignment, execution: Execution) -> Option | None:
    """Return what was expected of whoever answered: the one assigned, or one that stood in for it."""
    name = execution.candidate.specialist.name
    options = (assignment.option, *assignment.ladder)
    return next((option for option in options if option is not None and option.name == name), None)


def _with(assessment: Assessment, p_wrong: float) -> Assessment:
    return msgspec.structs.replace(assessment, p_wrong=p_wrong)


def is_assessable(request: ChatRequest) -> bool:
    """Return whether an answer is one text that checks can read: one choice, no calls of tools."""
    return (request.n or 1) == 1 and not request.tools and not request.functions
