import math
import random
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from guardian_cluster.request.choice import (
    EXPLORED_SHARE,
    Option,
    Policy,
    choose,
    propensities,
    ranking,
)

SMALL = Option("small", success=0.71, trust=0.9, cost_usd=1e-4, latency_s=0.5, verdicts=1_000)
LARGE = Option("large", success=0.74, trust=0.9, cost_usd=1.2e-3, latency_s=2.0, verdicts=1_000)

amounts = st.floats(0.0, 1.0)
policies = st.builds(Policy, st.floats(1e-6, 10.0), st.floats(0.0, 0.1))


@st.composite
def options(draw: st.DrawFn, verdicts: int | None = None) -> list[Option]:
    count = draw(st.integers(1, 8))
    known = st.integers(0, 10_000) if verdicts is None else st.just(verdicts)
    return [
        Option(f"s{number}", draw(amounts), draw(amounts), draw(amounts), draw(amounts), draw(known))
        for number in range(count)
    ]


@given(options(), policies, st.floats(0.0, 1e5))
def test_propensities_are_probabilities(given: list[Option], policy: Policy, price: float):
    chances = propensities(given, policy, price=price)

    assert list(chances) == [option.name for option in given]
    assert math.fsum(chances.values()) == pytest.approx(1.0)
    assert all(0.0 <= chance <= 1.0 + 1e-12 for chance in chances.values())


@given(options(), policies, st.integers())
def test_a_choice_states_the_probability_with_which_it_was_made(
    given: list[Option], policy: Policy, seed: int
):
    choice = choose(given, policy, random.Random(seed))

    assert choice.propensity == propensities(given, policy)[choice.order[0]] > 0.0
    assert sorted(choice.order) == sorted(option.name for option in given)
    assert choice == choose(given, policy, random.Random(seed))


def test_the_stated_probability_is_the_rate_at_which_it_happens():
    near = [SMALL, Option("near", 0.71, 0.9, 1.1e-4, 0.5, 1_000)]
    rng = random.Random(5)

    counts = Counter(choose(near, Policy(), rng).order[0] for _ in range(20_000))

    for name, chance in propensities(near, Policy()).items():
        assert counts[name] / 20_000 == pytest.approx(chance, abs=0.005)


@given(options(), policies, st.floats(1.0, 1e4), st.floats(0.0, 100.0))
def test_dearer_mistakes_never_prefer_a_weaker_and_cheaper_one(
    given: list[Option], policy: Policy, factor: float, price: float
):
    dearer = Policy(policy.mistake_usd * factor, policy.second_usd)

    before, after = (ranking(given, each, price=price)[0] for each in (policy, dearer))

    assert after.success >= before.success - 1e-9


@given(options(), policies)
def test_one_that_another_beats_in_everything_is_only_explored(given: list[Option], policy: Policy):
    worse = Option("worse", 0.1, 0.5, 0.9, 0.9, 10)
    better = Option("better", 0.2, 0.5, 0.8, 0.8, 10)

    chances = propensities([*given, worse, better], policy)

    assert ranking([*given, worse, better], policy)[0] != worse
    assert chances["worse"] <= EXPLORED_SHARE


def test_equals_are_taken_in_configured_order():
    equals = [Option(name, 0.8, 0.5, 1e-3) for name in ("b", "a", "c")]

    assert [option.name for option in ranking(equals, Policy())] == ["b", "a", "c"]
    assert max(propensities(equals, Policy()).items(), key=lambda item: item[1])[0] == "b"


def test_a_clearly_worse_one_is_hardly_ever_explored():
    bad = Option("bad", 0.2, 0.9, 1e-2, 0.0, 1_000)

    assert propensities([SMALL, bad], Policy())["bad"] < 1e-6


def test_one_that_was_never_tried_is_tried():
    unknown = Option("unknown", 0.7, 0.0, 1e-4)

    assert propensities([SMALL, unknown], Policy())["unknown"] > 0.9


def test_a_price_on_money_moves_requests_to_cheaper_ones():
    policy = Policy(mistake_usd=1.0)

    assert ranking([SMALL, LARGE], policy)[0] == LARGE
    assert ranking([SMALL, LARGE], policy, price=50.0)[0] == SMALL


@pytest.mark.parametrize(
    ("name", "expected"),
    [("auto", "mid"), ("auto:cheap", "low"), ("auto:fast", "swift"), ("auto:best", "top")],
)
def test_the_four_names_weigh_differently(name: str, expected: str):
    able = [
        Option("low", 0.6, 1.0, 1e-5, 3.0, 10**6),
        Option("mid", 0.9, 1.0, 5e-4, 3.0, 10**6),
        Option("top", 0.95, 1.0, 9e-3, 3.0, 10**6),
        Option("swift", 0.8, 1.0, 6e-4, 0.2, 10**6),
    ]

    assert ranking(able, Policy.named(name))[0].name == expected


def test_the_reason_compares_with_the_strongest_other():
    choice = choose([SMALL, LARGE], Policy(mistake_usd=0.01), random.Random(1))

    assert choice.reason == "`small`: right in 71 % (3 % less than `large`), at 1/12 of its price"


def test_the_reason_says_what_was_tried_to_learn():
    unknown = Option("unknown", 0.7, 0.0, 1e-4)

    choice = choose([SMALL, unknown], Policy(), random.Random(1))

    assert choice.explored
    assert choice.reason.startswith(
        "`unknown`, to learn more of it (`small` was expected to be better value)"
    )


@pytest.mark.parametrize(
    ("cost_usd", "words"),
    [
        (0.0, "without cost"),
        (1.0e-3, "at about the same price"),
        (4.0e-3, "at 3.3 times its price"),
    ],
)
def test_the_reason_says_what_it_costs(cost_usd: float, words: str):
    strong = Option("strong", 0.99, 0.9, cost_usd, 0.0, 1_000)

    assert choose([strong, LARGE], Policy(mistake_usd=1.0), random.Random(1)).reason.endswith(words)


def test_alone_it_says_so():
    assert choose([SMALL], Policy(), random.Random(1)).reason.endswith("nobody else is able")


@given(policies)
def test_success_and_cost_that_are_the_same_explore_evenly(policy: Policy):
    assume(policy.mistake_usd > 1e-3)
    same = [Option(name, 0.8, 0.5, 1e-3, 0.0, 100) for name in "abc"]

    chances = propensities(same, policy)

    assert chances["b"] == pytest.approx(chances["c"]) == pytest.approx(EXPLORED_SHARE / 2)


def test_nobody_to_choose_from_is_an_error():
    with pytest.raises(ValueError, match="nothing to choose"):
        choose([], Policy(), random.Random(1))
    with pytest.raises(ValueError, match="nothing to choose"):
        ranking([], Policy())
