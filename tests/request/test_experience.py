"""What answers are expected to take, from those that came before and the prices given."""

from typing import Any

import pytest
from harness import SOLVER, specialist
from hypothesis import given
from hypothesis import strategies as st
from sample_records import request_record

from guardian_cluster.contract.records import AttemptRecord
from guardian_cluster.contract.snapshot import Price
from guardian_cluster.request.experience import (
    ASSUMED_ANSWERS,
    EXPECTED_OUTPUT_TOKENS,
    MEMORY,
    NOMINAL_USD,
    TIER_FACTOR,
    Averages,
    Experience,
    price_of,
)


def model(name: str = "one", **facts: Any) -> Any:
    return specialist(name, "http://127.0.0.1:9/v1", **facts)


def attempt(name: str = "one", outcome: Any = "ok", tokens: int = 100, ms: float = 2_000.0) -> AttemptRecord:
    return AttemptRecord(
        specialist=name, endpoint=f"{name}/1", outcome=outcome, duration_ms=ms, output_tokens=tokens
    )


def test_before_any_answer_a_usual_one_is_expected():
    known = Experience().of("one")

    assert (known.output_tokens, known.latency_s, known.answers) == (EXPECTED_OUTPUT_TOKENS, 0.0, 0)


def test_the_first_answer_does_not_make_a_dear_specialist_look_cheap():
    known = Averages()
    known.add(10.0, 0.5)

    assert known.output_tokens == 300 + (10 - 300) / 4
    assert (known.latency_s, known.answers) == (0.5, 1)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 600)), min_size=1, max_size=MEMORY))
def test_the_first_answers_are_averaged_alike(answers: list[tuple[float, float]]):
    known = Averages()
    for tokens, latency_s in answers:
        known.add(tokens, latency_s)

    said = [EXPECTED_OUTPUT_TOKENS] * ASSUMED_ANSWERS + [tokens for tokens, _ in answers[: MEMORY - 3]]
    if len(answers) <= MEMORY - ASSUMED_ANSWERS:
        assert known.output_tokens == pytest.approx(sum(said) / len(said), abs=1e-6)
    assert known.latency_s == pytest.approx(sum(seconds for _, seconds in answers) / len(answers), abs=1e-6)


def test_later_answers_are_forgotten_for_newer_ones():
    known = Averages()
    for _ in range(10 * MEMORY):
        known.add(1_000.0, 10.0)
    for _ in range(5 * MEMORY):
        known.add(10.0, 1.0)

    assert known.output_tokens < 20.0
    assert known.latency_s < 1.1


def test_attempts_that_ended_well_are_taken_in_whoever_made_them():
    experience = Experience()
    experience.report(
        request_record(
            attempts=(
                attempt("one", "failed", 7, 9.0),
                attempt("two", "ok", 50, 500.0),
                attempt("two", "cut"),
            )
        )
    )

    assert experience.of("one").answers == 0
    assert (experience.of("two").answers, experience.of("two").output_tokens) == (1, 237.5)
    assert experience.of("two").latency_s == 0.5


def test_embeddings_say_nothing_of_answers():
    experience = Experience()
    experience.report(request_record(operation="embeddings", attempts=(attempt(tokens=0),)))

    assert experience.of("one").answers == 0


def test_those_that_are_no_more_are_forgotten():
    experience = Experience()
    experience.report(request_record(attempts=(attempt("one"), attempt("two"))))

    experience.forget_all_but(["two", "three"])

    assert (experience.of("one").answers, experience.of("two").answers) == (0, 1)


def test_a_cost_is_that_of_the_messages_and_of_an_average_answer():
    priced = model(price=Price(input_usd=2.0, output_usd=10.0))

    assert Experience().cost_usd(priced, 1_000, None) == pytest.approx(
        (1_000 * 2 + EXPECTED_OUTPUT_TOKENS * 10) / 1e6
    )


@pytest.mark.parametrize(("most", "tokens"), [(20.0, 20), (5_000.0, EXPECTED_OUTPUT_TOKENS)])
def test_an_answer_is_expected_no_longer_than_the_request_allows(most: float, tokens: int):
    priced = model(price=Price(output_usd=10.0))

    assert Experience().cost_usd(priced, 0, most) == pytest.approx(tokens * 10 / 1e6)


@pytest.mark.parametrize(("tier", "factor"), [(1, 1.0), (2, TIER_FACTOR), (3, TIER_FACTOR**2)])
def test_a_price_that_is_not_given_is_taken_from_the_tier(tier: int, factor: float):
    assert price_of(model(tier=tier)) == Price(
        input_usd=NOMINAL_USD * factor, output_usd=NOMINAL_USD * factor
    )


def test_a_price_that_is_given_is_taken_as_it_is():
    price = Price(output_usd=1.0)

    assert price_of(model(tier=3, price=price)) is price


def test_what_is_built_in_costs_nothing():
    assert price_of(SOLVER) == Price()


@given(st.integers(1, 10**9))
def test_the_price_of_any_tier_is_a_number(tier: int):
    assert NOMINAL_USD <= price_of(model(tier=tier)).output_usd < 1e6
