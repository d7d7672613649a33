"""Moves at the moment of asking: drains that come meanwhile, trials, caps, and what is forgiven."""

import random

from balanced import LIMITED, URL, Balanced, smart
from harness import specialist
from held_moves import overlay
from msgspec.structs import replace

from guardian_cluster.contract.snapshot import Base, Overlay, Snapshot
from guardian_cluster.domain.action import Drain, LimitConcurrency
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.request.balancing.plan import Plan
from guardian_cluster.request.steering.steering import Steering

FIRST, SECOND = Drain(specialist="smart", endpoint="smart/1"), Drain(specialist="smart", endpoint="smart/2")


async def plan_of(balanced: Balanced, moves: Overlay, seed: int = 1) -> Plan:
    """Return the plan of a request that has come under these moves."""
    assignment = balanced.assignment()
    snapshot = Snapshot(rev=1, base=Base(specialists=balanced.specialists), overlay=moves)
    way = Steering(snapshot, balanced.clock, random.Random(seed)).way(assignment.task.request)
    allocation = await balanced.balancer.allocate_resources([replace(assignment, way=way)])
    return allocation.plans["a"]


def ids(plan: Plan) -> list[list[str]]:
    return [[each.endpoint.id for each in tier] for tier in plan.tiers]


async def test_a_request_under_way_is_not_given_to_who_is_drained_meanwhile():
    balanced = Balanced(smart(2))
    plan = await balanced.plan()
    balanced.configure(smart(2), overlay=overlay(FIRST))

    found = [balanced.balancer.choose(plan, {}) for _ in range(20)]
    assert {each.endpoint.id for each in found if each is not None} == {"smart/2"}


async def test_what_was_left_out_is_noted():
    moves = overlay(FIRST, Drain(specialist="backup"))
    balanced = Balanced(smart(2, fallback=("backup",)), specialist("backup", URL), overlay=moves)
    plan = await plan_of(balanced, moves)

    assert ids(plan) == [["smart/2"], []]
    assert plan.way is not None
    assert plan.way.moves == ("a1",), "who only stands in was left out of nothing"


async def test_where_all_are_drained_those_are_asked_that_no_person_drained():
    person = overlay(FIRST, loop="person").moves[0]
    moves = Overlay(moves=(replace(person, id="p"), *overlay(FIRST, SECOND).moves))
    balanced = Balanced(smart(2), overlay=moves)
    plan = await plan_of(balanced, moves)

    assert ids(plan) == [["smart/2"]]
    assert {await balanced.chosen() for _ in range(20)} == {"smart/2"}


async def test_an_endpoint_that_failed_is_no_reason_to_ask_one_that_is_drained():
    balanced = Balanced(smart(2), overlay=overlay(FIRST))
    plan = (await balanced.plan()).without("smart/2")

    assert balanced.balancer.choose(plan, {"smart/2": 1}) is None


async def test_a_trial_asks_the_drained_one_first_though_others_are_faster():
    moves = overlay(replace(FIRST, trial=0.2))
    balanced = Balanced(smart(3), overlay=moves)
    for endpoint in ("smart/2", "smart/3"):
        await balanced.answer(endpoint, 0.1)
    trials = 0
    for seed in range(100):
        plan = await plan_of(balanced, moves, seed)
        assert plan.way is not None
        found = balanced.balancer.choose(plan, {})
        assert found is not None
        plan.way.note_asked("smart", found.endpoint.id)
        if found.endpoint.id == "smart/1":
            trials += 1
            assert plan.way.moves == ("a1:trial",)
            assert ids(plan) == [["smart/1"], ["smart/2", "smart/3"]]
        else:
            assert plan.way.moves == ("a1",)
            assert ids(plan) == [["smart/2", "smart/3"]]

    assert 8 <= trials <= 35


async def test_an_endpoint_is_given_no_more_at_once_than_a_move_allows():
    balanced = Balanced(
        smart(2), overlay=overlay(LimitConcurrency(specialist="smart", endpoint="smart/1", most=2))
    )
    for _ in range(2):
        await balanced.begin("smart/1")
    for _ in range(5):
        await balanced.begin("smart/2")

    assert {await balanced.chosen() for _ in range(20)} == {"smart/2"}
    balanced.clock.advance(1e10)
    assert "smart/1" in {await balanced.chosen() for _ in range(20)}


async def test_what_is_forgiven_is_asked_at_once():
    balanced = Balanced(smart(2))
    for endpoint in ("smart/1", "smart/2") * 20:
        await balanced.answer(endpoint, 0.5)
    for _ in range(30):
        await balanced.fail("smart/1")
        balanced.clock.advance(0.2)
    await balanced.fail("smart/1", asks_for_a_pause())
    assert {await balanced.chosen() for _ in range(20)} == {"smart/2"}

    balanced.balancer.forgive("smart/1")
    balanced.balancer.forgive("unknown/1")

    await balanced.begin("smart/2")
    assert {await balanced.chosen() for _ in range(20)} == {"smart/1"}
    kinds = [kind for kind, subject in balanced.events if subject == "smart/1"]
    assert kinds.count("endpoint_failing") == kinds.count("endpoint_recovered")
    assert kinds.count("endpoint_ejected") == kinds.count("endpoint_readmitted")


async def test_what_hangs_there_is_forgiven_too_and_still_counted_right():
    balanced = Balanced(smart(2))
    for endpoint in ("smart/1", "smart/2") * 20:
        await balanced.answer(endpoint, 0.5)
    hanging = [await balanced.begin("smart/1") for _ in range(3)]
    balanced.clock.advance(20.0)
    balanced.balancer.forgive("smart/1")

    for each in hanging:
        each.failed(LIMITED)
    health = balanced.balancer.health("smart/1")
    assert health.in_flight == 0
    assert not health.breaker.is_ejected


def asks_for_a_pause() -> AttemptFailed:
    return AttemptFailed("busy", code="busy", retry_after_s=60.0, upstream_status=429)
