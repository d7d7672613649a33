"""Workflow 1: a request's way from analysis to record, in the phases of the specification (docs/specification.md)."""

import random
from collections.abc import Sequence
from functools import partial

import msgspec

from guardian_cluster.contract.records import Outcome, RequestRecord
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.request.answer import Answer
from guardian_cluster.request.assignment import RoutingAnalysis, SpecialistAssignment
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.request.balancing.plan import ResourceAllocation
from guardian_cluster.request.bodies import BodyPolicy, KeptBody
from guardian_cluster.request.cascade import Begin, Cascade, is_assessable
from guardian_cluster.request.checks.citations import sources_of
from guardian_cluster.request.context import ContextMaintainer
from guardian_cluster.request.coordinator import CommunicationCoordinator
from guardian_cluster.request.execution import Execution
from guardian_cluster.request.ports import Cluster, ReportSink
from guardian_cluster.request.quality import QualityAssurance
from guardian_cluster.request.recording import Recorder
from guardian_cluster.request.response import ProcessedResponse
from guardian_cluster.request.results import results_of
from guardian_cluster.request.router import RequestRouter
from guardian_cluster.request.sharing import Insights
from guardian_cluster.request.steering.way import Way
from guardian_cluster.request.validation import Validation
from guardian_cluster.request.work import Work
from guardian_cluster.specialists.specialist import Chunk, Context
from guardian_cluster.watcher.guard import SharedGuard
from guardian_cluster.watcher.intake import Intake


