import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from lesson_samples import EASY, candidate, numbers, records, routed

from guardian_cluster.contract.records import RequestRecord, RoutingRecord
from guardian_cluster.learning.comparison import Comparison


def decide(rng: random.Random, chance_of_small: float, cost_of_small: float = 0.001) -> RequestRecord:
    chosen = "small" if rng.random() < chance_of_small else "large"
    candidates = (candidate("small", chance_of_small, cost_of_small), candidate("large", 1 - chance_of_small))
    routing = RoutingRecord(policy="auto", reason="", features=EASY, candidates=candidates)
    return routed(specialist=chosen, routing=routing)


def compared(right: dict[str, float], cost_of_small: float = 0.001, seed: int = 1) -> Comparison:
    """Return 1,500 decisions of a router that mostly prefers `small`, where each is right as often as given."""
    rng, comparison = random.Random(seed), Comparison()
    for _ in range(1_500):
        record = decide(rng, 0.85, cost_of_small)
        comparison.take(record, float(rng.random() < right[str(record.specialist)]))
    return comparison


def test_a_router_that_prefers_the_worse_one_at_the_same_price_is_found_out() -> None:
    assert compared({"small": 0.3, "large": 0.95}).lift().is_harm


def test_a_router_that_prefers_the_better_one_is_not() -> None:
    assert not compared({"small": 0.95, "large": 0.3}).lift().is_harm


def test_a_router_that_saves_money_is_not_held_against_what_costs_more() -> None:
    assert not compared({"small": 0.3, "large": 0.95}, cost_of_small=0.00001).lift().is_harm


def test_where_there_is_no_difference_harm_is_seldom_claimed() -> None:
    claims = [compared({"small": 0.6, "large": 0.6}, seed=seed).lift().is_harm for seed in range(20)]

    assert sum(claims) <= 1


def test_nothing_is_claimed_without_audits() -> None:
    assert Comparison().lift() == (None,)


def test_a_choice_that_nothing_learned_was_the_reason_of_does_not_count() -> None:
    comparison = Comparison()
    blind = tuple(
        msgspec.structs.replace(candidate(name, chance), trust=0.0)
        for name, chance in (("small", 0.8), ("large", 0.2))
    )
    routing = RoutingRecord(policy="auto", reason="", features=EASY, candidates=blind)
    for number in range(1_000):
        specialist = "large" if number % 5 == 0 else "small"
        comparison.take(routed(specialist=specialist, routing=routing), float(specialist == "large"))

    assert comparison.lift() == (None,)


@given(st.lists(st.tuples(records, st.none() | numbers, numbers, numbers), max_size=5))
def test_no_record_brings_it_down(said: list[tuple[RequestRecord, float | None, float, float]]) -> None:
    comparison = Comparison()
    for record, score, chance, cost in said:
        candidates = (candidate("small", chance, cost), candidate("large", 0.5))
        routing = RoutingRecord(policy="auto", reason="", features=EASY, candidates=candidates)
        comparison.take(routed(specialist=str(record.specialist), routing=routing), score)

    assert comparison.lift().upper is None or comparison.lift().upper <= 1  # type: ignore[operator]
