"""What the router has learned: read from a file, ready to be asked."""

import pytest

from guardian_cluster.contract.router_model import RouterModel
from guardian_cluster.request.learned import Learned
from guardian_cluster.statistics.hashing import TextHasher
from guardian_cluster.statistics.success_model import SuccessModel

HASHER = TextHasher(b"salt")


def taught() -> SuccessModel:
    model = SuccessModel()
    for number in range(60):
        features = HASHER.features(f"What is the capital of country number {number}?")
        model.learn("good", features, 1.0)
        model.learn("bad", features, float(number % 2))
    return model


def test_what_was_learned_is_expected_after_reading_it():
    model, asked = taught(), HASHER.features("What is the capital of country number 61?")

    read = Learned.of(RouterModel(before=model.encode())).before

    assert read is not None
    assert read.estimates(asked) == model.estimates(asked)
    assert read.evidence("good") == 60


def test_a_model_of_nobody_is_read():
    read = Learned.of(RouterModel(before=SuccessModel().encode())).before

    assert read is not None
    assert read.estimates(HASHER.features("Is anyone there?")) == {}


def test_where_nothing_is_learned_there_is_no_model():
    assert Learned.of(RouterModel()) == Learned()


@pytest.mark.parametrize("part", ["before", "after"])
def test_what_is_no_model_is_refused(part: str):
    with pytest.raises(ValueError, match="model"):
        Learned.of(RouterModel(**{part: b"no model at all, but long enough to have a head"}))
