"""The record of a request: what is reported of it, and what of that its caller may see.

Part of it only guardians read: what the request was about, and what a bad answer was like. It is worked out once, when
the record is written for good (docs/design/observations.md).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from guardian_cluster.contract.records import (
    ContextRecord,
    Outcome,
    RequestRecord,
    RoutingRecord,
    ScoreRecord,
    VerdictRecord,
)
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.verdict import MonitoringReport, Score, Verdict
from guardian_cluster.request.execution import Execution
from guardian_cluster.request.fingerprint import fingerprint_of_work
from guardian_cluster.request.subject import UNKNOWN, Subject, Subjects
from guardian_cluster.request.usage import Spent
from guardian_cluster.specialists.specialist import Context
from guardian_cluster.statistics.word_numbers import WordNumbers

if TYPE_CHECKING:
    from guardian_cluster.request.answer import Answer

MAX_NAME_CHARACTERS = 200
"""Of a requested model or a session in a record: they are the caller's own words, of any length."""


ONLY_FOR_GUARDIANS = ("model", "language", "template", "words", "fingerprint", "moves")
"""Fields that say nothing to a caller, or that are its operator's business."""


class Recorder:
    """Writes the records of the requests that one snapshot serves."""

    def __init__(self, clock: Clock, rev: int, salt: str) -> None:
        """Prepare; `salt` is the installation's own, under which words become numbers."""
        self._clock = clock
        self._rev = rev
        self._subjects = Subjects(salt)

    def draft(self, answer: "Answer", outcome: Outcome) -> RequestRecord:
        """Return the record of an answer as it stands now, without what only guardians read."""
        return self._record(answer, outcome, UNKNOWN, None)

    def record(self, answer: "Answer", outcome: Outcome) -> RequestRecord:
        """Return the record of an answer that has ended, with what guardians tell requests apart by."""
        return self._record(answer, outcome, self._subjects.of(answer.request), self._subjects.numbers)

    def _record(
        self, answer: "Answer", outcome: Outcome, subject: Subject, numbers: WordNumbers | None
    ) -> RequestRecord:
        request, work, error = answer.request, answer.work, answer.error
        duration_s = self._clock.monotonic() - answer.started_at
        leads = work.leads if work else ()
        lead = leads[0] if len(leads) == 1 else None  # several are named by their parts
        candidate = lead.candidate if lead else None
        spent = work.spent if work else Spent()
        found = work or (answer.intake.report if answer.intake is not None else MonitoringReport())
        verdicts = tuple(map(verdict_record, found.verdicts))
        quality = work.quality if work else None
        alignment = work.intent_alignment if work else None
        fingerprint = b""
        if numbers is not None and work is not None:
            # What was found in the request itself is no fault of its answer.
            is_found = error is not None or len(verdicts) > len(work.asked_with.verdicts)
            if is_found or _is_partial(quality) or _is_partial(alignment):
                fingerprint = fingerprint_of_work(work, numbers)
        return RequestRecord(
            id=request.id,
            started=self._clock.now() - duration_s,
            tenant=request.tenant,
            key=request.key,
            requested_model=request.model[:MAX_NAME_CHARACTERS],
            operation=request.operation,
            streamed=request.streamed,
            specialist=candidate.specialist.name if candidate else None,
            endpoint=candidate.endpoint.id if candidate else None,
            variant=candidate.specialist.variants[0].id if candidate else None,
            propensity=lead.assignment.propensity if lead else 1.0,
            attempts=work.attempts if work else (),
            verdicts=verdicts,
            scores=tuple(map(score_record, found.scores)),
            quality=quality,
            intent_alignment=alignment,
            outcome=outcome,
            status=error.http_status if error and not (work and work.committed) else 200,
            error=error.code if error else None,
            finish_reason=work.finish_reason if work else None,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            tokens_estimated=spent.is_estimated,
            cost_usd=spent.cost_usd,
            duration_ms=1e3 * duration_s,
            overhead_ms=1e3 * answer.overhead_s(duration_s),
            first_token_ms=1e3 * (answer.left_at - answer.started_at) if answer.left_at is not None else None,
            chunks=sum([each.chunks for each in work.executions]) if work else 0,
            rev=self._rev,
            session=request.session[:MAX_NAME_CHARACTERS] if request.session else None,
            routing=lead.assignment.routing if lead else _routing(work.executions) if work else None,
            assessments=tuple(work.assessments) if work else (),
            parts=tuple(work.parts) if work else (),
            context=_context_record(answer, lead.shown if lead else None),
            model=candidate.endpoint.model if candidate else None,
            language=subject.language,
            template=subject.template,
            words=subject.words,
            fingerprint=fingerprint,
            moves=answer.way.moves if answer.way is not None else (),
        )


def _is_partial(share: float | None) -> bool:
    return share is not None and share < 1.0


def _routing(executions: Sequence[Execution]) -> RoutingRecord | None:
    """Return the choice that was made; of several parts the first for which there were some to choose from."""
    made = [execution.assignment.routing for execution in executions]
    there = [routing for routing in made if routing is not None]
    return next((routing for routing in there if routing.candidates), there[0] if there else None)


def _context_record(answer: "Answer", shown: Context | None) -> ContextRecord | None:
    """Return what was shown of a conversation; of a request in parts nothing is, for each part stands alone."""
    context = answer.context
    if context is None or (context.conversation is None and context.problem is None):
        return None
    shown = shown or Context(messages=None)
    return ContextRecord(
        history=shown.history,
        left_out=shown.left_out,
        left_out_tokens=shown.left_out_tokens,
        remembered=answer.remembered,
        problem=context.problem,
    )


def verdict_record(verdict: Verdict) -> VerdictRecord:
    """Return a verdict as it is reported."""
    return VerdictRecord(
        detector=verdict.detector,
        rule=verdict.rule,
        action=verdict.action,
        channel=verdict.channel,
        choice=verdict.choice,
        position=verdict.position,
        endpoint=verdict.endpoint,
    )


def score_record(score: Score) -> ScoreRecord:
    """Return a score as it is reported."""
    return ScoreRecord(detector=score.detector, value=score.value)


def facts(record: RequestRecord) -> dict[str, Any]:
    """Return the final facts of a request as its caller may see them: all but what only learners and guardians read."""
    shown = msgspec.to_builtins(record)
    for name in ONLY_FOR_GUARDIANS:
        del shown[name]
    for attempt in shown["attempts"]:
        del attempt["said"]
    for holder in (shown["routing"], *shown["assessments"]):
        if holder is not None:
            del holder["features"]
    return shown
