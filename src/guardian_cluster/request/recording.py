"""The record of a request: what is reported of it, and what of that its caller may see."""

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
from guardian_cluster.request.usage import Spent
from guardian_cluster.specialists.specialist import Context

if TYPE_CHECKING:
    from guardian_cluster.request.answer import Answer

MAX_NAME_CHARACTERS = 200
"""Of a requested model or a session in a record: they are the caller's own words, of any length."""


def record_of(answer: "Answer", outcome: Outcome, clock: Clock, rev: int) -> RequestRecord:
    """Return the record of an answer as it stands now."""
    request, work, error = answer.request, answer.work, answer.error
    duration_s = clock.monotonic() - answer.started_at
    leads = work.leads if work else ()
    lead = leads[0] if len(leads) == 1 else None  # several are named by their parts
    candidate = lead.candidate if lead else None
    spent = work.spent if work else Spent()
    found = work or (answer.intake.report if answer.intake is not None else MonitoringReport())
    return RequestRecord(
        id=request.id,
        started=clock.now() - duration_s,
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
        verdicts=tuple(map(verdict_record, found.verdicts)),
        scores=tuple(map(score_record, found.scores)),
        quality=work.quality if work else None,
        intent_alignment=work.intent_alignment if work else None,
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
        rev=rev,
        session=request.session[:MAX_NAME_CHARACTERS] if request.session else None,
        routing=lead.assignment.routing if lead else _routing(work.executions) if work else None,
        assessments=tuple(work.assessments) if work else (),
        parts=tuple(work.parts) if work else (),
        context=_context_record(answer, lead.shown if lead else None),
    )


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
    )


def score_record(score: Score) -> ScoreRecord:
    """Return a score as it is reported."""
    return ScoreRecord(detector=score.detector, value=score.value)


def facts(record: RequestRecord) -> dict[str, Any]:
    """Return the final facts of a request as its caller may see them: all but what only a learner reads."""
    shown = msgspec.to_builtins(record)
    for holder in (shown["routing"], *shown["assessments"]):
        if holder is not None:
            del holder["features"]
    return shown
