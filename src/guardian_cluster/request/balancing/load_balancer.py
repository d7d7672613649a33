"""The Load Balancer decides which endpoint is asked next, from what this gateway has seen of all of them."""

import random
from collections.abc import Iterable, Mapping

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import LimitExceeded
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.balancing.affinity import BALANCED, number_of, score
from guardian_cluster.request.balancing.budgets import Budgets
from guardian_cluster.request.balancing.cost import cost
from guardian_cluster.request.balancing.demand import demand_of
from guardian_cluster.request.balancing.health import EndpointHealth
from guardian_cluster.request.balancing.observed import Observed
from guardian_cluster.request.balancing.opening import drained_by, opened, trials_first
from guardian_cluster.request.balancing.plan import Candidate, Demand, Plan, ResourceAllocation
from guardian_cluster.request.balancing.planning import Planning
from guardian_cluster.request.balancing.probing import Probes
from guardian_cluster.request.balancing.stall import stall_after_s
from guardian_cluster.request.balancing.tries import Try
from guardian_cluster.request.ports import ReportSink
from guardian_cluster.request.steering.steering import Steering
from guardian_cluster.request.waiting.waiting_room import WaitingRoom

Tried = Mapping[str, int]
"""Endpoint id -> attempts that a request made there already."""

LOOK_S = 1.0
"""How often is looked for endpoints that are dead: little against the seconds of silence that make one so."""

CHANCE = 0.01
"""Of a cost: among equals that nobody knows it decides, so that gateways do not all begin with the same one."""

HEDGED_SUCCESS = 0.5
"""Who is asked as well has to be likelier to answer than not."""

Priced = list[tuple[float, Candidate]]


