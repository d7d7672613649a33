"""The Communication Coordinator has several specialists work on the parts of one request, side by side.

Reasoning, retrieval and the validation of both begin together. Watchers tell one another what they see while it
lasts; parts leave in their order as soon as each is checked; one that fails or is late is named, and the rest is
answered.
"""

import asyncio
from collections.abc import Mapping, Sequence

from guardian_cluster.contract.records import AssessmentRecord, PartRecord
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed, DeadlineExceeded, GuardianError, NoSpecialist
from guardian_cluster.domain.verdict import MonitoringReport, Verdict
from guardian_cluster.request.cascade import Cascade
from guardian_cluster.request.decomposition import Part
from guardian_cluster.request.execution import Execution
from guardian_cluster.request.floor import Emit
from guardian_cluster.request.sharing import Insights, PerformanceInsight
from guardian_cluster.request.synthesis import (
    PartAnswer,
    ResponseCoordinator,
    answer_of,
    opening,
    piece,
    whole,
)
from guardian_cluster.request.validation import Validation
from guardian_cluster.request.words import Words
from guardian_cluster.request.work import Work, least
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.sliced_watch import SlicedWatch

MAX_JOINED_CHARACTERS = 1_000_000
"""Of the joined answer that are looked through for its parts: ten times what is checked of one."""


