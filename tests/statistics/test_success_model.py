"""The model of success: what it learns, what it does not trust, and that its bytes are checked."""

import math
import random
import tracemalloc
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.hashing import BUCKETS, Features, TextHasher
from guardian_cluster.statistics.packed import LARGEST, floats_as_bytes
from guardian_cluster.statistics.success_model import (
    MAX_ARMS,
    PRIOR_LABELS,
    SuccessModel,
    _learned,
    _prior,
    _Reading,
    _sigmoid,
)

HASHER = TextHasher(b"salt")
TOPICS = {
    "law": ("court", "contract", "liable", "statute", "appeal", "judge"),
    "cooking": ("flour", "butter", "oven", "sugar", "recipe", "dough"),
}


def question(rng: random.Random, topic: str) -> Features:
    words = [rng.choice((*TOPICS[topic], "the", "of", "a", "in")) for _ in range(12)]
    return HASHER.features(f"What of {' '.join(words)}?")


def taught(rounds: int = 200, *, right: str = "law", arm: str = "a") -> SuccessModel:
    """Return a model of an arm that is right about one topic and wrong about the other."""
    rng, model = random.Random(1), SuccessModel()
    for _ in range(rounds):
        for topic in TOPICS:
            model.learn(arm, question(rng, topic), float(topic == right))
    return model


ENCODED = taught(20).encode()


def test_an_unknown_arm_is_as_likely_right_as_wrong_and_not_trusted() -> None:
    assert SuccessModel().predict("nobody", HASHER.features("anything")) == (0.5, 0.0)
    assert SuccessModel().evidence("nobody") == 0.0


def test_topics_that_went_well_are_told_from_those_that_did_not() -> None:
    model, rng = taught(), random.Random(2)

    law = [model.predict("a", question(rng, "law")).success for _ in range(30)]
    cooking = [model.predict("a", question(rng, "cooking")).success for _ in range(30)]

    assert sum(law) / 30 > 0.65
    assert sum(cooking) / 30 < 0.35


def test_arms_learn_apart() -> None:
    model, rng = taught(), random.Random(2)
    for _ in range(200):
        for topic in TOPICS:
            model.learn("b", question(rng, topic), float(topic == "cooking"))

    asked = question(rng, "law")

    assert model.predict("a", asked).success > 0.6 > 0.4 > model.predict("b", asked).success
    assert model.arms() == ("a", "b")


def test_an_arm_that_is_always_right_is_expected_to_be() -> None:
    model, rng = SuccessModel(), random.Random(1)
    for _ in range(100):
        model.learn("a", question(rng, "law"), 1.0)

    assert model.predict("a", question(rng, "law")).success > 0.85


def test_longer_texts_are_told_from_shorter_ones_where_nothing_else_is_known() -> None:
    model = SuccessModel()
    for number in range(300):
        model.learn("a", HASHER.features("word " * (2 + number % 20)), float(number % 20 < 10))

    short, long = (HASHER.features("другое слово " * words) for words in (2, 40))

    assert model.predict("a", short).trust == 0.0
    assert model.predict("a", short).success > model.predict("a", long).success + 0.1


def test_trust_grows_with_evidence() -> None:
    asked = question(random.Random(3), "law")

    trusts = [taught(rounds).predict("a", asked).trust for rounds in (1, 10, 100)]

    assert trusts == sorted(trusts)
    assert trusts[-1] > 0.7


def test_a_text_of_another_form_is_not_trusted() -> None:
    code = HASHER.features("```python\ndef f(x):\n    return x ** 2 + 1\n```\n\n" * 5)

    assert taught().predict("a", code).trust == 0.0


def test_learning_is_deterministic_to_the_byte() -> None:
    assert taught(30).encode() == taught(30).encode()


def test_a_weight_of_nothing_changes_no_expectation() -> None:
    model, asked = taught(50), question(random.Random(4), "law")
    before = model.predict("a", asked)

    model.learn("a", asked, 0.0, weight=0.0)

    assert model.predict("a", asked) == before


def test_evidence_is_the_sum_of_the_weights() -> None:
    model, asked = SuccessModel(), HASHER.features("a question")
    for weight in (1.0, 0.25, 0.25):
        model.learn("a", asked, 1.0, weight)

    assert model.evidence("a") == 1.5


@given(
    st.lists(st.tuples(st.text(max_size=80), st.floats(0, 1), st.floats(0, 1e6)), min_size=1, max_size=8),
    st.text(max_size=80),
)
def test_whatever_is_learned_expectations_stay_probabilities(
    verdicts: list[tuple[str, float, float]], asked: str
) -> None:
    model = SuccessModel()
    for text, label, weight in verdicts:
        model.learn("a", HASHER.features(text), label, weight)

    success, trust = model.predict("a", HASHER.features(asked))

    assert 0.0 <= success <= 1.0
    assert 0.0 <= trust <= 1.0


VERDICTS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.text(max_size=80), st.floats(0, 1), st.floats(0, 1e6)),
    min_size=1,
    max_size=20,
)


