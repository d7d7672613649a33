"""Workflow 1: a request's way from analysis to record, in the phases of the specification (docs/specification.md)."""

import random
from typing import Any

import msgspec

from guardian_cluster.contract.records import Outcome, RequestRecord, VerdictRecord
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.domain.verdict import Verdict
from guardian_cluster.request.attempt import Emit, Execution
from guardian_cluster.request.balancer import LoadBalancer, ResourceAllocation
from guardian_cluster.request.bodies import BodyPolicy, KeptBody
from guardian_cluster.request.context import ContextMaintainer
from guardian_cluster.request.ports import Cluster, ReportSink
from guardian_cluster.request.response import ExecutionMetadata, ProcessedResponse, SpecialistResult
from guardian_cluster.request.router import RequestRouter, SpecialistAssignment
from guardian_cluster.request.usage import Spent, wants_usage
from guardian_cluster.specialists.specialist import Chunk, Context

MAX_NAME_CHARACTERS = 200
"""Of a requested model in a record: it is the caller's own words, of any length."""


class Answer:
    """One request being answered: the stream of what may leave, and the facts, which are final when it has ended."""

    def __init__(self, workflow: "RequestProcessingWorkflow", request: UserRequest, started: float) -> None:
        self.request = request
        self.execution: Execution | None = None
        self.record: RequestRecord | None = None
        self.error: GuardianError | None = None
        self.started_at = started
        self.client_waited_s = 0.0
        """The time spent waiting for the reader of the answer, as whoever emits it has measured."""
        self._workflow = workflow
        self._identity: dict[str, Any] = {}

    async def run(self, emit: Emit) -> None:
        """Hand the answer to `emit` as it may leave. It is recorded when it ends, however it ends.

        Raises:
            GuardianError: it cannot be answered, or not to the end.
        """
        outcome: Outcome = "cancelled"
        kept = self._workflow.keep_words(self.request)

        async def name_and_emit(batch: list[Chunk]) -> None:
            self._name(batch)
            if kept is not None:
                kept.take(batch)
            await emit(batch)

        try:
            self.execution = await self._workflow.begin(self.request)
            await self.execution.run(name_and_emit)
            outcome = "cut" if self.execution.report.tripped else "ok"
            if self.request.streamed and wants_usage(self.request):
                await emit([self._closing(self.execution, outcome)])
        except GuardianError as error:
            self.error = error
            outcome = "refused" if self.execution is None else "error"
            raise
        finally:
            self.record = self._workflow.collect_performance_metrics(self, outcome, kept)

    def overhead_s(self, duration_s: float) -> float:
        """Return the part of the time since the beginning that was spent neither on models nor on the reader.

        Pauses before an endpoint is asked again are spent on models.
        """
        execution = self.execution
        waited_s = execution.waited_s + execution.paused_s if execution is not None else 0.0
        return max(0.0, duration_s - waited_s - self.client_waited_s)

    def _name(self, batch: list[Chunk]) -> None:
        """Keep the answer's identity constant throughout, whoever answers, under the name that was asked for."""
        if not self._identity:
            # Some servers begin with a chunk that has no id yet: Azure, with what its filter found.
            named = next((chunk for chunk in batch if chunk.get("id")), batch[0])
            self._identity["id"] = named.get("id") or f"chatcmpl-{self.request.id}"
            self._identity["created"] = named.get("created") or int(self._workflow.clock.now())
        for chunk in batch:
            if "choices" in chunk:
                chunk.update(self._identity)
            chunk["model"] = self.request.model

    def _closing(self, execution: Execution, outcome: Outcome) -> Chunk:
        """Return the last chunk of a stream: the token counts and the final facts."""
        usage = execution.usage
        counts = {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": usage.input_tokens + usage.output_tokens,
        }
        chunk: Chunk = usage.closing or {"object": "chat.completion.chunk", "choices": [], "usage": counts}
        self._name([chunk])
        chunk["guardian"] = facts(self._workflow.record_of(self, outcome))
        return chunk


