"""The balancing benchmark measures what it says: its worlds fail as told, and it tells good policies from bad ones."""

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks import balancing
from benchmarks.balancing_world.baselines import BASELINES, Rule
from benchmarks.balancing_world.figures import (
    FEATURES,
    NEAR,
    alone,
    failing_share,
    hung_share,
    mixes,
    product,
    share_of_a_hang,
)
from benchmarks.balancing_world.mixes import STILL_LISTS, Fault, Mix, Place, drawn, published
from benchmarks.balancing_world.oracle import Oracle
from benchmarks.balancing_world.simulation import Outcome, Simulation

CALM = Mix("calm", 10.0, (Place(0.5), Place(1.0)), burst=1.0, duration_s=60.0)


def one(kind: str, size: float = 1.0) -> Mix:
    """Return one endpoint with one fault for a minute, and next to no load."""
    fault = Fault(kind, size)  # type: ignore[arg-type]
    return Mix(kind, 2.0, (Place(0.5, faults=(fault,)),), burst=1.0, duration_s=60.0)


def test_where_nothing_is_wrong_all_are_answered() -> None:
    for build in (Rule, Oracle, product()):
        outcome = Simulation(CALM, 1, build).run()

        assert outcome.goodput == 100.0
        assert outcome.requests == pytest.approx(600, abs=100)


@pytest.mark.parametrize(
    ("kind", "size", "least", "most"),
    [
        ("hang", 1.0, 0.0, 0.0),
        ("refuse", 1.0, 0.0, 0.0),
        ("error", 0.3, 80.0, 99.9),
        ("late_error", 1.0, 0.0, 0.0),
        ("slow", 60.0, 0.0, 20.0),
        ("overloaded", 1.0, 10.0, 99.0),
    ],
)
def test_a_fault_does_what_it_is_called(kind: str, size: float, least: float, most: float) -> None:
    assert least <= Simulation(one(kind, size), 1, Rule).run().goodput <= most


def test_a_fault_holds_also_when_it_begins_at_an_odd_time() -> None:
    rng = random.Random(1)
    for _ in range(20):
        fault = Fault("refuse", 1.0, rng.uniform(10.0, 30.0))
        mix = replace(CALM, places=(Place(0.5, faults=(fault,)),))
        outcome = Simulation(mix, 1, Rule).run()

        assert outcome.failed > 0.3 * outcome.requests


@pytest.mark.parametrize(
    ("kind", "size", "answers"),
    [("hang", 1.0, False), ("hang", STILL_LISTS, True), ("refuse", 1.0, False), ("error", 0.9, True)],
)
def test_a_server_answers_probes_where_its_fault_lets_it(kind: str, size: float, answers: bool) -> None:
    world = Simulation(one(kind, size), 1, product())
    world.run()
    server = world.servers[0]
    server.look(30.0)
    during = server.lists_models
    server.look(1e6)

    assert (during, server.lists_models) == (answers, True)


def test_every_request_is_counted_once_and_runs_repeat() -> None:
    first, again = (Simulation(published().shortened(60.0), 7, product()).run() for _ in range(2))

    assert first.took_s == again.took_s
    assert first.good + first.failed <= first.requests == len(first.took_s)
    assert len(first.attempts) >= first.requests


def test_the_oracle_is_better_than_chance_and_the_product_is_near_it() -> None:
    mix = published().shortened(150.0)
    oracle, chance, ours = (Simulation(mix, 3, build).run().goodput for build in (Oracle, Rule, product()))

    assert chance < 90.0 < oracle
    assert ours > oracle - 1.0


def test_a_share_of_a_hang_is_counted_from_five_seconds_on() -> None:
    mix = replace(alone("hang"), duration_s=180.0)
    outcome = Outcome(attempts=[(61.0, 0), (64.0, 0), (66.0, 0), (70.0, 1), (80.0, 1), (90.0, 1)])

    assert hung_share(mix, outcome) == 0.25


def test_endpoints_that_hang_or_fail_after_content_lose_their_traffic() -> None:
    assert share_of_a_hang(1) <= 0.02
    assert 0.0 < failing_share(1) <= 0.05


def test_mixes_are_drawn_by_seed_and_those_near_saturation_are() -> None:
    first, again, other = (mixes(seed, fresh=6, near=2) for seed in (1, 1, 2))

    assert first == again != other
    assert [mix.name for mix in first[:2]] == ["published", "held_out"]
    assert len(first) == 10
    for mix in first[-2:]:
        assert NEAR[0] - 0.02 <= mix.rate / mix.worst_capacity() <= NEAR[1] + 0.02


def test_a_drawn_mix_leaves_somebody_without_a_fault() -> None:
    rng = random.Random(1)
    for number in range(50):
        assert any(not place.faults for place in drawn(rng, str(number), load=(0.5, 0.8)).places)


def test_the_worst_is_the_worst_of_all_mixes() -> None:
    def found(gap: float, harm: float) -> dict[str, object]:
        harms = dict.fromkeys(FEATURES, harm)
        others = {f"{name}": 1.0 for name in BASELINES}
        figures = {"gap": gap, "p99_ratio": 1.0 + gap, "amplification": 1.1, "goodput": 99.0, "oracle": 99.5}
        return {**figures, "harm": harms, "beside": others}

    summary = balancing.summary({"published": found(0.1, -1.0), "other": found(0.3, 0.4)})

    assert (summary["goodput_gap_worst"], summary["p99_ratio_worst"]) == (0.3, 1.3)
    assert summary["feature_harm_worst"] == 0.4
    assert summary["litellm_default_goodput"] == 1.0
