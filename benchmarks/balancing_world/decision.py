"""What a decision costs on a real clock, in microseconds."""

import random
import time
from collections.abc import Callable

from benchmarks.balancing_world.policy import Deaf
from guardian_cluster.contract.snapshot import Base, Endpoint, Snapshot, Specialist, Variant
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.request.balancing.plan import Candidate, Demand, Plan

TIMES, BATCHES = 200, 40


def known(endpoints: int) -> tuple[LoadBalancer, Plan]:
    """Return a balancer that knows all its endpoints, and a plan of them."""
    places = tuple(
        Endpoint(id=f"model/{number}", url="http://model.test/v1", model="model")
        for number in range(endpoints)
    )
    specialist = Specialist(name="model", endpoints=places, variants=(Variant(id="v"),))
    balancer = LoadBalancer(SystemClock(), random.Random(1), Deaf())
    balancer.configure(Snapshot(rev=1, base=Base(specialists=(specialist,))))
    plan = Plan((tuple(Candidate(specialist, place) for place in places),), Demand(), 3)
    for candidate in plan.tiers[0] * 5:
        balancer.begin(candidate, plan.demand).succeeded(500)
    for candidate in plan.tiers[0] * 5:
        balancer.begin(candidate, plan.demand)
    return balancer, plan


def choice_us(endpoints: int) -> float:
    """Return what a choice costs."""
    balancer, plan = known(endpoints)
    return _least_us(lambda: balancer.choose(plan, {}))


def path_us(endpoints: int) -> float:
    """Return what a request costs from its choice to its end."""
    balancer, plan = known(endpoints)

    def once() -> None:
        candidate = balancer.choose(plan, {})
        assert candidate is not None
        attempt = balancer.begin(candidate, plan.demand)
        attempt.heard(content=True)
        attempt.succeeded(500)

    return _least_us(once)


def _least_us(action: Callable[[], object]) -> float:
    """Return the time of one, in the best of some batches: what else the machine does is not of interest."""
    best_s = float("inf")
    for _ in range(BATCHES):
        began = time.perf_counter()
        for _ in range(TIMES):
            action()
        best_s = min(best_s, time.perf_counter() - began)
    return best_s / TIMES * 1e6
