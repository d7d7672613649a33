"""A Load Balancer for tests: its clock, what it reported, and requests for its specialists."""

import random
from typing import Any

from harness import Collected, base, specialist
from msgspec.structs import replace

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.contract.snapshot import BalancingPolicy, Overlay, Snapshot, Specialist
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.balancing.load_balancer import LoadBalancer, Tried
from guardian_cluster.request.balancing.plan import Candidate, Plan
from guardian_cluster.request.balancing.tries import Try
from guardian_cluster.specialists.specialist import Task

URL = "http://127.0.0.1:9/v1"
DOWN = AttemptFailed("down", code="upstream_error")
LIMITED = AttemptFailed("busy", code="upstream_rate_limited", upstream_status=429)


def smart(endpoints: int = 2, **facts: Any) -> Specialist:
    return specialist("smart", *[URL] * endpoints, **facts)


class Balanced:
    """The balancer of one snapshot; requests are for its first specialist, the others stand in for it."""

    def __init__(self, *specialists: Specialist, overlay: Overlay | None = None, **policy: Any) -> None:
        self.clock = ManualClock()
        self.collected = Collected()
        self.balancer = LoadBalancer(self.clock, random.Random(1), self.collected)
        self.configure(*(specialists or (smart(),)), overlay=overlay, **policy)

    def configure(self, *specialists: Specialist, overlay: Overlay | None = None, **policy: Any) -> None:
        serving = replace(base(*specialists), balancing=BalancingPolicy(**policy))
        self.specialists = specialists
        self.balancer.configure(Snapshot(rev=1, base=serving, overlay=overlay or Overlay()))

    def assignment(
        self, question: str = "hi", *, streamed: bool = False, **facts: Any
    ) -> SpecialistAssignment:
        body = {"model": "smart", "messages": [{"role": "user", "content": question}], "stream": streamed}
        first, *others = self.specialists
        request = UserRequest(body=body, **facts)
        task = Task(request=request, specialist=first, variant=first.variants[0])
        stand_ins = tuple(each for each in others if each.name in (*first.equals, *first.fallback))
        return SpecialistAssignment(
            id="a", specialist_id=first.name, task=task, alternatives=stand_ins, reason="test"
        )

    async def plan(self, question: str = "hi", *, streamed: bool = False) -> Plan:
        allocation = await self.balancer.allocate_resources([self.assignment(question, streamed=streamed)])
        return allocation.plans["a"]

    async def chosen(self, tried: Tried | None = None) -> str | None:
        """Return who is asked next, by the endpoint's id."""
        found = self.balancer.choose(await self.plan(), tried or {})
        return None if found is None else found.endpoint.id

    def candidate(self, plan: Plan, endpoint_id: str) -> Candidate:
        return next(each for tier in plan.tiers for each in tier if each.endpoint.id == endpoint_id)

    async def begin(self, endpoint_id: str, *, streamed: bool = False) -> Try:
        plan = await self.plan(streamed=streamed)
        return self.balancer.begin(self.candidate(plan, endpoint_id), plan.demand)

    async def answer(self, endpoint_id: str, took_s: float = 1.0, *, streamed: bool = False) -> None:
        """Have an endpoint answer one request."""
        attempt = await self.begin(endpoint_id, streamed=streamed)
        self.clock.advance(took_s)
        attempt.heard(content=True)
        attempt.succeeded(10)

    async def fail(self, endpoint_id: str, failure: AttemptFailed = DOWN) -> None:
        """Have an endpoint fail one request at once."""
        (await self.begin(endpoint_id)).failed(failure)

    @property
    def events(self) -> list[tuple[str, str]]:
        """What was reported of endpoints."""
        return [
            (event.kind, event.subject) for event in self.collected.reports if isinstance(event, GatewayEvent)
        ]
