import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import request_record

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.monitoring.budgets import LearnedBudgets
from guardian_cluster.monitoring.signals import Budgets
from guardian_cluster.statistics.quantiles import SlowQuantile


def answered(duration_ms: float, **changes: object) -> RequestRecord:
    return request_record(duration_ms=duration_ms, cost_usd=0.001, **changes)


def taught(count: int, *, scale: float = 1.0, budgets: LearnedBudgets | None = None) -> LearnedBudgets:
    rng = random.Random(3)
    found = budgets or LearnedBudgets()
    for _ in range(count):
        found.take(answered(scale * rng.lognormvariate(6.0, 0.5)))
    return found


def test_nearly_all_requests_stay_within_what_was_learned():
    budget = taught(3_000).of("solver").whole_ms
    rng = random.Random(4)

    over = sum(rng.lognormvariate(6.0, 0.5) > (budget or 0.0) for _ in range(5_000))

    assert 0.002 < over / 5_000 < 0.06


def test_nothing_is_known_of_a_specialist_before_some_answers():
    assert taught(150).of("solver", Budgets(whole_ms=10.0)) == Budgets()
    assert taught(400).of("solver").whole_ms is not None
    assert taught(400).of("another") == Budgets()


def test_a_declared_timeout_is_a_cap():
    found = taught(3_000).of("solver", Budgets(whole_ms=50.0, cost_usd=1.0))

    assert found.whole_ms == 50.0
    assert found.cost_usd == pytest.approx(0.00125, rel=0.06)
    assert found.first_token_ms is None


def test_a_fault_is_not_followed_while_it_is_new():
    budgets = taught(10_000)
    before = budgets.of("solver")

    taught(500, scale=5.0, budgets=budgets)

    assert budgets.of("solver") == before


def test_nothing_is_learned_from_slow_answers_while_an_alarm_is_open():
    budgets = taught(3_000)
    before = budgets.of("solver").whole_ms

    for _ in range(5_000):
        budgets.take(answered(5_000.0), alarmed={"latency"})

    assert budgets.of("solver").whole_ms == before


def test_what_lasts_becomes_usual():
    budgets = taught(3_000)
    before = budgets.of("solver").whole_ms or 0.0

    taught(20_000, scale=3.0, budgets=budgets)

    assert (budgets.of("solver").whole_ms or 0.0) > 2.0 * before


def test_answers_that_failed_teach_nothing():
    budgets = taught(3_000)
    before = budgets.state()

    budgets.take(answered(9_999.0, outcome="error"))

    assert budgets.state() == before


def test_streams_have_a_budget_for_their_beginning():
    budgets = LearnedBudgets()
    for _ in range(600):
        budgets.take(answered(9_000.0, streamed=True, first_token_ms=100.0))

    found = budgets.of("solver")

    assert found.whole_ms is None
    assert found.first_token_ms == pytest.approx(125.0, rel=0.06)


def test_what_was_learned_goes_on_exactly_after_a_restart():
    one, other = taught(1_234), LearnedBudgets()
    other.restore(one.state())

    taught(2_000, budgets=one)
    taught(2_000, budgets=other)

    assert one.state() == other.state()


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"\xff",
        b"garbage",
        msgspec.msgpack.encode({"version": 2}),
        msgspec.msgpack.encode({"specialists": {"a": {}}}),
    ],
)
def test_a_state_that_is_none_is_refused(state: bytes):
    with pytest.raises(ValueError, match="budgets"):
        LearnedBudgets().restore(state)


@given(st.lists(st.floats(), max_size=60))
@settings(max_examples=30)
def test_no_value_breaks_a_quantile(values: list[float]):
    quantile = SlowQuantile(0.95)

    for value in values * 10:
        quantile.add(value)

    found = quantile.value()
    assert found is None or 0.0 < found < 2e9