class RequestProcessingWorkflow:
    """Takes requests through analysis, allocation, context, watched execution, checks and record."""

    def __init__(
        self,
        router: RequestRouter,
        load_balancer: LoadBalancer,
        context_maintainer: ContextMaintainer,
        quality_assurance: QualityAssurance,
        cluster: Cluster,
        sink: ReportSink,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.router = router
        self.load_balancer = load_balancer
        self.context_maintainer = context_maintainer
        self.quality_assurance = quality_assurance
        self.clock = clock
        self.cluster = cluster
        self._sink = sink
        self._rng = rng
        self._unguessable = random.SystemRandom()
        """For what authors of documents, or models, must not foresee; the other one's state shows in what it drew."""
        snapshot = cluster.snapshot
        self._bodies = BodyPolicy(snapshot.base.records, rng)
        self.recorder = Recorder(clock, snapshot.rev, snapshot.base.router_salt.value)

    async def process_request(self, user_request: UserRequest) -> ProcessedResponse:
        """Answer a request whole.

        Raises:
            GuardianError: it cannot be answered; the class says why.
        """
        answer = self.open(user_request.as_whole())
        chunks: list[Chunk] = []

        async def keep(batch: list[Chunk]) -> None:
            chunks.extend(batch)

        await answer.run(keep)
        assert answer.work is not None
        assert answer.record is not None
        return ProcessedResponse(
            request_id=user_request.id,
            answer=chunks[0],
            results=results_of(answer.work, chunks[0]),
            record=answer.record,
        )

    def open(self, user_request: UserRequest) -> Answer:
        """Return the answer to a request, to be read in pieces as they may leave."""
        return Answer(self, user_request, self.clock.monotonic())

    def begin_intake(self, user_request: UserRequest) -> Intake | None:
        """Return what looks through a request before all phases; `None` where there is nothing to look for."""
        specialists = self.cluster.snapshot.base.specialists
        if not specialists:
            return None
        any_watcher = self.cluster.get_watcher_guardian(specialists[0].name)  # nobody is chosen yet
        return any_watcher.begin_intake(user_request, self.clock, self._unguessable)

    async def begin(
        self,
        user_request: UserRequest,
        started: float,
        intake: Intake | None = None,
        way: Way | None = None,
    ) -> tuple[Work, Context]:
        """Go through the phases up to execution; return the work to be done, and the context it is done in.

        `intake` has looked through the request, and looks through what is added to it; `way` is what moves make of it.

        Raises:
            GuardianError: nobody may or can serve the request.
        """
        # Phase 1: request analysis and routing
        routing_analysis = await self.router.analyze_request(user_request, way)
        specialist_assignments = await self.router.assign_specialists(routing_analysis)
        # Phase 2: load balancing and resource allocation
        resource_allocation = await self.load_balancer.allocate_resources(specialist_assignments)
        # Phase 3: context preparation
        context = await self.context_maintainer.prepare_context(user_request, specialist_assignments, intake)
        # Phases 4 and 5: specialist execution with guardian monitoring, and quality assurance of each part;
        # several parts are synthesised by their coordinator.
        insights = Insights()
        begin = partial(self._execute_with_monitoring, resource_allocation, context, started, insights.guard)
        work = self._work(routing_analysis, specialist_assignments, begin, insights)
        if intake is not None:
            work.asked_with = intake.report
        return work, context

    async def _execute_with_monitoring(
        self,
        allocation: ResourceAllocation,
        context: Context,
        started: float,
        guard: SharedGuard,
        assignment: SpecialistAssignment,
        *,
        is_held: bool,
        paid_usd: float,
    ) -> Execution:
        """Return the execution: specialist and watcher run in one pass, for a coroutine cannot be awaited twice."""
        plan = allocation.plans.get(assignment.id)
        if plan is None:  # somebody is asked who was not meant to be at first
            plan = (await self.load_balancer.allocate_resources([assignment])).plans[assignment.id]
        return Execution(
            assignment,
            plan,
            _context_of(assignment, context),
            self.cluster,
            self.load_balancer,
            self.clock,
            self._rng,
            guard,
            started=started,
            is_held=is_held,
            paid_usd=paid_usd,
        )

    def _work(
        self,
        analysis: RoutingAnalysis,
        assignments: Sequence[SpecialistAssignment],
        begin: Begin,
        insights: Insights,
    ) -> Work:
        """Return what carries out the assignments: one on its way up, or several side by side."""
        request = analysis.request
        policy = self.cluster.snapshot.base.routing
        if assignments[0].part is None:
            validation = None
            if isinstance(request.view, ChatRequest) and is_assessable(request.view):
                questions = {1: request.view.last_question()}
                wanted = request.view.wanted_form
                sources = sources_of(request.view.messages)
                validation = Validation(self.quality_assurance, questions, insights, wanted, sources)
            return Cascade(assignments[0], begin, validation, policy)
        questions = {each.part.number: each.part.text for each in assignments if each.part is not None}
        validation = Validation(self.quality_assurance, questions, insights)
        cascades = {
            each.part.number: Cascade(each, begin, validation, policy)
            for each in assignments
            if each.part is not None
        }
        watch = self.cluster.get_watcher_guardian(assignments[0].specialist_id).monitor_execution(request)
        return CommunicationCoordinator(
            request.id,
            analysis.parts,
            cascades,
            validation,
            insights,
            watch,
            self.clock,
            streamed=request.streamed,
        )

    def keep_words(self, request: UserRequest) -> KeptBody | None:
        """Return what collects the words of a request, where its operator chose to keep them."""
        return self._bodies.begin(request, self.cluster.redaction(request.tenant))

    def collect_performance_metrics(
        self, answer: Answer, outcome: Outcome, kept: KeptBody | None = None
    ) -> RequestRecord:
        """Phase 6: record what happened. The record leaves after the response."""
        record = self.recorder.record(answer, outcome)
        self._sink.report(record)
        if kept is not None:
            kept.report(self._sink, self.clock)
        return record


def _context_of(assignment: SpecialistAssignment, context: Context) -> Context:
    """Return what an assignment is answered from: a part stands alone, so what the whole refers to is not shown it."""
    if assignment.part is None:
        return context
    return msgspec.structs.replace(context, messages=assignment.task.request.body["messages"], fitted=None)
