"""The alarms benchmark: its world is as it says, it counts what it says, and its goals are figures."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks import alarms as benchmark
from benchmarks.alarms_world.baselines import DETECTORS, delays
from benchmarks.alarms_world.play import Moment
from benchmarks.alarms_world.world import RATES, Fault, World, world
from guardian_cluster.domain.observation import SIGNALS


@pytest.fixture(scope="module")
def small() -> World:
    return world("s", 5, days=1.0, per_day=7_000)


def test_losses_are_as_frequent_as_the_world_says(small: World):
    means = small.rates.mean(axis=0)

    assert means == pytest.approx([RATES[signal] for signal in SIGNALS], rel=1e-3)
    assert abs((small.chances < small.rates)[:, 0].mean() - 0.15) < 0.02


def test_topics_hours_and_tenants_differ(small: World):
    by_topic = [small.rates[small.values["topic"] == topic, 0].mean() for topic in range(10)]

    assert max(by_topic) > 1.5 * min(by_topic)
    assert np.bincount(small.values["tenant"], minlength=20).max() > 0.15 * len(small)


def test_a_tenth_is_not_checked_and_a_tenth_is_marked_late(small: World):
    assert 0.87 < small.is_known[:, 0].mean() < 0.93
    assert 0.07 < np.isfinite(small.marks).mean() < 0.13
    assert (small.marks > small.times).all()


def test_a_fault_adds_losses_in_its_slice_from_its_beginning_on(small: World):
    fault = Fault(100, 0.5, ("tenant", 0))
    lost = {
        (number < 100, small.is_in(number, fault.where)): small.recorded(number, fault)
        != small.recorded(number)
        for number in range(400)
        if small.is_known[number, 0] and 0.5 < small.chances[number, 0] < 0.6
    }

    assert lost[False, True]
    assert not any(is_other for place, is_other in lost.items() if place != (False, True))


def test_the_same_seed_gives_the_same_world(small: World):
    again = world("s", 5, days=1.0, per_day=7_000)

    assert [again.recorded(number) for number in (0, 99)] == [small.recorded(number) for number in (0, 99)]


def test_other_detectors_find_large_drops_sooner_than_small_ones(small: World):
    for name in DETECTORS:
        found = delays(name, [small], [Moment(0, 1_000), Moment(0, 1_500)], (0.1, 0.4), false_alarms=1)

        assert found[0.4] < found[0.1], name


def test_its_goals_are_figures(small: World):
    found = benchmark.figures([small], 1, 2, random.Random(1), warm_days=0.2)

    assert benchmark.AT_MOST.keys() <= found.keys()
    assert found["faults"] == 6
    assert found["delay_40"] <= found["delay_20"] <= found["delay_10"]
