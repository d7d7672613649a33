import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.calibration import (
    Estimate,
    Evidence,
    OutcomeModel,
    logistic,
)

GIVEN = {"always": -1.0, "fault": 2.0}
FAULTY, FINE = Evidence((1.0, 1.0), (3, 4)), Evidence((1.0, 0.0), (5,))


def test_an_unknown_arm_has_the_given_weights():
    assert OutcomeModel(GIVEN).predict("a", FAULTY) == Estimate(logistic(1.0), 0.0)


def test_what_is_learned_of_one_arm_is_not_known_of_another():
    model = OutcomeModel(GIVEN)

    for _ in range(50):
        model.learn("a", FAULTY, 0.0)

    assert model.predict("a", FAULTY).probability < 0.2
    assert model.predict("b", FAULTY).probability == logistic(1.0)


def drawn(seed: int, count: int) -> list[tuple[Evidence, float]]:
    rng = random.Random(seed)
    values = [(1.0, rng.random(), rng.random()) for _ in range(count)]
    return [(Evidence(each), float(rng.random() < logistic(3 * each[1] - 2 * each[2]))) for each in values]


def test_it_finds_the_weights_that_made_the_cases():
    model = OutcomeModel({"always": 0.0, "up": 0.0, "down": 0.0}, spread=10.0)

    for evidence, label in drawn(1, 3_000):
        model.learn("a", evidence, label)

    assert model.weights("a") == pytest.approx({"always": 0.0, "up": 3.0, "down": -2.0}, abs=0.35)


def test_hashed_features_are_learned_on_top():
    model = OutcomeModel({"always": 0.0})

    for _ in range(200):
        model.learn("a", Evidence((1.0,), (7,)), 1.0)
        model.learn("a", Evidence((1.0,), (8,)), 0.0)

    assert model.predict("a", Evidence((1.0,), (7,))).probability > 0.8
    assert model.predict("a", Evidence((1.0,), (8,))).probability < 0.2


def test_a_model_is_restored_as_it_was():
    model, restored = OutcomeModel(GIVEN), OutcomeModel(GIVEN)
    model.learn("ä", FAULTY, 1.0)

    restored.restore(model.encode())

    assert restored.predict("ä", FAULTY) == model.predict("ä", FAULTY)
    assert restored.encode() == model.encode()


@given(st.binary(max_size=400))
def test_bytes_that_are_no_model_are_refused_and_change_nothing(data: bytes):
    model = OutcomeModel(GIVEN)

    with pytest.raises(ValueError, match="model"):
        model.restore(data)

    assert model.predict("a", FINE).trust == 0.0


@given(st.integers(0, 2_000_000), st.integers(0, 255))
def test_a_damaged_model_is_refused_or_read_and_never_breaks(place: int, value: int):
    model = OutcomeModel(GIVEN)
    model.learn("a", FAULTY, 1.0)
    data = bytearray(model.encode())
    data[place % len(data)] = value

    try:
        model.restore(bytes(data))
    except ValueError:
        return
    assert 0.0 <= model.predict("a", FAULTY).probability <= 1.0


@given(st.lists(st.floats(0, 1), max_size=40), st.lists(st.integers(0, 65_535), max_size=40))
def test_evidence_is_decoded_as_it_was_but_for_rounding(values: list[float], buckets: list[int]):
    decoded = Evidence.decode(Evidence(tuple(values), tuple(buckets)).encode())

    assert decoded.buckets == tuple(buckets)
    assert decoded.values == pytest.approx(values, abs=1 / 255)


@given(st.binary(max_size=100))
def test_any_bytes_are_evidence_or_a_value_error(data: bytes):
    try:
        decoded = Evidence.decode(data)
    except ValueError:
        return
    assert decoded.encode() == data


@pytest.mark.parametrize(
    ("evidence", "label", "weight"),
    [
        (Evidence((1.0,)), 1.0, 1.0),
        (FINE, 1.5, 1.0),
        (FINE, 1.0, 0.0),
        (FINE, float("nan"), 1.0),
        (Evidence((1.0, float("inf"))), 1.0, 1.0),
        (Evidence((1.0, 0.0), (70_000,)), 1.0, 1.0),
    ],
)
def test_what_is_no_verdict_teaches_nothing(evidence: Evidence, label: float, weight: float):
    model = OutcomeModel(GIVEN)

    with pytest.raises(ValueError, match=r"lies|evidence"):
        model.learn("a", evidence, label, weight)


def test_specialists_that_are_gone_are_forgotten():
    model = OutcomeModel(GIVEN)
    model.learn("gone", FAULTY, 1.0)
    model.learn("here", FAULTY, 1.0)

    model.forget_all_but(["here"])

    assert model.predict("gone", FAULTY).trust == 0.0
    assert model.predict("here", FAULTY).trust > 0.0
