import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.precision import Audit, AuditedOutcomes

COUNTS = st.integers(0, 200)
REAL, RECALL, FALSE = 0.05, 0.7, 0.02
PRECISION = REAL * RECALL / (REAL * RECALL + (1 - REAL) * FALSE)


def audited(
    rng: random.Random, requests: int, of_alarms: list[float], of_others: list[float]
) -> Iterator[Audit]:
    """Audit requests at random, each with a probability of its own."""
    for _ in range(requests):
        is_real = rng.random() < REAL
        alarmed = rng.random() < (RECALL if is_real else FALSE)
        probability = rng.choice(of_alarms if alarmed else of_others)
        if rng.random() < probability:
            yield Audit(alarmed, is_real, probability)


def outcomes(
    seed: int, of_alarms: list[float], of_others: list[float], requests: int = 3_000
) -> AuditedOutcomes:
    found = AuditedOutcomes(least_of_alarms=min(of_alarms), least_of_others=min(of_others))
    for audit in audited(random.Random(seed), requests, of_alarms, of_others):
        found.add(audit)
    return found


@pytest.mark.parametrize("of_others", [[1.0], [0.1], [0.05, 0.5]])
@pytest.mark.parametrize("of_alarms", [[1.0], [0.3, 1.0]])
def test_the_intervals_hold_for_any_probabilities(of_alarms: list[float], of_others: list[float]):
    wrong = {"precision": 0, "recall": 0}
    for seed in range(25):
        found = outcomes(seed, of_alarms, of_others)
        precision, recall = found.precision().interval, found.recall().interval
        wrong["precision"] += not precision.low <= PRECISION <= precision.high
        wrong["recall"] += not recall.low <= RECALL <= recall.high

    assert max(wrong.values()) <= 2


def test_the_intervals_hold_while_one_looks_after_every_audit():
    broken = 0
    for seed in range(20):
        found = AuditedOutcomes(least_of_alarms=1.0, least_of_others=0.2)
        looks = []
        for number, audit in enumerate(audited(random.Random(seed), 1_000, [1.0], [0.2])):
            found.add(audit)
            if number % 5 == 0:
                recall = found.recall().interval
                looks.append(recall.low <= RECALL <= recall.high)
        broken += not all(looks)

    assert broken <= 2


def test_recall_weighs_what_was_audited_rarely():
    found = AuditedOutcomes(least_of_alarms=1.0, least_of_others=0.1)
    for _ in range(30):
        found.add(Audit(alarmed=True, is_real=True, probability=1.0))
    for _ in range(3):
        found.add(Audit(alarmed=False, is_real=True, probability=0.1))
    found.add(Audit(alarmed=False, is_real=False, probability=0.1))

    recall = found.recall()

    assert recall.value == pytest.approx(0.5)
    assert recall.audits == 33
    assert found.precision().value == 1.0


def test_without_audits_nothing_is_known():
    found = AuditedOutcomes(least_of_alarms=1.0, least_of_others=0.1)

    assert found.precision() == (None, (0.0, 1.0), 0)
    assert found.recall() == (None, (0.0, 1.0), 0)


def test_what_was_never_seen_to_be_missed_may_still_be():
    found = AuditedOutcomes(least_of_alarms=1.0, least_of_others=0.01)
    for _ in range(50):
        found.add(Audit(alarmed=True, is_real=True, probability=1.0))

    recall = found.recall()

    assert recall.value == 1.0
    assert recall.interval.low < 0.25


@given(COUNTS, COUNTS, st.floats(0.01, 1.0))
def test_an_estimate_lies_in_its_interval(found: int, missed: int, of_others: float):
    sums = AuditedOutcomes(least_of_alarms=1.0, least_of_others=of_others)
    for _ in range(found):
        sums.add(Audit(alarmed=True, is_real=True, probability=1.0))
    for _ in range(missed):
        sums.add(Audit(alarmed=False, is_real=True, probability=of_others))

    recall = sums.recall()

    assert 0.0 <= recall.interval.low <= recall.interval.high <= 1.0
    if recall.value is not None:
        assert recall.interval.low <= recall.value <= recall.interval.high


def test_an_audit_may_not_stand_for_more_than_was_announced():
    found = AuditedOutcomes(least_of_alarms=0.5, least_of_others=0.1)

    with pytest.raises(ValueError, match=r"was not announced: at least 0\.5"):
        found.add(Audit(alarmed=True, is_real=True, probability=0.4))
    found.add(Audit(alarmed=False, is_real=True, probability=0.4))
    assert found.recall().audits == 1


@pytest.mark.parametrize(("alarms", "others"), [(0.0, 0.5), (0.5, 1.5)])
def test_probabilities_are_probabilities(alarms: float, others: float):
    with pytest.raises(ValueError, match="probabilities of an audit"):
        AuditedOutcomes(least_of_alarms=alarms, least_of_others=others)
