"""Specialists who are told who does what, for tests: everything of a cluster but its router's own choice."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from assurance import ScriptedAssurance
from clusters import Seen
from harness import Collected, base, specialist

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract import snapshot as contract
from guardian_cluster.contract.snapshot import RoutingPolicy, Snapshot
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.assignment import RoutingAnalysis, SpecialistAssignment
from guardian_cluster.request.choice import Option
from guardian_cluster.request.decomposition import Part
from guardian_cluster.request.needs import Needs
from guardian_cluster.request.parts import request_for
from guardian_cluster.request.response import ProcessedResponse
from guardian_cluster.request.steering.way import Way
from guardian_cluster.request.workflow import RequestProcessingWorkflow
from guardian_cluster.simulation import ModelServer
from guardian_cluster.simulation.connection import Connection, RawRequest
from guardian_cluster.specialists.specialist import Chunk, Task

NAMES = ("first", "second", "third")

Assign = Callable[[UserRequest, Sequence[contract.Specialist]], list[SpecialistAssignment]]


class GatedServer(ModelServer):
    """A model that answers once its gate is open."""

    def __init__(self, *said: Any, **settings: Any) -> None:
        super().__init__(*said, **settings)
        self.gate = asyncio.Event()
        self.waiting = 0  # requests that have arrived at the gate
        self.left = 0  # those whose client left before it was opened

    async def _answer(self, connection: Connection, raw: RawRequest) -> None:
        self.waiting += 1
        self._note_change()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.left += 1
            self._note_change()
            raise
        await super()._answer(connection, raw)


@dataclass
class Given(Seen):
    """What a caller was given, as it came."""

    response: ProcessedResponse | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, batch: list[Chunk]) -> None:
        self.chunks.extend(batch)
        self.changed.set()

    async def until(self, text: str) -> None:
        """Wait until that text is there."""
        async with asyncio.timeout(5):
            while text not in self.text:
                self.changed.clear()
                await self.changed.wait()


class SetRouter:
    """A router that was told."""

    def __init__(
        self, assign: Callable[[UserRequest], list[SpecialistAssignment]], ceiling_usd: float | None
    ) -> None:
        self._assign = assign
        self._ceiling_usd = ceiling_usd

    def way(self, request: UserRequest) -> Way | None:
        return None

    async def analyze_request(self, user_request: UserRequest, way: Way | None = None) -> RoutingAnalysis:
        parts = tuple(each.part for each in self._assign(user_request) if each.part is not None)
        request = msgspec.structs.replace(user_request, max_cost_usd=self._ceiling_usd)
        return RoutingAnalysis(request=request, requested="auto", needs=Needs(), parts=parts)

    async def assign_specialists(self, routing_analysis: RoutingAnalysis) -> list[SpecialistAssignment]:
        return self._assign(routing_analysis.request)


@dataclass
class Team:
    """Specialists at work."""

    servers: list[Any]
    workflow: RequestProcessingWorkflow
    collected: Collected

    async def ask(self, *, stream: bool = False, given: Given | None = None, **fields: Any) -> Given:
        """Put one request; an error is returned, not raised."""
        messages = [{"role": "user", "content": "What is 17 * 23?"}]
        request = UserRequest(body={"model": "auto", "messages": messages, "stream": stream, **fields})
        given = given or Given()
        try:
            if stream:
                await self.workflow.open(request).run(given.take)
            else:
                given.response = await self.workflow.process_request(request)
                given.chunks = [given.response.answer]
        except GuardianError as error:
            given.error = error
        finally:
            (given.record,) = [record for record in self.collected.requests if record.id == request.id]
        return given


@asynccontextmanager
async def team(
    assign: Assign,
    assurance: ScriptedAssurance,
    *said: Any,
    routing: RoutingPolicy | None = None,
    ceiling_usd: float | None = None,
    clock: Clock | None = None,
    watch: contract.WatchPolicy | None = None,
    **facts: Any,
) -> AsyncGenerator[Team]:
    """Run a specialist for everything `said`: a text, or a server that says it."""
    async with AsyncExitStack() as stack:
        made = [each if isinstance(each, ModelServer) else ModelServer(each) for each in said]
        servers = [await stack.enter_async_context(server) for server in made]
        facts = {"tier": 1, **facts}
        members = [specialist(name, s.url, **facts) for name, s in zip(NAMES, servers, strict=False)]
        serving = msgspec.structs.replace(
            base(*members, watch=watch), routing=routing or RoutingPolicy(max_asked=9)
        )
        collected, rng = Collected(), random.Random(1)
        cluster = LLMGuardianCluster(Snapshot(rev=1, base=serving), sink=collected, clock=clock, rng=rng)
        await stack.enter_async_context(cluster)
        built = cluster.workflow
        router: Any = SetRouter(lambda request: assign(request, members), ceiling_usd)
        checks: Any = assurance
        workflow = RequestProcessingWorkflow(
            router,
            built.load_balancer,
            built.context_maintainer,
            checks,
            built.cluster,
            collected,
            cluster.clock,
            rng,
        )
        yield Team(servers, workflow, collected)


def option_of(specialist: contract.Specialist) -> Option:
    """Return what a router might expect of a specialist."""
    return Option(specialist.name, success=0.8, trust=0.0, cost_usd=0.001)


def one_after_another(
    request: UserRequest, members: Sequence[contract.Specialist]
) -> list[SpecialistAssignment]:
    """Have the first asked, and the others, in their order, where its answer is likely wrong."""
    return [_assignment(request, members[0], members[1:], None)]


def side_by_side(request: UserRequest, members: Sequence[contract.Specialist]) -> list[SpecialistAssignment]:
    """Give each a part of its own."""
    assignments: list[SpecialistAssignment] = []
    for number, member in enumerate(members, 1):
        part = Part(number, f"Question {number}?", "general", f"Question {number}?")
        assignments.append(_assignment(request_for(request, part, None), member, (), part))
    return assignments


def _assignment(
    request: UserRequest, first: contract.Specialist, others: Sequence[contract.Specialist], part: Part | None
) -> SpecialistAssignment:
    return SpecialistAssignment(
        id=request.id if part else f"{request.id}.1",
        specialist_id=first.name,
        task=Task(request=request, specialist=first, variant=first.variants[0]),
        alternatives=tuple(others),
        reason="told",
        option=option_of(first),
        ladder=tuple(map(option_of, others)),
        reserve=tuple(others),
        mistake_usd=0.01,
        part=part,
    )
