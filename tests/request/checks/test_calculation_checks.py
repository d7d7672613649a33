import time

import pytest

from guardian_cluster.request.checks import (
    derivation,
    final_answer,
    given_numbers,
    magnitude,
    sizes,
    units,
    wording,
)
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.question import Question

APPLES = "A basket has 25 apples, 20% are unripe, 2 are sour and the rest are good. How many apples are good?"
RIGHT = "20% of 25 = 5 are unripe. 5 + 2 = 7 are not good. 25 - 7 = 18 apples are good.\n#### 18"


def answered(question: str, answer: str) -> Answered:
    return Answered(Question(question), answer)


@pytest.mark.parametrize(
    "check", [derivation.check, given_numbers.check, final_answer.check, magnitude.check]
)
def test_a_right_solution_passes(check):
    assert check(answered(APPLES, RIGHT)).held is True


def test_a_number_from_nowhere_is_named():
    found = derivation.check(answered(APPLES, "25 * 87 = 2175 apples."))

    assert found.held is False
    assert found.detail.startswith("87 is used")


def test_a_step_that_takes_back_an_earlier_one_is_found():
    found = derivation.check(
        answered("He owes 3500 and gives 4000. How much is left?", "3500 + 4000 = 7500. 7500 - 3500 = 4000")
    )

    assert found.features["derivation.undone"] == 1.0


def test_a_result_that_leads_nowhere_is_noticed():
    found = derivation.check(answered(APPLES, "25 - 2 = 23. 25 * 20% = 5. 25 - 5 = 20 apples"))

    assert found.features["derivation.has_loose"] == 1.0
    assert "25 - 2 = 23" in found.detail


def test_an_unused_number_of_the_question_is_named():
    found = given_numbers.check(answered(APPLES, "25 - 2 = 23 apples are good."))

    assert found.held is False
    assert "20%" in found.detail


def test_an_answer_stated_twice_differently_is_inconsistent():
    found = final_answer.check(answered(APPLES, "The answer is 17.\n25 - 7 = 18\n#### 18"))

    assert found.held is False
    assert "17" in found.detail
    assert "18" in found.detail


def test_a_missing_number_is_a_missing_answer():
    assert final_answer.check(answered(APPLES, "It cannot be said.")).held is False


def test_a_final_number_that_was_not_computed_last_is_noticed():
    found = final_answer.check(answered(APPLES, "25 - 7 = 18. 18 - 2 = 16.\n#### 18"))

    assert found.features["final_answer.not_last"] == 1.0


@pytest.mark.parametrize(
    ("answer", "said"), [("25 / 4 = 6.25", "no whole number"), ("2 - 25 = -23\n#### -23", "not above")]
)
def test_impossible_sizes_are_named(answer: str, said: str):
    assert said in magnitude.check(answered(APPLES, answer)).detail


def test_operations_against_the_words_are_noticed():
    found = wording.check(
        answered("Andy plants 90 roses and 40 fewer tulips. How many tulips?", "90 + 40 = 130 tulips")
    )

    assert found.held is False
    assert "less added" in found.detail


def test_a_unit_that_was_not_asked_for_is_noticed():
    found = units.check(
        answered(
            "A film starts at 2 and runs 3 parts of 30 minutes. How many hours is it?", "3 * 30 = 90 minutes"
        )
    )

    assert found.held is False
    assert "hour" in found.detail


def test_sizes_judge_nothing():
    found = sizes.check(answered(APPLES, RIGHT))

    assert found.held is None
    assert all(0.0 <= value <= 1.0 for value in found.features.values())


HOSTILE = [
    "=" * 300_000,
    "1+" * 150_000,
    "(" * 300_000,
    "<<" * 150_000,
    "1 = " * 75_000,
    "x " * 150_000,
    "\\frac{" * 50_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:6]))
def test_hostile_text_takes_milliseconds(text: str):
    begun = time.process_time()

    for check in (
        derivation.check,
        given_numbers.check,
        final_answer.check,
        magnitude.check,
        wording.check,
        units.check,
    ):
        check(answered(text, text))

    assert time.process_time() - begun < 10.0
