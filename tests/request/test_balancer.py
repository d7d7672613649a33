"""In which order endpoints are tried."""

import random
from typing import Any

import pytest
from harness import Collected, base, specialist
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.contract.snapshot import Base, Overlay, Snapshot, Specialist
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.errors import AttemptFailed, LimitExceeded
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.balancer import FIRST_REST_S, LONGEST_REST_S, Candidate, LoadBalancer
from guardian_cluster.specialists.specialist import Task

URL = "http://127.0.0.1:9/v1"
DOWN = AttemptFailed("down", code="upstream_error")


class Balanced:
    """A balancer, its clock and what it reported."""

    def __init__(self, serving: Base, overlay: Overlay | None = None) -> None:
        self.clock = ManualClock()
        self.collected = Collected()
        self.balancer = LoadBalancer(self.clock, random.Random(1), self.collected)
        self.configure(serving, overlay)

    def configure(self, serving: Base, overlay: Overlay | None = None) -> None:
        self.serving = serving
        self.balancer.configure(Snapshot(rev=1, base=serving, overlay=overlay or Overlay()))

    async def plan(self, *names: str) -> list[str]:
        """Return the endpoints that a request for the first of these specialists would try, in order."""
        every = {one.name: one for one in self.serving.specialists}
        chosen = every[names[0]]
        request = UserRequest(body={"model": "smart", "messages": [{"role": "user", "content": "hi"}]})
        task = Task(request=request, specialist=chosen, variant=chosen.variants[0])
        others = tuple(every[name] for name in names[1:])
        assignment = SpecialistAssignment(
            id="a", specialist_id=names[0], task=task, alternatives=others, reason="test"
        )
        allocation = await self.balancer.allocate_resources([assignment])
        return [candidate.endpoint.id for candidate in allocation.plans["a"]]

    async def firsts(self, count: int = 40) -> set[str]:
        return {(await self.plan("smart"))[0] for _ in range(count)}


def smart(endpoints: int = 2, **facts: Any) -> Specialist:
    return specialist("smart", *[URL] * endpoints, **facts)


def balanced(*specialists: Specialist, overlay: Overlay | None = None, **limits: Any) -> Balanced:
    return Balanced(base(*(specialists or (smart(),)), **limits), overlay)


async def test_idle_endpoints_share_the_load():
    assert await balanced(smart(3)).firsts() == {"smart/1", "smart/2", "smart/3"}


async def test_the_one_with_the_fewest_requests_is_preferred():
    given_ = balanced(smart(3))
    for endpoint in ("smart/1", "smart/1", "smart/2"):
        given_.balancer.started(endpoint)

    assert await given_.plan("smart") == ["smart/3", "smart/2", "smart/1"]


async def test_a_failed_endpoint_rests_while_others_wait():
    given_ = balanced()
    given_.balancer.failed("smart/1", DOWN)

    assert await given_.firsts() == {"smart/2"}


async def test_a_rest_ends():
    given_ = balanced()
    given_.balancer.failed("smart/1", DOWN)
    given_.clock.advance(FIRST_REST_S + 0.01)

    assert await given_.firsts() == {"smart/1", "smart/2"}


async def test_rests_grow_with_failures_in_a_row_and_have_an_end():
    given_ = balanced()
    rests: list[float] = []
    for _ in range(2_000):  # down for half a day
        given_.balancer.failed("smart/1", DOWN)
        rests.append(given_.balancer.state("smart/1").not_before - given_.clock.monotonic())

    assert rests[:3] == pytest.approx([FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S])
    assert max(rests) == pytest.approx(LONGEST_REST_S)


async def test_an_answer_ends_the_rest():
    given_ = balanced()
    given_.balancer.failed("smart/1", DOWN)
    given_.balancer.succeeded("smart/1")

    assert await given_.firsts() == {"smart/1", "smart/2"}


async def test_an_endpoint_rests_as_long_as_it_asks_to():
    given_ = balanced()
    given_.balancer.failed("smart/1", AttemptFailed("busy", code="upstream_rate_limited", retry_after_s=20))

    given_.clock.advance(19)
    assert await given_.firsts() == {"smart/2"}
    given_.clock.advance(2)
    assert await given_.firsts() == {"smart/1", "smart/2"}


async def test_the_only_endpoint_is_tried_although_it_rests():
    given_ = balanced(smart(1))
    given_.balancer.failed("smart/1", DOWN)

    assert set(await given_.plan("smart")) == {"smart/1"}


async def test_a_stand_in_comes_after_and_before_those_that_rest():
    given_ = balanced(smart(2), specialist("backup", URL))
    assert (await given_.plan("smart", "backup"))[-1] == "backup/1"

    given_.balancer.failed("smart/1", DOWN)
    assert await given_.plan("smart", "backup") == ["smart/2", "backup/1", "smart/1"]


@pytest.mark.parametrize("max_attempts", [1, 2, 3, 7])
async def test_a_plan_has_as_many_attempts_as_the_limits_say(max_attempts: int):
    plan = await balanced(smart(2), max_attempts=max_attempts).plan("smart")

    assert len(plan) == max_attempts
    assert len(set(plan[:2])) == min(2, max_attempts)