@given(VERDICTS, st.lists(st.text(max_size=80), min_size=1, max_size=4), st.booleans())
def test_asked_together_arms_are_expected_to_do_what_each_does_alone(
    verdicts: list[tuple[str, str, float, float]], asked: list[str], prepared: bool
) -> None:
    model = SuccessModel()
    for arm, text, label, weight in verdicts:
        model.learn(arm, HASHER.features(text), label, weight)
    if prepared:
        model.prepare()

    for features in map(HASHER.features, asked):
        for name, arm in model._arms.items():
            reading = _Reading(features, arm.forms)
            trust = reading.familiar * arm.labels / (arm.labels + PRIOR_LABELS)
            success = _sigmoid(_prior(arm, reading) + trust * _learned(arm, reading))
            assert model.predict(name, features) == pytest.approx((success, trust), abs=1e-9)


@given(VERDICTS, st.text(max_size=80))
def test_being_asked_between_verdicts_changes_no_expectation(
    verdicts: list[tuple[str, str, float, float]], asked: str
) -> None:
    often, once, features = SuccessModel(), SuccessModel(), HASHER.features(asked)
    often.prepare()
    for arm, text, label, weight in verdicts:
        for model in (often, once):
            model.learn(arm, HASHER.features(text), label, weight)
        often.predict(arm, features)

    assert often.estimates(features) == once.estimates(features)
    assert often.encode() == once.encode()


def test_who_was_forgotten_is_unknown_and_the_others_are_not() -> None:
    model, asked = taught(30), question(random.Random(2), "law")
    model.learn("b", asked, 0.0)
    before = model.estimates(asked)

    del model._arms["a"]

    assert model.predict("a", asked) == (0.5, 0.0)
    assert model.predict("b", question(random.Random(2), "law")) == before["b"]


@pytest.mark.parametrize(
    ("label", "weight"),
    [(1.1, 1.0), (-0.1, 1.0), (math.nan, 1.0), (1.0, -1.0), (1.0, math.inf), (0.5, math.nan)],
)
def test_what_is_no_verdict_is_refused_and_teaches_nothing(label: float, weight: float) -> None:
    model = SuccessModel()

    with pytest.raises(ValueError, match="a label lies between 0 and 1"):
        model.learn("a", HASHER.features("x"), label, weight)

    assert model.arms() == ()


def test_more_arms_than_a_model_holds_and_longer_names_are_refused() -> None:
    model, asked = SuccessModel(), HASHER.features("x")

    with pytest.raises(ValueError, match="at most"):
        model.learn("n" * 300, asked, 1.0)
    model._arms = dict.fromkeys(map(str, range(MAX_ARMS)))  # type: ignore[assignment]
    with pytest.raises(ValueError, match="at most"):
        model.learn("one more", asked, 1.0)


def test_a_model_survives_being_stored_and_learns_on() -> None:
    model, rng = taught(40), random.Random(5)
    back = SuccessModel.decode(model.encode())
    asked = question(rng, "law")

    assert back.predict("a", asked) == model.predict("a", asked)
    for each in (model, back):
        each.learn("a", asked, 1.0)
        each.learn("new", asked, 0.0)
    assert back.encode() == model.encode()


def test_an_empty_model_survives_being_stored() -> None:
    assert SuccessModel.decode(SuccessModel().encode()).arms() == ()


@pytest.mark.parametrize("cut", [0, 3, 6, 7, 1_000, 65_560, 70_000, -1])
def test_a_model_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"ends early|no model"):
        SuccessModel.decode(ENCODED[:cut])


def test_bytes_behind_a_model_are_refused() -> None:
    with pytest.raises(ValueError, match="does not end"):
        SuccessModel.decode(ENCODED + b"\0")


@given(st.binary(max_size=300), st.integers(0, 300))
def test_hostile_bytes_are_refused_or_a_model(noise: bytes, at: int) -> None:
    data = bytearray(ENCODED)
    data[at : at + len(noise)] = noise
    try:
        model = SuccessModel.decode(bytes(data))
    except ValueError:
        return
    assert all(0.0 <= model.predict(arm, HASHER.features("x y z")).success <= 1.0 for arm in model.arms())


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="numbers that are none"):
        SuccessModel.decode(ENCODED[:-4] + b"\x00\x00\xc0\x7f")


def test_sums_of_squares_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="below 0"):
        SuccessModel.decode(ENCODED[:-4] + b"\x00\x00\x80\xbf")


def test_weights_that_cannot_be_learned_are_refused() -> None:
    data = bytearray(ENCODED)
    last_weight = len(data) - 4 * BUCKETS - 4  # the sums of squares come last
    data[last_weight : last_weight + 4] = floats_as_bytes(array("f", [-LARGEST]))

    with pytest.raises(ValueError, match="cannot be learned"):
        SuccessModel.decode(bytes(data))


def test_a_specialist_takes_at_most_a_megabyte() -> None:
    rng, model = random.Random(1), SuccessModel()
    model.learn("first", question(rng, "law"), 1.0)
    tracemalloc.start()
    try:
        for number in range(4):
            model.learn(f"arm{number}", question(rng, "law"), 1.0)
        model.prepare()
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert used / 4 < 1_000_000
    assert len(model.encode()) / 5 < 1_000_000