class CommunicationCoordinator(Work):
    """The work of several specialists on one request."""

    def __init__(
        self,
        request_id: str,
        parts: Sequence[Part],
        cascades: Mapping[int, Cascade],
        validation: Validation,
        insights: Insights,
        watch: SlicedWatch,
        clock: Clock,
        *,
        streamed: bool,
    ) -> None:
        """Coordinate the work on `parts`, which `cascades` has by number, as far as there is somebody for each.

        `watch` watches the joined answer.
        """
        self.request_id = request_id
        self.validation = validation
        self.answers: list[PartAnswer] = []
        """What came of the parts so far, in their order."""
        self._parts = parts
        self._cascades = cascades
        self._committed = self._is_over = False
        self._joined = MonitoringReport()
        """Of the joined answer, from its own watch."""
        self.missing: list[int] = []
        """Parts that are not in the finished answer as they were checked: there should be none."""
        self._insights = insights
        self._watch = watch
        self._response = ResponseCoordinator()
        self._clock = clock
        self._streamed = streamed
        self._records: dict[int, PartRecord] = {}
        self._sent = ""
        self._left = Words(MAX_JOINED_CHARACTERS)

    @property
    def cascades(self) -> Sequence[Cascade]:
        """The parts' own work, in their order."""
        return tuple(self._cascades.values())

    @property
    def executions(self) -> Sequence[Execution]:
        """See `Work.executions`; part by part."""
        return [execution for cascade in self.cascades for execution in cascade.executions]

    @property
    def leads(self) -> Sequence[Execution]:
        """See `Work.leads`."""
        return [cascade.lead for cascade in self.cascades if cascade.lead is not None]

    @property
    def committed(self) -> bool:
        """See `Work.committed`."""
        return self._committed

    @property
    def ended(self) -> bool:
        """See `Work.ended`."""
        return self._is_over

    @property
    def waited_s(self) -> float:
        """See `Work.waited_s`: the parts wait side by side, so it is that of the one that waited longest."""
        return max((cascade.waited_s for cascade in self.cascades), default=0.0)

    @property
    def assessments(self) -> Sequence[AssessmentRecord]:
        """See `Work.assessments`."""
        return [assessment for cascade in self.cascades for assessment in cascade.assessments]

    @property
    def parts(self) -> Sequence[PartRecord]:
        """See `Work.parts`."""
        return [self._records[number] for number in sorted(self._records)]

    @property
    def quality(self) -> float | None:
        """See `Work.quality`: that of the worst part, or of the joined answer where that is lower."""
        return least((self._joined.quality, *(cascade.quality for cascade in self.cascades)))

    @property
    def intent_alignment(self) -> float | None:
        """See `Work.intent_alignment`: the share of the parts that are in the answer, where that is lower."""
        answered = [answer for answer in self.answers if answer.error is None]
        share = (len(answered) - len(self.missing)) / len(self._parts)
        of_parts = (cascade.intent_alignment for cascade in self.cascades)
        return least((share, self._joined.intent_alignment, *of_parts))

    @property
    def finish_reason(self) -> str | None:
        """See `Work.finish_reason`."""
        if self._joined.tripped:
            return self._watch.finish_reason
        return self._response.finish_reason(self.answers) if self._is_over else None

    @property
    def tripped(self) -> bool:
        """See `Work.tripped`; the joined answer has a watcher of its own."""
        return super().tripped or self._joined.tripped

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """See `Work.verdicts`; with what the watches over the validation and over the joined answer found."""
        return (*super().verdicts, *self.validation.verdicts, *self._watch.verdicts)

    async def run(self, emit: Emit) -> None:
        """Hand the one answer to `emit`: part by part where it is streamed, else at its end.

        Raises:
            GuardianError: no part could be answered; it is the first part's error.
        """
        try:
            await self._work_on_all(emit)
        except BaseExceptionGroup as group:  # of which one is the cause: the reader's, or a fault of ours
            raise group.exceptions[0] from None
        await self._close(emit)

    async def _work_on_all(self, emit: Emit) -> None:
        async with asyncio.TaskGroup() as tasks:
            preparing = tasks.create_task(self.validation.prepare())
            begun_at = self._clock.monotonic()
            working = {
                number: tasks.create_task(self._work_on(number, cascade, begun_at))
                for number, cascade in self._cascades.items()
            }
            await preparing
            for part in self._parts:
                if part.number in working:
                    answer = await self._ended(part.number, working)
                else:
                    answer = self._unserved(part)
                self.answers.append(answer)
                await self._send_what_is_ready(emit)

    async def _work_on(self, number: int, cascade: Cascade, begun_at: float) -> PartAnswer:
        """Have one part answered, and tell the others how that went; a failure is a part's answer too."""
        error: GuardianError | None = None
        try:
            await cascade.run(_nowhere)
        except GuardianError as failed:
            error = failed
        answer = _answer_of(cascade, error)
        self._records[number] = self._record(answer)
        self._insights.share(
            PerformanceInsight(
                part=number,
                specialist=answer.specialist,
                duration_s=self._clock.monotonic() - begun_at,
                attempts=sum(len(execution.attempts) for execution in cascade.executions),
                is_answered=error is None,
            )
        )
        return answer

    async def _ended(self, number: int, working: Mapping[int, "asyncio.Task[PartAnswer]"]) -> PartAnswer:
        """Return what came of a part; one that takes far longer than all the others is given up."""
        task = working[number]
        others = [key for key in working if key != number]
        while not task.done():
            patience_s = self._insights.patience_s(number, others)
            running = {each for each in working.values() if not each.done()}
            ended, _ = await asyncio.wait(running, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if not ended:
                task.cancel()
                await asyncio.wait({task})
        if not task.cancelled():
            return task.result()
        answer = _late(self._cascades[number])
        self._records[number] = self._record(answer, late=True)
        return answer

    def _unserved(self, part: Part) -> PartAnswer:
        """Return what is said of a part that nobody who is configured may or can answer."""
        error = NoSpecialist(
            "nobody that is configured and awake may or can answer it", code="no_able_specialist"
        )
        answer = PartAnswer(part=part, error=error)
        self._records[part.number] = self._record(answer)
        return answer

    def _record(self, answer: PartAnswer, *, late: bool = False) -> PartRecord:
        """Return the record of a part that ends now: with what its watcher was told until now."""
        number = answer.part.number
        context = self._insights.context_quality(number)
        heard = [*self._insights.heard_by(number), *([context] if context else [])]
        leaks = [f"leak: {reason}" for reason in self._insights.guard.reasons()]
        return PartRecord(
            number=number,
            requirement=answer.part.requirement,
            specialist=answer.specialist,
            outcome="late" if late else "ok" if answer.error is None else "failed",
            error=answer.error.code if answer.error else None,
            shared=(*map(str, heard), *leaks),
        )

    async def _send_what_is_ready(self, emit: Emit) -> None:
        """Send the sections that are not out yet, once one part is answered: until then all may fail."""
        if not self._streamed or all(answer.error for answer in self.answers):
            return
        text = "".join(map(self._response.section, self.answers))
        begin = [] if self._sent else [opening()]
        fresh, self._sent = text[len(self._sent) :], text
        await self._emit([*begin, piece(fresh)], emit)

    async def _close(self, emit: Emit) -> None:
        """Send the end of a stream, or the whole answer; check that every part is in it."""
        if all(answer.error for answer in self.answers):
            error = self.answers[0].error
            assert error is not None
            raise error
        text = "".join(map(self._response.section, self.answers))
        reason = self._response.finish_reason(self.answers)
        last = piece(None, reason) if self._streamed else whole(text, reason, self.token_counts())
        await self._emit([last], emit)
        self._is_over = True
        self.missing = self._response.missing(self.answers, self._left.text)
        self._joined = self._watch.finish(may_retry=False)

    async def _emit(self, batch: list[Chunk], emit: Emit) -> None:
        """Let pieces of the joined answer leave past a watch of its own: what is harmless apart may not be joined."""
        released = await self._watch.feed_in_turns(batch, self._clock)
        if released:
            self._committed = True
            self._left.take(released)
            await emit(released)


async def _nowhere(batch: list[Chunk]) -> None:
    """Let nothing leave: what a part says is in its execution's words, and leaves with the others."""


def _answer_of(cascade: Cascade, error: GuardianError | None) -> PartAnswer:
    part, lead = cascade.assignment.part, cascade.lead
    assert part is not None
    if error is None and lead is not None:
        error = _unusable(lead.words)
    return answer_of(part, None if error is not None else lead, cascade.assessment, error)


def _unusable(words: Words) -> GuardianError | None:
    """Return why the words of a part cannot stand in a joined answer: there are none, or not all of them."""
    if not words.is_whole:
        return AttemptFailed("its answer is too long to be put together with others", code="part_too_long")
    if not words.text.strip():
        return AttemptFailed("its answer has no words", code="upstream_empty")
    return None


def _late(cascade: Cascade) -> PartAnswer:
    part = cascade.assignment.part
    assert part is not None
    error = DeadlineExceeded("it took far longer than all other parts, and was given up", code="part_late")
    return PartAnswer(part=part, error=error)
