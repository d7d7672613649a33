import numpy as np
import pytest

from guardian_cluster.statistics.e_detector import expit
from guardian_cluster.statistics.expected_rate import DAY_S, WAVES, ExpectedRates, design

GROUPS = np.array([-1, 0, 0, 1, 1], np.int16)
"""Everything, two topics, two tenants."""


def taught(rates: np.ndarray, places: np.ndarray, times: np.ndarray, seed: int = 1) -> ExpectedRates:
    rng = np.random.default_rng(seed)
    expected = ExpectedRates(5, 1)
    for place in range(1, 5):
        expected.place(place, 0.6)
    losses = (rng.random(len(rates)) < rates).astype(float)
    for since in range(0, len(rates), 200):
        rows = design(times[since : since + 200], places[since : since + 200], 5)
        expected.learn(rows, losses[since : since + 200, None], kept=0.99)
        expected.settle(rows.mean(axis=0), GROUPS)
    return expected


def confounded(count: int, seed: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Topic 2 is hard, and tenant 4 asks little else; the tenants themselves are alike."""
    rng = np.random.default_rng(seed)
    tenant = rng.integers(3, 5, count)
    topic = np.where(rng.random(count) < np.where(tenant == 4, 0.9, 0.1), 2, 1)
    rates = np.where(topic == 2, 0.4, 0.1)
    return rates, np.stack([topic, tenant], axis=1).astype(np.int16), rng.uniform(0, DAY_S, count)


def rate(expected: ExpectedRates, at: float, *places: int) -> float:
    return float(expit(expected.log_odds(at, np.array(places, np.int16)))[0])


def test_a_tenant_is_not_blamed_for_its_topics():
    expected = taught(*confounded(8_000))

    assert rate(expected, 0.0, 2, 3) == pytest.approx(0.4, abs=0.06)
    assert rate(expected, 0.0, 2, 4) == pytest.approx(0.4, abs=0.04)
    assert rate(expected, 0.0, 1, 4) == pytest.approx(0.1, abs=0.04)


def test_the_hour_is_learned():
    rng = np.random.default_rng(3)
    times = rng.uniform(0.0, 3 * DAY_S, 12_000)
    rates = expit(-1.7 + 0.5 * np.sin(2 * np.pi * times / DAY_S))

    expected = taught(rates, np.full((12_000, 1), -1, np.int16), times)

    assert rate(expected, DAY_S / 4) == pytest.approx(float(expit(np.array(-1.2))), abs=0.03)
    assert rate(expected, 3 * DAY_S / 4) == pytest.approx(float(expit(np.array(-2.2))), abs=0.03)


def test_the_more_is_known_the_smaller_is_the_margin():
    whole = np.zeros(1, np.int16)
    margins = [float(taught(*confounded(count)).margins(0.0, whole)[0, 0]) for count in (400, 2_000, 8_000)]

    assert margins[0] > margins[1] > margins[2] > 0.0
    assert margins[2] < 0.12


def test_nothing_is_sure_of_an_hour_that_was_never_seen():
    rates, places, _ = confounded(3_000)
    expected = taught(rates, places, np.linspace(0.0, DAY_S / 6, 3_000))
    whole = np.zeros(1, np.int16)

    seen, unseen = (float(expected.margins(at, whole)[0, 0]) for at in (DAY_S / 12, DAY_S / 2))

    assert unseen > 4.0 * seen


def test_the_margin_covers_the_truth_of_everything():
    """Of estimates at once 84 of 100 should be below the truth by less than a deviation; margins are that or more."""
    whole, below = np.zeros(1, np.int16), 0
    for seed in range(20):
        expected = taught(*confounded(2_000, seed), seed=seed + 100)
        rates, places, times = confounded(2_000, seed)
        odds = np.stack([expected.log_odds(at, row) for at, row in zip(times, places, strict=True)])
        below += float(expit(odds + expected.margins(0.0, whole)[0]).mean()) < rates.mean()

    assert below <= 6


def test_a_place_that_is_given_away_leaves_what_is_known_of_others():
    expected = taught(*confounded(8_000))
    before = expected.precision.copy()

    expected.place(2, 0.6)

    assert rate(expected, 0.0, 2) == pytest.approx(rate(expected, 0.0), abs=1e-12)
    assert np.linalg.eigvalsh(expected.precision[0]).min() > 0.0
    assert not np.array_equal(before, expected.precision)


def test_a_stream_can_be_learned_anew():
    expected = taught(*confounded(2_000))

    expected.unlearn(0)

    assert expected.learned[0] == 0.0
    assert rate(expected, 0.0, 2) == pytest.approx(0.12, abs=0.01)


def test_room_is_made_without_a_change_of_what_is_expected():
    expected = taught(*confounded(2_000))
    before = rate(expected, 5.0, 2, 4)

    expected.reserve(9)

    assert rate(expected, 5.0, 2, 4) == before
    assert expected.precision.shape == (1, 9 + WAVES, 9 + WAVES)


def test_it_goes_on_exactly_after_a_restart():
    one = taught(*confounded(1_000))
    other = ExpectedRates.restored(one.state(), 5, 1)
    rates, places, times = confounded(200, seed=9)

    for each in (one, other):
        rows = design(times, places, 5)
        each.learn(rows, rates[:, None], kept=0.9)
        each.settle(rows.mean(axis=0), GROUPS)

    assert one.state() == other.state()


def test_losses_that_are_not_known_teach_nothing():
    expected = ExpectedRates(5, 2)
    rates, places, times = confounded(100)

    expected.learn(design(times, places, 5), np.stack([rates, np.full(100, np.nan)], axis=1), kept=0.5)

    assert list(expected.learned) == [100.0, 0.0]
    assert (expected.weights[:, 1] == ExpectedRates(5, 2).weights[:, 1]).all()
