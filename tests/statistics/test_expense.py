import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.expense import ExpenseModel
from guardian_cluster.statistics.hashing import TextHasher

HASHER = TextHasher(b"test")
SHORT = HASHER.features("Which option is right? Answer with one letter.")
LONG = HASHER.features("Write a program that sorts a list of numbers and explain every step in detail.")
LIST_USD = 1e-3


def taught(bills: int = 200, factor: float = 1.0) -> ExpenseModel:
    """Return a model of an arm whose long answers cost four times as much as its short ones."""
    model, rng = ExpenseModel(), random.Random(1)
    teach(model, rng, bills, factor)
    return model


def teach(model: ExpenseModel, rng: random.Random, bills: int, factor: float = 1.0) -> None:
    for _ in range(bills):
        features, usual = rng.choice(((SHORT, 5e-4), (LONG, 2e-3)))
        model.learn("arm", features, LIST_USD, factor * usual * math.exp(rng.gauss(-0.045, 0.3)))


def test_without_bills_the_list_price_is_expected():
    assert ExpenseModel().estimate("arm", SHORT, LIST_USD) == (LIST_USD, 0)


def test_what_a_text_costs_is_told_from_its_words():
    model = taught()

    assert model.estimate("arm", SHORT, LIST_USD).cost_usd == pytest.approx(5e-4, rel=0.25)
    assert model.estimate("arm", LONG, LIST_USD).cost_usd == pytest.approx(2e-3, rel=0.25)
    assert model.estimate("arm", LONG, LIST_USD).bills == 200


def test_another_arm_learns_from_the_words_too():
    model = taught()
    for _ in range(10):
        model.learn("other", SHORT, LIST_USD, 5e-3)

    short, long = (model.estimate("other", each, LIST_USD).cost_usd for each in (SHORT, LONG))

    assert long > 1.5 * short


def test_a_new_list_price_counts_at_once():
    model = taught()

    before, after = (model.estimate("arm", SHORT, price).cost_usd for price in (LIST_USD, 10 * LIST_USD))

    assert after == pytest.approx(10 * before)


@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_a_price_that_changed_without_a_word_is_taken_over_within_twelve_bills(factor: float):
    model = taught()

    teach(model, random.Random(2), 12, factor)

    for features, usual in ((SHORT, 5e-4), (LONG, 2e-3)):
        assert model.estimate("arm", features, LIST_USD).cost_usd == pytest.approx(factor * usual, rel=0.6)


def test_one_huge_bill_moves_little():
    model = taught()
    before = model.estimate("arm", SHORT, LIST_USD).cost_usd

    model.learn("arm", SHORT, LIST_USD, 1.0)

    assert model.estimate("arm", SHORT, LIST_USD).cost_usd < 3 * before


@given(st.lists(st.tuples(st.floats(0.0, 1e300), st.floats(1e-300, 1e300)), max_size=30))
def test_an_estimate_is_an_amount_whatever_the_bills(bills: list[tuple[float, float]]):
    model = ExpenseModel()

    for bill_usd, list_usd in bills:
        model.learn("arm", SHORT, list_usd, bill_usd)

    assert 0.0 < model.estimate("arm", LONG, LIST_USD).cost_usd < math.inf


@pytest.mark.parametrize("bill_usd", [-1.0, math.nan, math.inf])
def test_a_bill_that_is_no_amount_is_refused(bill_usd: float):
    with pytest.raises(ValueError, match="amounts"):
        ExpenseModel().learn("arm", SHORT, LIST_USD, bill_usd)


def test_a_text_without_words_has_a_price():
    model = ExpenseModel()
    empty = HASHER.features("")

    model.learn("arm", empty, LIST_USD, 2e-3)

    assert LIST_USD < model.estimate("arm", empty, LIST_USD).cost_usd < 2e-3