async def test_a_drained_endpoint_is_not_tried():
    overlay = Overlay(drained={"smart/1": ManualClock().now() + 60})

    assert await balanced(overlay=overlay).firsts() == {"smart/2"}


async def test_draining_ends_at_its_time_without_another_snapshot():
    given_ = balanced(overlay=Overlay(drained={"smart/1": ManualClock().now() + 60}))
    given_.clock.advance(61)

    assert await given_.firsts() == {"smart/1", "smart/2"}


async def test_nobody_awake_is_a_limit_with_a_time_to_wait():
    given_ = balanced(smart(1), overlay=Overlay(drained={"smart/1": ManualClock().now() + 60}))

    with pytest.raises(LimitExceeded) as caught:
        await given_.plan("smart")

    assert (caught.value.http_status, caught.value.retry_after_s) == (429, 1.0)


async def test_an_endpoint_at_its_limit_is_passed_over():
    given_ = balanced(smart(2, max_concurrency=1))
    given_.balancer.started("smart/1")
    assert set(await given_.plan("smart")) == {"smart/2"}

    given_.balancer.started("smart/2")
    with pytest.raises(LimitExceeded) as caught:
        await given_.plan("smart")
    assert caught.value.code == "specialist_busy"

    given_.balancer.ended("smart/1")
    assert set(await given_.plan("smart")) == {"smart/1"}


async def test_a_busy_specialists_stand_in_is_asked():
    given_ = balanced(smart(1, max_concurrency=1), specialist("backup", URL))
    given_.balancer.started("smart/1")

    assert set(await given_.plan("smart", "backup")) == {"backup/1"}


async def test_what_is_known_of_endpoints_outlives_a_snapshot():
    given_ = balanced()
    given_.balancer.failed("smart/1", DOWN)
    given_.configure(base(smart(3)))

    assert await given_.firsts() == {"smart/2", "smart/3"}


async def test_an_endpoint_that_left_and_came_back_with_requests_under_way_is_counted_right():
    given_ = balanced()
    given_.balancer.started("smart/2")
    given_.configure(base(smart(1)))
    given_.balancer.ended("smart/2")
    given_.configure(base(smart(2)))

    assert given_.balancer.state("smart/2").in_flight == 0


async def test_an_endpoint_that_left_is_forgotten():
    given_ = balanced()
    given_.balancer.failed("smart/2", DOWN)
    given_.configure(base(smart(1)))
    given_.configure(base(smart(2)))

    assert given_.balancer.state("smart/2").failures == 0


async def test_a_failing_endpoint_is_reported_once_and_its_recovery_too():
    given_ = balanced()
    for _ in range(6):
        given_.balancer.failed("smart/1", DOWN)
    for _ in range(2):
        given_.balancer.succeeded("smart/1")

    events = [report for report in given_.collected.reports if isinstance(report, GatewayEvent)]
    assert [(event.kind, event.detail) for event in events] == [
        ("endpoint_failing", "upstream_error"),
        ("endpoint_recovered", ""),
    ]


steps = st.lists(
    st.tuples(
        st.sampled_from(["start", "end", "fail", "succeed", "wait", "shrink", "grow"]), st.integers(1, 3)
    ),
    max_size=60,
)


@given(steps, st.integers(1, 5))
async def test_whatever_happens_counts_stay_right_and_plans_bounded(
    taken: list[tuple[str, int]], max_attempts: int
):
    given_ = balanced(smart(3), max_attempts=max_attempts)
    under_way: list[str] = []
    for step, number in taken:
        endpoint = f"smart/{number}"
        if step == "start":
            given_.balancer.started(endpoint)
            under_way.append(endpoint)
        elif step == "end" and endpoint in under_way:
            given_.balancer.ended(endpoint)
            under_way.remove(endpoint)
        elif step == "fail":
            given_.balancer.failed(endpoint, DOWN)
        elif step == "succeed":
            given_.balancer.succeeded(endpoint)
        elif step == "wait":
            given_.clock.advance(number)
        elif step in ("shrink", "grow"):
            given_.configure(base(smart(1 if step == "shrink" else 3), max_attempts=max_attempts))

        for known in ("smart/1", "smart/2", "smart/3"):
            assert given_.balancer.state(known).in_flight == under_way.count(known)
        plan = await given_.plan("smart")
        assert len(plan) == max_attempts
        assert set(plan) <= {one.id for one in given_.serving.specialists[0].endpoints}


@pytest.mark.parametrize(("limit", "under_way", "has_room"), [(None, 9, True), (2, 1, True), (2, 2, False)])
def test_room_is_what_the_limit_leaves(limit: int | None, under_way: int, has_room: bool):
    given_ = balanced()
    busy = smart(1, max_concurrency=limit)
    for _ in range(under_way):
        given_.balancer.started("smart/1")

    assert given_.balancer.has_room(Candidate(busy, busy.endpoints[0])) is has_room
