import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.intervals import at_least, beta_quantile, share_interval

PROBABILITIES = st.floats(0.001, 0.999)


def summed(hits: int, of: int, probability: float) -> float:
    return math.fsum(
        math.comb(of, k) * probability**k * (1 - probability) ** (of - k) for k in range(max(hits, 0), of + 1)
    )


@given(st.integers(0, 60), st.integers(-1, 61), PROBABILITIES)
def test_a_binomial_tail_is_the_sum_of_its_terms(of: int, hits: int, probability: float):
    assert at_least(hits, of, probability) == pytest.approx(summed(hits, of, probability), abs=1e-12)


def test_a_tail_of_many_trials_is_neither_slow_nor_lost():
    assert at_least(50_000, 1_000_000, 0.05) == pytest.approx(0.5, abs=0.002)
    assert at_least(60_000, 1_000_000, 0.05) < 1e-300


@given(st.integers(1, 400), st.integers(1, 400), st.floats(0.01, 0.99))
def test_a_quantile_of_a_beta_variable_is_where_its_tail_begins(hits: int, others: int, share: float):
    value = beta_quantile(share, hits, others)

    assert at_least(hits, hits + others - 1, value) == pytest.approx(share, abs=1e-6)


def test_intervals_are_the_published_ones():
    assert share_interval(0, 10) == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert share_interval(8, 10) == pytest.approx((0.4439, 0.9748), abs=1e-4)
    assert share_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 50), PROBABILITIES)
def test_an_interval_covers_every_share_with_its_confidence(of: int, true: float):
    covered = [
        hits
        for hits in range(of + 1)
        if share_interval(hits, of).low <= true <= share_interval(hits, of).high
    ]

    weights = [math.comb(of, k) * true**k * (1 - true) ** (of - k) for k in covered]
    assert math.fsum(weights) >= 0.95 - 1e-9


@pytest.mark.parametrize(("hits", "of", "confidence"), [(-1, 3, 0.95), (4, 3, 0.95), (1, 3, 1.0)])
def test_what_is_no_share_has_no_interval(hits: int, of: int, confidence: float):
    with pytest.raises(ValueError, match="no share"):
        share_interval(hits, of, confidence)


@pytest.mark.parametrize(("of", "probability"), [(-1, 0.5), (3, 1.5), (3, math.nan)])
def test_what_is_no_probability_has_no_tail(of: int, probability: float):
    with pytest.raises(ValueError, match=r"no -?[0-9]+ trials"):
        at_least(1, of, probability)


def test_a_beta_variable_has_whole_parameters_from_one_on():
    with pytest.raises(ValueError, match="no quantile"):
        beta_quantile(0.5, 0, 3)
