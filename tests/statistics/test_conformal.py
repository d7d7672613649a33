import math
import random
from collections.abc import Callable
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.conformal import (
    RollingScores,
    calibrated,
    careful_rank,
    chance_within,
    rank_for,
    rate_interval,
    threshold,
)

SCORES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)
TIED = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=60)
RATES = st.floats(0.01, 0.99)
Draw = Callable[[random.Random], float]


def normal(rng: random.Random) -> float:
    return rng.gauss(0.0, 1.0)


def mostly_zero(rng: random.Random) -> float:
    return float(max(0, int(rng.expovariate(1.0) - 0.7)))


def realised(draw: Draw, examples: int, asked: float, times: int) -> float:
    """Return how often the text after a calibration alarms, over as many calibrations."""
    rng, alarms = random.Random(11), 0
    for _ in range(times):
        limit = calibrated([draw(rng) for _ in range(examples)], asked)
        alarms += limit.alarms(draw(rng), rng.random())
    return alarms / times


@pytest.mark.parametrize("draw", [normal, mostly_zero])
@pytest.mark.parametrize(("examples", "asked"), [(19, 0.05), (60, 0.1), (30, 0.3)])
def test_harmless_texts_alarm_as_often_as_asked(draw: Draw, examples: int, asked: float):
    expected = rank_for(examples, asked) / (examples + 1)

    found = realised(draw, examples, asked, 6_000)

    assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / 6_000)


def test_a_threshold_is_the_highest_score_that_leaves_enough_above():
    scores = [float(number) for number in range(1, 100)]

    assert threshold(scores, 0.05) == 95.0
    assert threshold(scores, 0.01) == 99.0
    assert calibrated(scores, 0.05).rate == 0.05


def test_too_few_examples_promise_nothing_and_never_alarm():
    limit = calibrated([1.0] * 98, 0.01)

    assert limit.value == math.inf
    assert not limit.alarms(1e300)
    assert (limit.rate, limit.realised.high) == (0.0, 0.0)
    assert threshold([], 0.5) == math.inf


@given(SCORES | TIED, RATES, RATES)
def test_who_asks_for_fewer_alarms_gets_a_higher_threshold(scores: list[float], one: float, other: float):
    assert threshold(scores, min(one, other)) >= threshold(scores, max(one, other))


@given(SCORES | TIED, RATES)
def test_no_more_of_the_examples_alarm_than_asked(scores: list[float], asked: float):
    limit = calibrated(scores, asked)

    above = sum(score > limit.value for score in scores)
    ties = sum(score == limit.value for score in scores)
    assert above + limit.tie_share * (ties + 1) <= asked * (len(scores) + 1) + 1e-6
    assert 0.0 <= limit.tie_share <= 1.0
    assert limit.realised.low <= limit.rate <= limit.realised.high


@given(SCORES | TIED, RATES, st.randoms(use_true_random=False))
def test_a_threshold_does_not_depend_on_the_order_of_the_examples(
    scores: list[float], asked: float, rng: random.Random
):
    mixed = rng.sample(scores, len(scores))

    assert calibrated(mixed, asked) == calibrated(scores, asked)


def test_ties_never_alarm_without_chance_and_a_score_that_is_no_number_always_does():
    limit = calibrated([0.0] * 90 + [1.0] * 9, 0.05)

    assert limit.value == 1.0
    assert limit.tie_share == 0.5
    assert not limit.alarms(1.0)
    assert (limit.alarms(1.0, 0.49), limit.alarms(1.0, 0.5)) == (True, False)
    assert limit.alarms(math.nan)


def test_with_slack_this_very_threshold_keeps_its_promise():
    rng, broken = random.Random(3), {"mean": 0, "slack": 0}
    for _ in range(1_000):
        scores = [rng.random() for _ in range(200)]
        broken["mean"] += 1.0 - threshold(scores, 0.1) > 0.11
        broken["slack"] += 1.0 - calibrated(scores, 0.1, slack=0.01, doubt=0.1).value > 0.11

    assert broken["mean"] > 250
    assert 30 < broken["slack"] < 110


@given(st.integers(1, 3_000), st.floats(0.01, 0.5), st.floats(0.01, 0.4))
def test_a_careful_rank_is_the_highest_that_is_safe(examples: int, most: float, doubt: float):
    rank = careful_rank(examples, most, doubt)

    assert 0 <= rank <= examples
    if rank > 0:
        assert rate_interval(examples, rank, 1.0 - 2.0 * doubt).high <= most + 1e-9
    if rank < examples:
        assert rate_interval(examples, rank + 1, 1.0 - 2.0 * doubt).high >= most - 1e-9


def test_the_rate_of_a_threshold_lies_in_its_interval():
    rng, inside = random.Random(5), 0
    for _ in range(1_000):
        limit = calibrated([rng.random() for _ in range(100)], 0.1)
        inside += limit.realised.low <= 1.0 - limit.value <= limit.realised.high

    assert 930 <= inside <= 970


def test_how_near_a_threshold_comes_is_known_beforehand():
    rng = random.Random(6)
    near = fmean(abs(0.9 - threshold([rng.random() for _ in range(400)], 0.1)) <= 0.02 for _ in range(1_000))

    assert chance_within(400, 0.1, 0.02) == pytest.approx(0.82, abs=0.005)
    assert near == pytest.approx(0.82, abs=0.04)
    assert chance_within(10, 0.05, 0.1) == 1.0


@pytest.mark.parametrize("asked", [0.0, 1.0, -0.1, math.nan])
def test_a_rate_that_is_none_is_refused(asked: float):
    with pytest.raises(ValueError, match="between 0 and 1"):
        threshold([1.0], asked)


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="no number"):
        threshold([1.0, math.nan], 0.5)
    with pytest.raises(ValueError, match="no number"):
        RollingScores().add(math.nan)


@given(SCORES | TIED, st.integers(1, 20), st.floats(0, 0.999), st.floats(-5, 5))
def test_rolling_scores_are_the_newest_ones(scores: list[float], capacity: int, chance: float, score: float):
    rolling = RollingScores(capacity)
    for each in scores:
        rolling.add(each)
    newest = scores[-capacity:]

    assert rolling.values() == tuple(newest)
    assert len(rolling) == len(newest)
    assert rolling.threshold(0.3) == calibrated(newest, 0.3)
    above, ties = sum(each > score for each in newest), newest.count(score)
    assert rolling.p_value(score, chance) == (above + chance * (ties + 1)) / (len(newest) + 1)


def test_rolling_scores_can_be_cut_to_the_newest():
    rolling = RollingScores(5)
    for score in (5.0, 1.0, 4.0, 2.0):
        rolling.add(score)

    rolling.keep_newest(2)

    assert rolling.values() == (4.0, 2.0)
    assert rolling.p_value(3.0, 0.0) == 1 / 3


@pytest.mark.parametrize("draw", [normal, mostly_zero])
def test_p_values_are_uniform_whatever_the_scores(draw: Draw):
    rng, rolling = random.Random(8), RollingScores(300)
    counts = [0] * 10
    for _ in range(5_000):
        score = draw(rng)
        counts[int(10 * rolling.p_value(score, rng.random()))] += 1
        rolling.add(score)

    assert sum((count - 500) ** 2 / 500 for count in counts) < 27.9  # chi-square, one in a thousand


def test_scores_need_room():
    with pytest.raises(ValueError, match="none to calibrate on"):
        RollingScores(0)
