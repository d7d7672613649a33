"""Router and balancer obey moves: properties over any set of them."""

import asyncio
import random
from collections.abc import Sequence

import msgspec
from harness import Collected, base, specialist
from held_moves import held
from hypothesis import given, settings
from hypothesis import strategies as st
from routers import router_of

from guardian_cluster.contract.snapshot import Capabilities, Overlay, Snapshot, Tenant
from guardian_cluster.domain.action import (
    ChangeTimeouts,
    Drain,
    HeldMove,
    LimitConcurrency,
    Loop,
    RenewPool,
    Reroute,
    Shed,
    UseVariant,
)
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.request.balancing.plan import Candidate, Plan
from guardian_cluster.request.router import RequestRouter

URL = "http://127.0.0.1:9/v1"
SERVING = base(
    specialist("a", URL, URL, fallback=("b",), labels=("eu",)),
    specialist("b", URL, equals=("c",), labels=("eu",)),
    specialist("c", URL, URL),
    specialist("blind", URL, labels=("eu",), capabilities=Capabilities(tools=False, vision=False)),
    tenants=(Tenant(name="strict", requires=("eu",)),),
)
NAMES = [each.name for each in SERVING.specialists]
ENDPOINTS = [(each.name, endpoint.id) for each in SERVING.specialists for endpoint in each.endpoints]
NOW = ManualClock().now()
PATIENT: set[Loop] = {"recovery", "experiment", "optimization", "learning"}

_names, _endpoints = st.sampled_from(NAMES), st.sampled_from(ENDPOINTS)
_shares = st.sampled_from([0.0, 0.2, 0.5, 1.0])
_where = st.sampled_from([(), (("tenant", "strict"),), (("topic", "t"),)])
_drains = st.builds(lambda name: Drain(specialist=name), _names) | st.builds(
    lambda place: Drain(specialist=place[0], endpoint=place[1]), _endpoints
)
_trials = st.builds(lambda drain, trial: msgspec.structs.replace(drain, trial=trial), _drains, _shares)
_reroutes = st.builds(Reroute, specialist=_names, to=_names, where=_where, share=_shares)
_others = (
    st.builds(UseVariant, specialist=_names, variant=st.sampled_from(["v1", "v9"]))
    | st.builds(ChangeTimeouts, specialist=_names, total_s=st.sampled_from([None, 5.0, -1.0]))
    | st.builds(lambda place: LimitConcurrency(specialist=place[0], endpoint=place[1], most=1), _endpoints)
    | st.builds(lambda place: RenewPool(specialist=place[0], endpoint=place[1]), _endpoints)
)
_sheds = st.builds(Shed, specialist=_names, where=_where, share=_shares)
_loops: st.SearchStrategy[Loop] = st.sampled_from(["person", "safety", "recovery", "experiment"])
_untils = st.sampled_from([NOW - 1.0, NOW + 5.0, NOW + 50.0])


def _held(moves: st.SearchStrategy[Drain], loops: st.SearchStrategy[Loop]) -> st.SearchStrategy[HeldMove]:
    return st.builds(lambda move, loop, until: held(move, "", loop=loop, until=until), moves, loops, _untils)


def _sets(moves: st.SearchStrategy[HeldMove]) -> st.SearchStrategy[list[HeldMove]]:
    several = st.lists(moves, max_size=6)
    return several.map(lambda all: [msgspec.structs.replace(each, id=f"m{n}") for n, each in enumerate(all)])


_any_moves = _sets(_held(_trials | _drains | _reroutes | _others | _sheds, _loops))  # type: ignore[arg-type]
_gentle_moves = _sets(
    _held(_drains | _reroutes | _others, st.sampled_from(sorted(PATIENT)))  # type: ignore[arg-type]
)
_requests = st.builds(
    lambda name, tenant, tools: UserRequest(
        body={
            "model": name,
            "messages": [{"role": "user", "content": "Why is the sky blue?"}],
            **({"tools": [{"type": "function", "function": {"name": "f"}}]} if tools else {}),
        },
        tenant=tenant,
    ),
    st.sampled_from([*NAMES, "auto"]),
    st.sampled_from(["default", "strict"]),
    st.booleans(),
)


