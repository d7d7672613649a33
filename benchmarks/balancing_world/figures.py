"""What a balancer is worth in a world: against the oracle, with each feature off, and against those beside it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from benchmarks.balancing_world.baselines import BASELINES
from benchmarks.balancing_world.mixes import Fault, Mix, Place, drawn, held_out, published
from benchmarks.balancing_world.oracle import Oracle
from benchmarks.balancing_world.policy import Policy, Product
from benchmarks.balancing_world.simulation import Outcome, Simulation
from guardian_cluster.contract.snapshot import BalancingPolicy

ORDINARY, NEAR = (0.5, 0.8), (0.82, 0.9)
"""Traffic over what can be served when least can be; in bursts it is half as much again."""

FEATURES: dict[str, dict[str, Any]] = {
    "retries": {"retry_share": 0.0},
    "hedges": {"hedge_share": 0.0},
    "breaker": {"breaker": False},
    "adaptive_concurrency": {"adaptive_concurrency": False},
    "affinity": {"affinity": False},
}
"""Each protective feature, and how it is turned off."""

HANG_S, FAULT_AT_S, ALONE_S = 120.0, 60.0, 180.0
SEEN_AFTER_S = 5.0
SEEN_AFTER_FAILURES = 3

Build = Callable[[Simulation], Policy]


@dataclass(frozen=True)
class Result:
    """What became of a mix under one policy, over all its runs."""

    goodput: float
    p99_s: float
    amplification: float
    outcomes: tuple[Outcome, ...]


def mixes(seed: int, *, fresh: int, near: int) -> list[Mix]:
    """Return the two published mixes and fresh ones, the last of them near saturation."""
    rng = random.Random(f"mixes {seed}")
    ordinary = [drawn(rng, f"fresh_{number}", load=ORDINARY) for number in range(1, fresh + 1)]
    return [
        published(),
        held_out(),
        *ordinary,
        *[drawn(rng, f"near_{number}", load=NEAR) for number in range(1, near + 1)],
    ]


def product(**policy: Any) -> Build:
    """Return the product's Load Balancer under a policy."""
    return lambda world: Product(
        len(world.servers), world.clock, world.rng, BalancingPolicy(**policy), streamed=world.mix.streamed
    )


def result(mix: Mix, runs: Sequence[int], build: Build) -> Result:
    """Return the means over some runs."""
    outcomes = tuple(Simulation(mix, run, build).run() for run in runs)
    return Result(
        goodput=fmean(each.goodput for each in outcomes),
        p99_s=fmean(each.p99_s for each in outcomes),
        amplification=max(each.amplification for each in outcomes),
        outcomes=outcomes,
    )


def oracle(mix: Mix, runs: Sequence[int]) -> tuple[float, float]:
    """Return the goodput and the 99th percentile of the best of three oracles, each figure by itself."""
    kinds: list[Build] = [
        Oracle,
        lambda world: Oracle(world, hedges=True),
        lambda world: Oracle(world, hedges=True, is_careful=True),
    ]
    found = [result(mix, runs, build) for build in kinds]
    return max(each.goodput for each in found), min(each.p99_s for each in found)


def against_oracle(mix: Mix, runs: Sequence[int]) -> tuple[dict[str, Any], Result]:
    """Return the figures of one mix, and what became of it."""
    best_goodput, best_p99_s = oracle(mix, runs)
    ours = result(mix, runs, product())
    figures = {
        "oracle": best_goodput,
        "goodput": ours.goodput,
        "gap": best_goodput - ours.goodput,
        "p99_s": ours.p99_s,
        "p99_ratio": ours.p99_s / best_p99_s,
        "amplification": ours.amplification,
        "hung_share": max((hung_share(mix, each) for each in ours.outcomes), default=0.0),
    }
    return figures, ours


def harms(mix: Mix, runs: Sequence[int], ours: Result) -> dict[str, float]:
    """Return how many points of goodput each feature costs: what there is without it, less what there is."""
    return {name: result(mix, runs, product(**off)).goodput - ours.goodput for name, off in FEATURES.items()}


def beside(mix: Mix, run: int) -> dict[str, float]:
    """Return the goodput of others."""
    return {name: Simulation(mix, run, build).run().goodput for name, build in BASELINES.items()}


def hung_share(mix: Mix, outcome: Outcome) -> float:
    """Return the share of attempts that go to an endpoint that hangs, from five seconds on; the worst of a mix."""
    worst = 0.0
    for number, place in enumerate(mix.places):
        for fault in [each for each in place.faults if each.kind == "hang"]:
            seen = [
                asked for at, asked in outcome.attempts if fault.start_s + SEEN_AFTER_S <= at < fault.end_s
            ]
            worst = max(worst, seen.count(number) / max(1, len(seen)))
    return worst


def alone(kind: str) -> Mix:
    """Return two equal endpoints, streamed, of which one begins to hang, or to fail after content, for good."""
    fault = Fault("hang" if kind == "hang" else "cut", 1.0, FAULT_AT_S, ALONE_S)
    return Mix(kind, 5.0, (Place(1.0, faults=(fault,)), Place(1.0)), streamed=True, duration_s=ALONE_S)


def failing_share(run: int) -> float:
    """Return the share of attempts to an endpoint that fails after content, once it failed three times."""
    outcome = Simulation(alone("cut"), run, product()).run()
    failures = [at for at, number in outcome.content_failures if number == 0]
    if len(failures) < SEEN_AFTER_FAILURES:
        return 0.0
    later = [number for at, number in outcome.attempts if at > failures[SEEN_AFTER_FAILURES - 1]]
    return later.count(0) / max(1, len(later))


def share_of_a_hang(run: int) -> float:
    """Return the share of attempts to one of two endpoints that hangs, from five seconds on."""
    mix = replace(alone("hang"), streamed=False)
    return hung_share(mix, Simulation(mix, run, product()).run())
