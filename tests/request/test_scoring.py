"""What is expected of each specialist, with and without verdicts on its answers."""

from typing import Any

import pytest
from harness import specialist
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import Price
from guardian_cluster.request.experience import EXPECTED_OUTPUT_TOKENS, Experience
from guardian_cluster.request.needs import Needs
from guardian_cluster.request.requirements import Profile
from guardian_cluster.request.scoring import COMPLEX_ERROR, LEAST_ERROR, TIER_GAIN, Scorer, assumed_success
from guardian_cluster.statistics.hashing import Features, TextHasher
from guardian_cluster.statistics.success_model import SuccessModel

HASHER = TextHasher(b"salt")
NEEDS = Needs(input_tokens=1_000)
QUESTIONS = [f"What is the capital of country number {number}, and why?" for number in range(40)]


def model(name: str = "one", **facts: Any) -> Any:
    return specialist(name, "http://127.0.0.1:9/v1", **facts)


def scorer(learned: SuccessModel | None = None, experience: Experience | None = None) -> Scorer:
    return Scorer(HASHER, learned, experience or Experience())


@pytest.fixture(scope="module")
def learned() -> SuccessModel:
    """Verdicts: `good` is right in all of forty questions, `bad` in none."""
    found, hashing = SuccessModel(), scorer()
    for question in QUESTIONS:
        features = hashing.features(question)
        found.learn("good", features, 1.0)
        found.learn("bad", features, 0.0)
    return found


def options(
    of: Scorer, *specialists: Any, question: str = QUESTIONS[0], most: float | None = None
) -> list[Any]:
    return of.options(specialists, Profile(complexity=0.5), of.features(question), NEEDS, most)


def test_nothing_learned_is_said_to_be_a_guess():
    option, *_ = options(scorer(), model())

    assert (option.trust, option.verdicts, option.latency_s) == (0.0, 0, 0.0)
    assert option.success == pytest.approx(1 - (LEAST_ERROR + COMPLEX_ERROR / 2))


@given(st.floats(0, 1), st.integers(1, 9))
def test_a_higher_tier_is_taken_to_err_less_and_a_harder_question_to_be_missed_more(
    hardness: float, tier: int
):
    profile, easier = Profile(complexity=hardness), Profile(complexity=hardness / 2)
    success = assumed_success(model(tier=tier), profile)

    assert 0.0 <= success < assumed_success(model(tier=tier + 1), profile) <= 1.0
    assert success <= assumed_success(model(tier=tier), easier)
    assert 1 - success == pytest.approx((LEAST_ERROR + COMPLEX_ERROR * hardness) * TIER_GAIN ** (tier - 1))


def test_who_is_said_to_be_good_at_what_is_asked_for_is_taken_at_the_operators_word():
    profile = Profile(complexity=0.5, requirements=("code",))

    assert assumed_success(model(good_at=("code",)), profile) > assumed_success(model(), profile)
    assert assumed_success(model(good_at=("reasoning",)), profile) == assumed_success(model(), profile)


def test_verdicts_replace_the_assumption(learned: SuccessModel):
    good, bad, new = options(scorer(learned), model("good"), model("bad"), model("new"))

    assert good.success > new.success > bad.success
    assert (good.verdicts, bad.verdicts, new.verdicts) == (40, 40, 0)
    assert good.trust > 0.0
    assert new.trust == 0.0


def test_trust_is_a_share(learned: SuccessModel):
    for question in (QUESTIONS[0], "```python\nprint('x')\n```", ""):
        for option in options(scorer(learned), model("good"), model("bad"), question=question):
            assert 0.0 <= option.trust <= 1.0
            assert 0.0 < option.success < 1.0


def test_options_come_in_the_order_given():
    found = options(scorer(), model("b", tier=9), model("a"), model("c", tier=2))

    assert [option.name for option in found] == ["b", "a", "c"]


def test_latency_and_length_are_those_of_the_answers_seen():
    experience = Experience()
    experience.of("one").add(50, 2.5)
    option, *_ = options(scorer(experience=experience), model(price=Price(input_usd=1.0, output_usd=10.0)))

    assert option.latency_s == 2.5
    assert option.cost_usd == pytest.approx((1_000 * 1 + 237.5 * 10) / 1e6)


@pytest.mark.parametrize(
    ("most", "tokens"), [(None, EXPECTED_OUTPUT_TOKENS), (5_000, 5_000), (10, 10), (0.0, 0)]
)
def test_an_answer_may_cost_what_its_request_allows(most: float | None, tokens: int):
    priced = model(price=Price(input_usd=1.0, output_usd=10.0))

    assert scorer().worst_cost_usd(priced, NEEDS, most) == pytest.approx((1_000 + tokens * 10) / 1e6)


def test_what_has_no_price_is_never_over_a_ceiling():
    assert scorer().worst_cost_usd(model(tier=5), NEEDS, None) == 0.0


def test_where_nobody_has_a_choice_nothing_is_looked_at():
    assert Scorer(None, None, Experience()).features("What is it?") == Features((), ())
    assert scorer().features("What is it?") == HASHER.features("What is it?")
