from array import array

import pytest

from guardian_cluster.watcher.scoring.model import Facts, HashedModel, rounded, shipped
from guardian_cluster.watcher.scoring.ngrams import FEWEST, PLACES


def model_of(**weights: int) -> HashedModel:
    column = array("b", bytes(PLACES))
    for place, weight in weights.items():
        column[int(place.removeprefix("at"))] = weight
    return HashedModel(Facts("test", (), "2026-01-01", "none", 1, ("one",), (0.5,), (0.1,)), [column])


def test_evidence_is_the_level_and_the_weights_of_the_places():
    evidence = model_of(at7=20, at9=-10).sums([7, 9, 11])

    assert evidence == [pytest.approx(0.5 + 0.1 * (20 - 10) / FEWEST**0.5)]


def test_totals_of_parts_add_up_to_the_evidence_of_the_whole():
    model = model_of(at7=20, at9=-10)
    totals = [one + two for one, two in zip(model.totals([7]), model.totals([9, 11]), strict=True)]

    assert model.evidence(totals, 3) == model.sums([7, 9, 11])


def test_a_long_text_is_no_evidence_by_its_length():
    model = model_of(at7=20)

    assert model.sums([7] * 400)[0] < 400 / 20 * model.sums([7] * 20)[0]


def test_a_model_is_read_as_it_was_written():
    model = model_of(at7=20, at9=-127)
    read = HashedModel.decode(model.encode())

    assert read.facts == model.facts
    assert read.sums([7, 9]) == model.sums([7, 9])


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: b"X" + d[1:], lambda d: b"", lambda d: d + b"0"]
)
def test_damaged_bytes_are_refused(damage):
    with pytest.raises(ValueError, match="scorer"):
        HashedModel.decode(damage(model_of(at7=1).encode()))


def test_damaged_weights_are_refused():
    data = bytearray(model_of(at7=1).encode())
    data[-8] ^= 0xFF

    with pytest.raises(ValueError, match=r"damaged|weights"):
        HashedModel.decode(bytes(data))


def test_the_largest_weight_is_127_units():
    weights, unit = rounded([0.0, -2.54, 1.27])

    assert list(weights) == [0, -127, round(1.27 / unit)]


def test_weights_of_nothing_can_be_rounded():
    assert rounded([0.0])[0][0] == 0


@pytest.mark.parametrize("name", ["injection", "harm"])
def test_a_shipped_model_says_what_it_was_trained_on(name: str):
    facts = shipped(name).facts

    assert facts.name == name
    assert facts.rows > 1_000
    assert all("MIT" in line for line in facts.data)
    assert not any("bysa" in line for line in facts.data)