class LoadBalancer:
    """Prefers the endpoint of the least cost (cost.py) in the first tier that has one that is fit."""

    def __init__(self, clock: Clock, rng: random.Random, sink: ReportSink) -> None:
        self._monotonic = clock.monotonic
        self._clock = clock
        self._random = rng.random
        self._policy = contract.BalancingPolicy()
        self._waiting = WaitingRoom(clock, sink, self._policy)
        self._observed = Observed(clock, sink, self._waiting.wake)
        self._planning = Planning()
        self._rng = rng
        self._steering = Steering(contract.Snapshot(rev=0, base=contract.Base(specialists=())), clock, rng)
        self._max_attempts = 1
        self._budgets = Budgets(self._policy.retry_share, self._policy.hedge_share)
        self._probes = Probes()
        self._addresses: dict[str, tuple[str, str]] = {}
        self._looked_at = 0.0
        self._numbers: dict[str, int] = {}

    def configure(self, snapshot: contract.Snapshot) -> None:
        """Take over a snapshot; what is known of endpoints that stay is kept."""
        serving = snapshot.base
        self._policy = serving.balancing
        self._max_attempts = serving.limits.max_attempts
        self._steering = Steering(snapshot, self._clock, self._rng)
        self._planning = Planning(serving.specialists)
        self._budgets.configure(self._policy.retry_share, self._policy.hedge_share)
        self._waiting.configure(self._policy)
        ids = [endpoint.id for each in serving.specialists for endpoint in each.endpoints]
        self._observed.keep(self._unmoved(serving), self._planning.names)
        self._numbers = {name: number_of(name) for name in ids}
        self._waiting.wake()

    def _unmoved(self, serving: contract.Base) -> list[str]:
        """Return the endpoints that are still where they were: what is known of an id is known of its server."""
        before = self._addresses
        self._addresses = {
            endpoint.id: (endpoint.url, endpoint.model)
            for each in serving.specialists
            for endpoint in each.endpoints
        }
        return [name for name, address in self._addresses.items() if before.get(name, address) == address]

    async def allocate_resources(
        self, specialist_assignments: list[SpecialistAssignment]
    ) -> ResourceAllocation:
        """Plan each assignment.

        Raises:
            LimitExceeded: an assignment has no endpoint that is there, and awake.
        """
        return ResourceAllocation({each.id: self._plan(each) for each in specialist_assignments})

    def _plan(self, assignment: SpecialistAssignment) -> Plan:
        tiers = self._planning.tiers(assignment)
        candidates = tiers[0] if len(tiers) == 1 else [each for tier in tiers for each in tier]
        if not candidates:
            raise busy(assignment.specialist_id)
        demand = demand_of(assignment.task.request, candidates, affinity=self._policy.affinity)
        if not self._steering.has_moves:
            return Plan(tiers, demand, self._max_attempts)
        plan = Plan(tiers, demand, self._max_attempts, tuple(candidates), assignment.way)
        return self._by_moves(plan, assignment.specialist_id)

    def _by_moves(self, plan: Plan, specialist_id: str) -> Plan:
        """Return a new plan as moves have it, and note what they left out of the specialist's own endpoints."""
        in_force, way = self._steering.in_force(), plan.way
        after = self._opened(plan)
        if not after.has_untried(()):
            raise busy(specialist_id)
        if way is None:
            return after
        for each in plan.tiers[0]:
            if each not in after.tiers[0]:
                way.note(*drained_by(each, in_force, way))
        return msgspec.structs.replace(after, tiers=trials_first(after.tiers, in_force, way))

    def _opened(self, plan: Plan) -> Plan:
        """Return a plan without those that are drained now."""
        in_force, everyone = self._steering.in_force(), plan.everyone
        if in_force.is_empty:
            return plan
        everyone = everyone or tuple([each for tier in plan.tiers for each in tier])
        return msgspec.structs.replace(plan, tiers=opened(plan.tiers, everyone, in_force, plan.way))

    def choose(self, plan: Plan, tried: Tried) -> Candidate | None:
        """Return whom to ask now, `None` where nobody has room.

        One that was tried is returned only where no other is left in any tier. Nobody is returned to a request that
        comes while others wait for the same.
        """
        if len(self._waiting) and not tried and self._waiting.waits(*_lane(plan)):
            return None
        return self._choose(plan, tried)

    def _choose(self, plan: Plan, tried: Tried) -> Candidate | None:
        now = self._monotonic()
        if self._policy.breaker and not 0.0 <= now - self._looked_at < LOOK_S:
            self._look(now)
        if self._steering.has_moves:
            plan = self._opened(plan)
        second_best, streamed = None, plan.demand.streamed
        for tier in plan.tiers:
            best = self._best(self._priced(tier, plan.demand, tried, now), plan.demand, now)
            if best is None:
                continue
            if tier is plan.tiers[-1] and second_best is None:
                return best
            if self._observed.healths[best.endpoint.id].is_fit(now, streamed=streamed):
                return best
            second_best = second_best or best
        return second_best or self._last_resort(plan, tried, now)

    def _priced(self, tier: Iterable[Candidate], demand: Demand, tried: Tried, now: float) -> Priced:
        """Return who of a tier was not tried and has room, each with its cost."""
        healths, streamed, found = self._observed.healths, demand.streamed, Priced()
        scarcity = self._budgets.scarcity()
        for candidate in tier:
            name = candidate.endpoint.id
            if name in tried:
                continue
            health = healths.get(name) or self._observed.health(name)
            if health.breaker.is_ejected and health.breaker.is_shut(now, health.in_flight):
                continue
            if self._has_room(candidate, health, demand, now):
                found.append((cost(health, now, scarcity, streamed=streamed), candidate))
        return found

    def _best(self, priced: Priced, demand: Demand, now: float) -> Candidate | None:
        """Return the cheapest, or, while load is balanced, who is most likely to know how the request begins."""
        if len(priced) < 2:
            return priced[0][1] if priced else None
        least, best = 0.0, None
        for price, candidate in priced:
            price *= 1.0 + CHANCE * self._random()
            if best is None or price < least:
                least, best = price, candidate
        if demand.prefix is None or not self._policy.affinity:
            return best
        return self._familiar(priced, demand, least * BALANCED) or best

    def _familiar(self, priced: Priced, demand: Demand, most: float) -> Candidate | None:
        """Return who has most likely seen such a beginning, if its cost is at most that and nobody waits there."""
        numbers, prefix = self._numbers, demand.prefix or 0
        price, familiar = max(
            priced,
            key=lambda each: score(
                prefix, numbers.get(each[1].endpoint.id) or number_of(each[1].endpoint.id)
            ),
        )
        if price > most:
            return None
        pace = self._observed.healths[familiar.endpoint.id].pace(streamed=demand.streamed)
        return None if pace.is_queueing() else familiar

    def _last_resort(self, plan: Plan, tried: Tried, now: float) -> Candidate | None:
        """Return whom to ask where nobody else is left: those that are ejected, then those that were tried."""
        choices: list[tuple[int, float, Candidate]] = []
        for tier in plan.tiers:
            for candidate in tier:
                name = candidate.endpoint.id
                health = self._observed.health(name)
                if self._has_room(candidate, health, plan.demand, now):
                    price = cost(health, now, streamed=plan.demand.streamed)
                    choices.append((tried.get(name, 0), price, candidate))
        return min(choices, key=lambda each: each[:2])[2] if choices else None

    def _has_room(self, candidate: Candidate, health: EndpointHealth, demand: Demand, now: float) -> bool:
        limit, endpoint = candidate.specialist.max_concurrency, candidate.endpoint
        in_flight = health.in_flight
        if health.not_before > now or (limit is not None and in_flight >= limit):
            return False
        if in_flight >= health.limit.most and self._policy.adaptive_concurrency:
            return False
        requests, tokens = endpoint.requests_per_minute, endpoint.tokens_per_minute
        has_rate = requests is not None or tokens is not None
        if has_rate and not health.rates.has_room(requests, tokens, demand.tokens, now):
            return False
        if not self._steering.has_moves:
            return True
        most = self._steering.in_force().most_at_once.get(endpoint.id)
        return most is None or in_flight < most

    def _look(self, now: float) -> None:
        self._looked_at = now
        for group in self._planning.groups():
            if len(group) > 1:
                self._observed.look(group, now)

    def begin(self, candidate: Candidate, demand: Demand) -> Try:
        """Begin an attempt: counted in flight, and its endpoint's rates reserved, until it ends."""
        return Try(self._observed, candidate, demand)

    def note_request(self) -> None:
        """Note one request: retries and hedges are shares of them."""
        self._budgets.note_request()

    def may_retry(self) -> bool:
        """Take one from the retry budget; return whether there was one."""
        return self._budgets.may_retry()

    def has_retry(self) -> bool:
        """Return whether there is one, without taking it."""
        return self._budgets.has_retry()

    def is_resting(self, candidate: Candidate) -> bool:
        """Return whether an endpoint has failed so often just now that another request will only fail there too."""
        success = self._observed.health(candidate.endpoint.id).success
        return success.is_on_trial() and self._monotonic() < success.rests_until

    def hedge_after_s(self, plan: Plan, asked: Candidate) -> float | None:
        """Return after which time without an answer another endpoint is asked as well; `None` is never."""
        if not asked.specialist.hedge or self._policy.hedge_share <= 0.0:
            return None
        return self._observed.late(asked.specialist.name, streamed=plan.demand.streamed).late_s()

    def may_hedge(self, plan: Plan, asked: Candidate, tried: Tried) -> Candidate | None:
        """Return whom to ask as well, now; `None` where nobody has capacity to spare or the budget is used up."""
        if not asked.specialist.hedge or not self._budgets.has_hedge() or len(self._waiting):
            return None
        if self._steering.has_moves:
            plan = self._opened(plan)
        now, streamed = self._monotonic(), plan.demand.streamed
        taken = {**tried, asked.endpoint.id: 1}
        for tier in plan.tiers:
            if all(each.endpoint.id != asked.endpoint.id for each in tier):
                continue  # those that stand in are for when nobody is left, and may be dearer, or weaker
            willing = [each for each in tier if each.specialist.hedge]
            best = self._best(self._priced(willing, plan.demand, taken, now), plan.demand, now)
            if best is None:
                continue
            health = self._observed.health(best.endpoint.id)
            if health.success.estimate(now, health.in_flight) < HEDGED_SUCCESS:
                continue
            if self._has_spare_capacity(tier, health, now, streamed=streamed):
                self._budgets.take_hedge()
                return best
        return None

    def _has_spare_capacity(
        self, tier: Iterable[Candidate], health: EndpointHealth, now: float, *, streamed: bool
    ) -> bool:
        """Return whether a request more makes nobody wait, at an endpoint and at the others of its tier."""
        if self._observed.is_short([each.endpoint.id for each in tier], streamed=streamed):
            return False
        return health.has_spare_capacity(now, streamed=streamed)

    def stall_after_s(self, candidate: Candidate) -> float:
        """Return the silence after which a stream is taken for dead where somebody else could go on with it."""
        usual_s = self._observed.health(candidate.endpoint.id).gaps.value
        return stall_after_s(usual_s, candidate.specialist.timeouts.between_chunks_s)

    async def room(self, plan: Plan, tried: Tried, deadline: float) -> Candidate:
        """Wait in turn for an endpoint to have room, at most until the monotonic `deadline`.

        Raises:
            LimitExceeded: none will have in the time that a request may wait.
        """
        specialist, apart = _lane(plan)
        pause_s = self._pause_s(plan)
        if pause_s > min(self._policy.wait_s, deadline - self._monotonic()):
            raise left_alone(specialist, pause_s)
        return await self._waiting.enter(
            specialist, plan.demand.key, deadline, lambda: self._choose(plan, tried), apart=apart
        )

    def _pause_s(self, plan: Plan) -> float:
        """Return for how long every endpoint of a plan has asked to be left alone; 0 where one has not."""
        now = self._monotonic()
        candidates = [each for tier in plan.tiers for each in tier]
        untils = [self._observed.health(each.endpoint.id).not_before for each in candidates]
        return max(0.0, min(untils, default=now) - now)

    def forgive(self, endpoint_id: str) -> None:
        """Forget what is held against an endpoint: it is given requests at once, as if it had never failed."""
        if self._observed.forgive(endpoint_id, self._monotonic()):
            self._waiting.wake()

    def health(self, endpoint_id: str) -> EndpointHealth:
        """Return what is known of an endpoint."""
        return self._observed.health(endpoint_id)

    def probes_due(self, now: float) -> list[str]:
        """Return the endpoints that are to be asked now for something that costs nothing: those that are left alone."""
        return self._probes.due(self._observed.healths, now)

    def probed(self, endpoint_id: str, ok: bool) -> None:
        """Note what came of it: one that answered is given one request, and is back when it answers that."""
        health, now = self._observed.health(endpoint_id), self._monotonic()
        came_back, health.is_deaf = ok and health.is_deaf, not ok
        if ok:
            health.success.allow_trial(now)
            if health.breaker.is_ejected:
                health.breaker.half_open(now, health.in_flight if came_back else 0)
                if came_back:
                    health.streamed.come_back(now)
                    health.whole.come_back(now)
            self._waiting.wake()


def _lane(plan: Plan) -> tuple[str, tuple[str, ...]]:
    """Return for whom a request waits, and with whom: those that may go to the same endpoints."""
    ids = tuple([each.endpoint.id for tier in plan.tiers for each in tier])
    first = next((each.specialist.name for tier in plan.tiers for each in tier), "")
    return first, ids


def left_alone(specialist_id: str, pause_s: float) -> LimitExceeded:
    """Return the refusal of a request whose endpoints have all said until when they take no more."""
    return LimitExceeded(
        f"Every endpoint of `{specialist_id}` has asked to be left alone for {pause_s:.1f} s more.",
        code="upstream_rate_limited",
        retry_after_s=pause_s,
    )


def busy(specialist_id: str) -> LimitExceeded:
    """Return the refusal of a request for whose specialists nobody is awake."""
    return LimitExceeded(
        f"Every endpoint of `{specialist_id}` is busy; try again shortly.",
        code="specialist_busy",
        retry_after_s=1.0,
    )
