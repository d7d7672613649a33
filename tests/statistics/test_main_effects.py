import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.statistics.main_effects import log_odds, logit, sigmoid


def two_attributes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return levels of two attributes that go together, and losses that only the first one makes."""
    random = np.random.default_rng(7)
    first = random.integers(0, 2, count)
    second = np.where(random.random(count) < 0.7, first, 1 - first)
    losses = (random.random(count) < np.where(first == 1, 0.4, 0.1)).astype(float)
    return np.stack([first, second], axis=1), losses


def test_a_level_that_merely_goes_with_a_worse_one_is_not_expected_to_be_worse() -> None:
    codes, losses = two_attributes(6_000)

    share = sigmoid(log_odds(codes, [2, 2], losses, np.ones(6_000)))

    sound, bad = codes[:, 0] == 0, codes[:, 0] == 1
    assert share[sound & (codes[:, 1] == 1)].mean() == pytest.approx(0.1, abs=0.03)
    assert share[bad & (codes[:, 1] == 0)].mean() == pytest.approx(0.4, abs=0.03)


def test_requests_without_weight_are_not_learned_from() -> None:
    codes = np.zeros((200, 1), dtype=np.int64)
    losses = np.repeat([0.0, 1.0], 100)

    share = sigmoid(log_odds(codes, [1], losses, np.repeat([1.0, 0.0], 100)))

    assert share.max() < 0.02


def test_a_request_without_a_level_is_expected_to_do_as_the_others_on_average() -> None:
    codes = np.repeat([0, 1, -1], 300).reshape(-1, 1)
    losses = np.concatenate([np.tile([0.0, 1.0], 150), np.zeros(300), np.zeros(300)])
    weights = np.repeat([1.0, 1.0, 0.0], 300)

    share = sigmoid(log_odds(codes, [2], losses, weights))

    assert share[300] < share[-1] < share[0]


def test_nothing_known_is_expected_to_be_one_half() -> None:
    assert sigmoid(log_odds(np.zeros((3, 0), dtype=np.int64), [], np.zeros(3), np.zeros(3))) == pytest.approx(
        0.5
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 1), st.floats(0, 1)), min_size=1, max_size=40))
def test_expectations_are_probabilities_whatever_the_losses(rows: list[tuple[int, int, float]]) -> None:
    codes = np.array([row[:2] for row in rows], dtype=np.int64)
    losses = np.array([row[2] for row in rows])

    share = sigmoid(log_odds(codes, [3, 2], losses, np.ones(len(rows))))

    assert ((share > 0) & (share < 1)).all()


def test_log_odds_of_the_impossible_stay_finite() -> None:
    assert logit(0.0) == pytest.approx(-logit(1.0))
    assert logit(0.5) == 0.0
