import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.appraisal import MAX_SKILL, PRIOR_SKILL, PRIOR_SUCCESS, Appraiser


def judged(skill: float, verdicts: int = 600) -> Appraiser:
    """Return an appraiser whose learner's deviations come true by this share."""
    rng, appraiser = random.Random(1), Appraiser()
    for _ in range(verdicts):
        deviation = rng.uniform(-0.3, 0.3)
        chance = 0.6 + skill * deviation
        appraiser.learn("arm", deviation, float(rng.random() < chance))
    return appraiser


def test_without_verdicts_the_price_alone_speaks():
    appraiser = Appraiser()

    usual, dear = (appraiser.appraise("arm", 0.2, dearness) for dearness in (1.0, 10.0))

    assert usual.success == PRIOR_SUCCESS < dear.success
    assert usual.verdicts == usual.deviation == 0


def test_a_learner_that_is_right_is_believed():
    assert judged(1.0).skill == pytest.approx(1.0, abs=0.25)


def test_a_learner_that_memorises_noise_is_not_believed():
    appraiser = judged(0.0)

    assert appraiser.skill < 0.15
    assert appraiser.appraise("arm", 0.95, 1.0).success == pytest.approx(0.6, abs=0.09)


def test_a_learner_that_is_contrary_is_ignored():
    assert judged(-1.0).skill == 0.0


def test_the_skill_is_unknown_at_first():
    assert Appraiser().skill == PRIOR_SKILL


@given(
    st.lists(st.tuples(st.floats(-1.0, 1.0), st.floats(0.0, 1.0)), max_size=50),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1e12),
)
def test_an_appraisal_is_a_probability(verdicts: list[tuple[float, float]], learned: float, dearness: float):
    appraiser = Appraiser()

    for deviation, label in verdicts:
        appraiser.learn("arm", deviation, label)

    assert 0.0 <= appraiser.appraise("arm", learned, dearness).success <= 1.0
    assert 0.0 <= appraiser.skill <= MAX_SKILL
