import random

import pytest

from guardian_cluster.statistics.lower_bound import LowerBound


def exceeded(seed: int, drift: float) -> bool:
    """Return whether the bound ever rose above the mean of the true means, looked at again and again."""
    rng, bound, true = random.Random(seed), LowerBound(2.0), 0.0
    for number in range(1, 301):
        mean = drift * (1 if number % 3 else -2)
        true += mean
        bound.add(mean + (2.0 if rng.random() < 0.4 else -4.0 / 3.0) * rng.choice((0.2, 1.0)))
        if number % 5 == 0 and bound.value() > true / number:
            return True
    return False


@pytest.mark.parametrize("drift", [0.0, 0.2])
def test_the_bound_holds_at_all_times_at_once(drift: float):
    assert sum(exceeded(seed, drift) for seed in range(40)) <= 4


def test_the_bound_nears_the_mean():
    rng, bound = random.Random(7), LowerBound(1.0)
    for _ in range(5_000):
        bound.add(rng.gauss(0.3, 0.1) % 1.0)

    assert 0.28 < bound.value() < bound.mean() < 0.31


def test_an_outcome_below_the_reach_is_refused():
    with pytest.raises(ValueError, match="outside"):
        LowerBound(1.0).add(-1.1)


@pytest.mark.parametrize(("reach", "confidence"), [(0.0, 0.95), (1.0, 1.0), (float("inf"), 0.95)])
def test_a_bound_needs_a_reach_and_a_confidence(reach: float, confidence: float):
    with pytest.raises(ValueError, match="needs a reach"):
        LowerBound(reach, confidence)