class House:
    """Router and balancer under one set of moves."""

    def __init__(self, moves: Sequence[HeldMove]) -> None:
        self.clock = ManualClock()
        overlay = Overlay(moves=tuple(moves))
        self.router: RequestRouter = router_of(SERVING, moves=moves, clock=self.clock)
        self.balancer = LoadBalancer(self.clock, random.Random(1), Collected())
        self.balancer.configure(Snapshot(rev=1, base=SERVING, overlay=overlay))

    def plan(self, request: UserRequest) -> tuple[str, Plan]:
        return asyncio.run(self._plan(request))

    async def _plan(self, request: UserRequest) -> tuple[str, Plan]:
        (assignment,) = await self.router.assign_specialists(await self.router.analyze_request(request))
        allocation = await self.balancer.allocate_resources([assignment])
        return assignment.reason, allocation.plans[assignment.id]

    def asked(self, plan: Plan) -> list[Candidate]:
        """Return whom the request is given to, one after another, as long as each fails."""
        found: list[Candidate] = []
        tried: dict[str, int] = {}
        while (candidate := self.balancer.choose(plan, tried)) is not None and len(found) < 8:
            found.append(candidate)
            tried[candidate.endpoint.id] = tried.get(candidate.endpoint.id, 0) + 1
            self.balancer.may_hedge(plan, candidate, tried)
        return found


def drained(moves: Sequence[HeldMove], place: Candidate, *, loops: set[Loop] | None = None) -> bool:
    """Return whether somebody drains an endpoint for every request now."""
    return any(
        isinstance(each.move, Drain)
        and each.until > NOW
        and each.move.trial <= 0.0
        and (loops is None or each.loop in loops)
        and (each.move.endpoint or each.move.specialist) in (place.endpoint.id, place.specialist.name)
        for each in moves
    )


@settings(max_examples=300, deadline=None)
@given(_any_moves, _requests)
def test_nobody_is_given_what_a_person_drained_and_what_a_loop_drained_only_where_nobody_else_is_there(
    moves: list[HeldMove], request: UserRequest
):
    house = House(moves)
    try:
        _, plan = house.plan(request)
    except GuardianError:
        return

    for each in house.asked(plan):
        assert not drained(moves, each, loops={"person", "safety"})
        if drained(moves, each):
            assert plan.way is not None
            assert not any(plan.way.is_open(other.specialist) for other in plan.everyone)


@settings(max_examples=300, deadline=None)
@given(_gentle_moves, _requests)
def test_no_request_is_left_without_anybody_by_what_loops_do(moves: list[HeldMove], request: UserRequest):
    try:
        House(()).plan(request)
    except GuardianError:
        return  # nor without moves

    house = House(moves)
    _, plan = house.plan(request)
    assert house.asked(plan)


@settings(max_examples=200, deadline=None)
@given(_any_moves, _requests)
def test_whoever_is_asked_could_have_been_asked_without_moves(moves: list[HeldMove], request: UserRequest):
    house = House(moves)
    try:
        _, plan = house.plan(request)
    except GuardianError:
        return

    for each in house.asked(plan):
        assert request.tenant != "strict" or "eu" in each.specialist.labels
        assert not request.body.get("tools") or each.specialist.name != "blind"


@settings(max_examples=200, deadline=None)
@given(_any_moves, _requests)
def test_when_their_time_is_over_all_is_exactly_as_without_them(moves: list[HeldMove], request: UserRequest):
    seen: list[object] = []
    for some in ((), moves):
        house = House(some)
        house.clock.advance(60.0)
        try:
            reason, plan = house.plan(request)
        except GuardianError as error:
            seen.append((type(error), error.message))
            continue
        assert plan.way is None
        seen.append((reason, plan.tiers, plan.demand, house.asked(plan)))

    assert seen[0] == seen[1]


def test_numbers_are_rerouted_only_to_whom_their_operator_names():
    request = UserRequest(body={"model": "a", "input": "hi"}, operation="embeddings")
    for target, asked in (("b", "b"), ("c", "a")):
        _, plan = House([held(Reroute(specialist="a", to=target))]).plan(request)
        assert plan.tiers[0][0].specialist.name == asked


def test_where_all_are_drained_by_a_loop_nothing_has_changed_the_way_of_a_request():
    for model in ("a", "auto"):
        request = UserRequest(body={"model": model, "messages": [{"role": "user", "content": "Why?"}]})
        _, plan = House([held(Drain(specialist=name), f"d-{name}") for name in NAMES]).plan(request)
        assert plan.way is not None
        assert plan.way.moves == ()