class RequestProcessingWorkflow:
    """Takes requests through analysis, allocation, context, watched execution, checks and record."""

    def __init__(
        self,
        router: RequestRouter,
        load_balancer: LoadBalancer,
        context_maintainer: ContextMaintainer,
        cluster: Cluster,
        sink: ReportSink,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.router = router
        self.load_balancer = load_balancer
        self.context_maintainer = context_maintainer
        self.clock = clock
        self.cluster = cluster
        self._sink = sink
        self._rng = rng
        self._bodies = BodyPolicy(cluster.snapshot.base.records, rng)

    async def process_request(self, user_request: UserRequest) -> ProcessedResponse:
        """Answer a request whole.

        Raises:
            GuardianError: it cannot be answered; the class says why.
        """
        if user_request.streamed:
            body = {
                name: value
                for name, value in user_request.body.items()
                if name not in ("stream", "stream_options")
            }
            user_request = msgspec.structs.replace(user_request, body=body, view=None)
        answer = self.open(user_request)
        chunks: list[Chunk] = []

        async def keep(batch: list[Chunk]) -> None:
            chunks.extend(batch)

        await answer.run(keep)
        assert answer.execution is not None
        assert answer.record is not None
        result = specialist_result(answer.execution, chunks[0])
        return ProcessedResponse(
            request_id=user_request.id, answer=chunks[0], results=(result,), record=answer.record
        )

    def open(self, user_request: UserRequest) -> Answer:
        """Return the answer to a request, to be read in pieces as they may leave."""
        return Answer(self, user_request, self.clock.monotonic())

    async def begin(self, user_request: UserRequest) -> Execution:
        """Go through the phases up to execution.

        Raises:
            GuardianError: nobody may or can serve the request.
        """
        # Phase 1: request analysis and routing
        routing_analysis = await self.router.analyze_request(user_request)
        specialist_assignments = await self.router.assign_specialists(routing_analysis)
        # Phase 2: load balancing and resource allocation
        resource_allocation = await self.load_balancer.allocate_resources(specialist_assignments)
        # Phase 3: context preparation
        context = await self.context_maintainer.prepare_context(user_request, specialist_assignments)
        # Phase 4: specialist execution with guardian monitoring. One request is one part until it is
        # decomposed.
        return self._execute_with_monitoring(specialist_assignments[0], resource_allocation, context)

    def _execute_with_monitoring(
        self, assignment: SpecialistAssignment, allocation: ResourceAllocation, context: Context
    ) -> Execution:
        """Return the execution: specialist and watcher run in one pass, for a coroutine cannot be awaited twice."""
        return Execution(
            assignment,
            allocation.plans[assignment.id],
            context,
            self.cluster,
            self.load_balancer,
            self.clock,
            self._rng,
        )

    def keep_words(self, request: UserRequest) -> KeptBody | None:
        """Return what collects the words of a request, where its operator chose to keep them."""
        return self._bodies.begin(request, self.cluster.redaction(request.tenant))

    def collect_performance_metrics(
        self, answer: Answer, outcome: Outcome, kept: KeptBody | None = None
    ) -> RequestRecord:
        """Phase 6: record what happened. The record leaves after the response."""
        record = self.record_of(answer, outcome)
        self._sink.report(record)
        if kept is not None:
            kept.report(self._sink, self.clock)
        return record

    def record_of(self, answer: Answer, outcome: Outcome) -> RequestRecord:
        """Return the record of an answer as it stands now."""
        request, execution, error = answer.request, answer.execution, answer.error
        duration_s = self.clock.monotonic() - answer.started_at
        first = execution.first_content_at if execution else None
        candidate = execution.candidate if execution else None
        spent = execution.spent if execution else Spent()
        return RequestRecord(
            id=request.id,
            started=self.clock.now() - duration_s,
            tenant=request.tenant,
            key=request.key,
            requested_model=request.model[:MAX_NAME_CHARACTERS],
            operation=request.operation,
            streamed=request.streamed,
            specialist=candidate.specialist.name if candidate else None,
            endpoint=candidate.endpoint.id if candidate else None,
            variant=candidate.specialist.variants[0].id if candidate else None,
            propensity=execution.assignment.propensity if execution else 1.0,
            attempts=tuple(execution.attempts) if execution else (),
            verdicts=tuple(map(verdict_record, execution.verdicts)) if execution else (),
            quality=execution.report.quality if execution else None,
            intent_alignment=execution.report.intent_alignment if execution else None,
            outcome=outcome,
            status=error.http_status if error and not (execution and execution.committed) else 200,
            error=error.code if error else None,
            finish_reason=execution.finish_reason if execution else None,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            tokens_estimated=spent.is_estimated,
            cost_usd=spent.cost_usd,
            duration_ms=1e3 * duration_s,
            overhead_ms=1e3 * answer.overhead_s(duration_s),
            first_token_ms=1e3 * (first - answer.started_at) if first else None,
            chunks=execution.chunks if execution else 0,
            rev=self.cluster.snapshot.rev,
        )


def specialist_result(execution: Execution, answer: Chunk) -> SpecialistResult:
    """Return what the execution contributed."""
    candidate = execution.candidate
    return SpecialistResult(
        assignment_id=execution.assignment.id,
        result=answer,
        monitoring_report=execution.report,
        execution_metadata=ExecutionMetadata(
            specialist=candidate.specialist.name,
            endpoint=candidate.endpoint.id,
            variant=candidate.specialist.variants[0].id,
            attempts=len(execution.attempts),
            duration_ms=sum(attempt.duration_ms for attempt in execution.attempts),
            waited_ms=1e3 * execution.waited_s,
        ),
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


def facts(record: RequestRecord) -> dict[str, Any]:
    """Return the final facts of a request as its caller may see them."""
    return msgspec.to_builtins(record)
