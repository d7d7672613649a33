import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.statistics.e_detector import (
    SHARES,
    SPOILT,
    EDetectors,
    expit,
    logit,
    onset,
    recovery_gain,
)

WHOLE = np.zeros(1, np.int16)
HEARD = np.ones(1)


def run_length(rate: float, expected: float, bound: float, rng: random.Random, most: int = 100_000) -> int:
    """Return after how many losses there is evidence of `bound`."""
    detector = EDetectors(1, 1)
    rates = np.full((1, 1), expected)
    for number in range(1, most):
        detector.take(WHOLE, HEARD, np.array([float(rng.random() < rate)]), rates)
        if detector.value[0, 0] >= bound:
            return number
    return most


def test_the_weights_of_the_bets_are_one_together():
    assert sum(SHARES) == pytest.approx(1.0)


@given(st.floats(0.0, 1.0), st.floats(0.001, 0.999), st.sampled_from([float(share) for share in SPOILT]))
def test_a_bet_is_fair_where_as_much_is_lost_as_was_expected(low: float, rate: float, share: float):
    """Whatever the losses are like: here they are `low` or 1, and their mean is `rate`."""
    low = min(low, rate)
    chance = (rate - low) / (1.0 - low)

    mean = chance * (1.0 - share + share / rate) + (1.0 - chance) * (1.0 - share + share * low / rate)

    assert mean == pytest.approx(1.0)


def test_false_alarms_are_as_rare_as_promised():
    rng = random.Random(1)

    lengths = [run_length(0.15, 0.15, 500.0, rng) for _ in range(40)]

    assert sum(lengths) / 40 >= 450
    assert sum(lengths) / 40 <= 2_000  # and not much rarer: that would be evidence wasted


@pytest.mark.parametrize(("rate", "most"), [(0.25, 240), (0.35, 80), (0.55, 30)])
def test_a_fault_is_seen_soon(rate: float, most: int):
    rng = random.Random(2)

    lengths = sorted(run_length(rate, 0.15, 20_000.0, rng) for _ in range(31))

    assert lengths[15] <= most


def test_the_mean_evidence_is_the_number_of_requests():
    """The e-detector's defining property, for losses that are no 0 or 1."""
    rng = np.random.default_rng(3)
    detector = EDetectors(4_000, 1)
    rates = np.full((4_000, 1), 0.3)

    for _ in range(20):
        losses = rng.beta(0.6, 1.4, (4_000, 1))
        detector.take(np.arange(4_000, dtype=np.int16), HEARD, losses, rates)

    assert detector.value.mean() == pytest.approx(20.0, rel=0.1)


def test_what_is_not_heard_stays_as_it_is():
    detector = EDetectors(2, 2)
    rates = np.full((1, 2), 0.2)
    detector.take(WHOLE, np.array([1.0, 1.0]), np.array([1.0, 1.0]), rates)
    before = detector.wealth.copy()

    detector.take(WHOLE, np.array([1.0, 0.0]), np.array([1.0, 0.0]), rates)

    assert (detector.wealth[:, 1] == before[:, 1]).all()
    assert (detector.wealth[1] == 0.0).all()
    assert detector.value[0, 0] > before[0, 0] @ SHARES


def test_the_beginning_of_a_fault_is_found():
    rng = np.random.default_rng(4)
    losses = (rng.random(400) < np.where(np.arange(400) < 300, 0.1, 0.5)).astype(float)

    found = onset(losses, np.full(400, 0.1), magnitude=4)

    assert abs(found - 300) <= 10


def test_nothing_has_no_beginning_but_its_own():
    assert onset(np.array([]), np.array([]), magnitude=0) == 0


@given(st.floats(0.01, 0.99), st.floats(0.05, 0.95))
def test_a_bet_on_recovery_wins_nothing_while_all_is_bad(bad: float, ratio: float):
    mean = bad * recovery_gain(1.0, bad, ratio) + (1.0 - bad) * recovery_gain(0.0, bad, ratio)

    assert mean == pytest.approx(1.0)
    assert recovery_gain(0.0, bad, ratio) > 1.0


@given(st.lists(st.floats(0.0, 1.0), max_size=40), st.floats(0.0, 1.0))
@settings(max_examples=30)
def test_evidence_stays_a_number_and_survives_a_restart(losses: list[float], rate: float):
    detector = EDetectors(1, 1)
    rates = expit(logit(rate)).reshape(1, 1)

    for loss in losses:
        detector.take(WHOLE, HEARD, np.array([loss]), rates)

    again = EDetectors.restored(detector.state(), 1, 1)
    assert (detector.wealth >= 0.0).all()
    assert all(math.isfinite(value) for value in detector.wealth.ravel())
    assert (again.wealth == detector.wealth).all()
    assert (again.value == detector.value).all()


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_evidence_that_is_none_is_refused(value: float):
    state = np.full((1, 1, len(SPOILT)), value).tobytes()

    with pytest.raises(ValueError, match=r"negative|finite"):
        EDetectors.restored(state, 1, 1)
