import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.pacing import CREDIT, Pacer

TARGET_USD = 1e-3


def spend(pacer: Pacer, rng: random.Random, requests: int, factor: float = 1.0) -> list[float]:
    """Ask a cheap or a dear arm, whichever is better value; bills are heavy-tailed."""
    bills: list[float] = []
    for _ in range(requests):
        gain_usd = rng.expovariate(1 / 2e-2)
        cheap, dear = (rng.lognormvariate(-0.5, 1.0) * usual * factor for usual in (5e-5, 2e-3))
        bills.append(dear if gain_usd > dear * (1 + pacer.price()) else cheap)
        pacer.spent(bills[-1])
    return bills


def ratio(bills: list[float]) -> float:
    return math.fsum(bills) / len(bills) / TARGET_USD


@pytest.mark.parametrize("seed", range(5))
def test_spending_meets_the_target_although_bills_are_heavy_tailed(seed: int):
    bills = spend(Pacer(TARGET_USD), random.Random(seed), 2_000)

    assert 0.95 < ratio(bills) <= 1.02


@pytest.mark.parametrize("seed", range(5))
def test_a_tenfold_price_is_absorbed_within_200_requests(seed: int):
    pacer, rng = Pacer(TARGET_USD), random.Random(seed)
    spend(pacer, rng, 1_000)

    after = spend(pacer, rng, 600, factor=10.0)

    windows = [ratio(after[end - 100 : end]) for end in range(100, 201)]
    assert min(windows) <= 1.02
    assert ratio(after[200:]) <= 1.05


def test_within_the_budget_a_dollar_is_a_dollar():
    pacer = Pacer(TARGET_USD)

    for _ in range(500):
        pacer.spent(TARGET_USD / 2)

    assert pacer.price() == 0.0


def test_what_was_not_spent_is_saved_up_only_so_far():
    pacer = Pacer(TARGET_USD)

    for _ in range(5_000):
        pacer.spent(0.0)

    assert pacer.debt == -CREDIT


def test_another_target_keeps_the_money_owed():
    pacer = Pacer(TARGET_USD)
    pacer.spent(11e-3)

    richer = pacer.retarget(2 * TARGET_USD)

    assert richer.debt * richer.target_usd == pytest.approx(pacer.debt * pacer.target_usd)


def test_a_copy_is_another_pacer():
    pacer = Pacer(TARGET_USD)

    copy = replace(pacer)
    copy.spent(1.0)

    assert pacer.debt == 0.0


@given(st.lists(st.floats(0.0, 1e9), max_size=200), st.floats(1e-9, 1e6))
def test_the_price_is_bounded_whatever_is_spent(bills: list[float], target_usd: float):
    pacer = Pacer(target_usd)

    for bill in bills:
        pacer.spent(bill)

        assert 0.0 <= pacer.price() <= math.exp(13.0)
        assert math.isfinite(pacer.debt)


@pytest.mark.parametrize("target_usd", [0.0, -1.0, math.inf, math.nan])
def test_a_target_that_cannot_be_held_is_refused(target_usd: float):
    with pytest.raises(ValueError, match="above 0"):
        Pacer(target_usd)
    with pytest.raises(ValueError, match="above 0"):
        Pacer(TARGET_USD).retarget(target_usd)


@pytest.mark.parametrize("usd", [-1e-9, math.inf, math.nan])
def test_a_bill_that_is_no_amount_is_refused_and_not_counted(usd: float):
    pacer = Pacer(TARGET_USD)

    with pytest.raises(ValueError, match="at least 0"):
        pacer.spent(usd)

    assert pacer == Pacer(TARGET_USD)
