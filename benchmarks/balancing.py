"""How good the Load Balancer is, in virtual time: simulated endpoints with faults, and the product's own decisions.

Two mixes of faults are published, the others are drawn by a seed that is new each time (`--seed` repeats one). Goodput
is the percentage of requests answered within 10 s; it is held against the best of three oracles that know the state of
every endpoint. docs/design/balancing.md describes the worlds, the oracles and every figure.
"""

import argparse
from statistics import fmean
from typing import Any

from benchmarks.balancing_world.decision import choice_us, path_us
from benchmarks.balancing_world.figures import (
    FEATURES,
    against_oracle,
    beside,
    failing_share,
    harms,
    mixes,
    share_of_a_hang,
)
from benchmarks.balancing_world.mixes import DRAWN_S, Mix
from benchmarks.harness.offline import Measured, conduct_given, offline_options
from benchmarks.harness.options import add_seed
from benchmarks.harness.report import note

GOALS = {
    "goodput_gap_worst": 0.15,
    "p99_ratio_worst": 1.4,
    "feature_harm_worst": 0.2,
    "decision_us": 20.0,
    "path_us": 10.0,
    "amplification": 1.2,
    "hung_share_after_5s": 0.02,
    "failing_share_after_3": 0.05,
}
RUNS, QUICK_RUNS = 2, 1
FRESH, QUICK_FRESH = 6, 2
NEAR, QUICK_NEAR = 2, 1


def measure(seed: int, *, quick: bool) -> dict[str, Any]:
    """Return the figures."""
    runs = [seed * 100 + number for number in range(QUICK_RUNS if quick else RUNS)]
    figures: dict[str, Any] = {"decision_us": choice_us(20), "path_us": path_us(2)}
    by_mix: dict[str, dict[str, Any]] = {}
    for mix in drawn_mixes(seed, quick=quick):
        by_mix[mix.name], ours = against_oracle(mix, runs)
        by_mix[mix.name]["harm"] = harms(mix, runs, ours)
        if not quick or mix.name == "published":
            by_mix[mix.name]["beside"] = beside(mix, runs[0])
        found = by_mix[mix.name]
        note(f"{mix.name}: gap {found['gap']:.2f}, p99 x {found['p99_ratio']:.2f}")
    return figures | summary(by_mix) | shares(by_mix, runs) | {"mixes": by_mix}


def drawn_mixes(seed: int, *, quick: bool) -> list[Mix]:
    """Return the mixes of a run; in a quick one no course of events takes longer than five minutes."""
    if not quick:
        return mixes(seed, fresh=FRESH, near=NEAR)
    return [mix.shortened(DRAWN_S) for mix in mixes(seed, fresh=QUICK_FRESH, near=QUICK_NEAR)]


def summary(by_mix: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the worst and the mean of what was measured in each mix."""
    found = list(by_mix.values())
    harm = {name: max(each["harm"][name] for each in found) for name in FEATURES}
    return {
        "goodput_gap_worst": max(each["gap"] for each in found),
        "goodput_gap_mean": fmean(each["gap"] for each in found),
        "p99_ratio_worst": max(each["p99_ratio"] for each in found),
        "p99_ratio_mean": fmean(each["p99_ratio"] for each in found),
        "feature_harm_worst": max(harm.values()),
        "feature_harm": harm,
        "amplification": max(each["amplification"] for each in found),
        "published_goodput": by_mix["published"]["goodput"],
        "published_oracle": by_mix["published"]["oracle"],
        **{f"{name}_goodput": goodput for name, goodput in by_mix["published"]["beside"].items()},
    }


def shares(by_mix: dict[str, dict[str, Any]], runs: list[int]) -> dict[str, float]:
    """Return which shares of attempts go to endpoints that are known by then to be faulty."""
    return {
        "hung_share_after_5s": max(
            [share_of_a_hang(run) for run in runs] + [each["hung_share"] for each in by_mix.values()]
        ),
        "failing_share_after_3": max(failing_share(run) for run in runs),
    }


def measured(given: argparse.Namespace) -> Measured:
    """Return the figures of a run, and what they were measured on."""
    note(f"seed {given.seed}")
    return measure(given.seed, quick=given.quick), {"seed": given.seed}


if __name__ == "__main__":
    options = offline_options(__doc__)
    add_seed(options)
    conduct_given("balancing", options, measured, at_least={}, at_most=GOALS)
