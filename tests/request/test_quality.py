from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.checks.answer_words import AnswerWords
from guardian_cluster.request.quality import (
    Accept,
    Assessment,
    Escalate,
    QualityAssurance,
    SecondOpinion,
    agree,
    answer_model,
    decide,
    gain,
    revised,
)
from guardian_cluster.statistics.calibration import Evidence

QUESTION = "Gerald and Julia divided $100 as 3:2. If Gerald spent $10, how much money did he have left?"
RIGHT = "Gerald got 3 / (3 + 2) * 100 = $60. He has 60 - 10 = $50 left."
WRONG = "Gerald got 3 / (3 + 2) * 100 = $45. He has 45 - 10 = $35 left."


@dataclass(frozen=True)
class Somebody:
    name: str
    success: float
    cost_usd: float


HERE = Somebody("small", 0.64, 1e-5)
STRONG = Somebody("large", 0.945, 2e-3)
OTHER = Somebody("other", 0.7, 1e-5)


def assessed(p_wrong: float) -> Assessment:
    return Assessment(p_wrong=p_wrong)


def test_a_wrong_answer_is_doubted_and_the_fault_is_named():
    assurance = QualityAssurance()
    framework = assurance.derive(QUESTION)

    right, wrong = assurance.assess(framework, RIGHT), assurance.assess(framework, WRONG)

    assert wrong.p_wrong > 0.6 > 0.4 > right.p_wrong
    assert wrong.failed == ("arithmetic",)
    assert "60" in wrong.doubts[0]
    assert right.failed == ()


def test_checks_follow_from_the_question_alone():
    assurance = QualityAssurance()

    assert assurance.derive(QUESTION).is_checkable
    assert not assurance.derive("Tell me about Paris.").is_checkable
    assert len(assurance.derive("Answer in JSON.").checks) == len(assurance.derive("Tell me.").checks) + 1


def test_a_poem_is_neither_doubted_nor_held_back():
    assurance = QualityAssurance()

    assessment = assurance.assess(
        assurance.derive("Write a poem about 2 cats."), "Two cats\nsat on a wall\nand that is all."
    )

    assert assessment.p_wrong < 0.3
    assert assessment.features == b""


def test_questions_that_were_left_out_are_counted():
    assurance = QualityAssurance()
    framework = assurance.derive("What does the handbook say about leave? Which colour has the logo?")

    assessment = assurance.assess(framework, "The handbook grants thirty days of leave.")

    assert assessment.asked_parts_answered == 0.5
    assert assessment.intent_alignment == 0.5


def test_verdicts_change_what_is_thought_of_a_specialist_and_of_no_other():
    model = answer_model()
    assurance = QualityAssurance(model, AnswerWords(b"salt"))
    framework = assurance.derive(QUESTION)
    before = assurance.assess(framework, RIGHT, specialist="small").p_wrong

    for _ in range(30):
        model.teach("small", assurance.assess(framework, RIGHT).features, 0.0, 1.0)

    assert assurance.assess(framework, RIGHT, specialist="small").p_wrong > before + 0.3
    assert assurance.assess(framework, RIGHT, specialist="large").p_wrong == before


def test_the_evidence_of_an_assessment_can_be_read_again():
    assurance = QualityAssurance(words=AnswerWords(b"salt"))

    evidence = Evidence.decode(assurance.assess(assurance.derive(QUESTION), WRONG).features)

    assert len(evidence.values) == len(answer_model().names)
    assert len(evidence.buckets) > 10


@pytest.mark.parametrize(
    "text", ["=" * 300_000, "1+" * 150_000, "```" * 100_000, "[1] " * 75_000, "\u0000", ""]
)
def test_no_answer_breaks_an_assessment(text: str):
    assurance = QualityAssurance()

    assert 0.0 <= assurance.assess(assurance.derive(QUESTION), text, sources=("a",)).p_wrong <= 1.0


def test_a_good_answer_goes_and_a_bad_one_is_escalated():
    assert decide(assessed(0.05), HERE, [STRONG], mistake_usd=0.01) == Accept()
    assert decide(assessed(0.7), HERE, [STRONG], mistake_usd=0.01) == Escalate("large")


def test_nobody_is_asked_beyond_the_budget():
    assert decide(assessed(0.9), HERE, [STRONG], mistake_usd=0.01, budget_left_usd=0.001) == Accept()


def test_a_cheap_opinion_comes_before_an_expensive_answer():
    dear = Somebody("large", 0.945, 4e-3)

    assert decide(assessed(0.5), HERE, [OTHER, dear], mistake_usd=0.01) == SecondOpinion("other")


def test_the_same_specialist_is_never_its_own_second_opinion():
    assert decide(assessed(0.9), HERE, [HERE], mistake_usd=1.0) == Accept()


@given(st.floats(0, 1), st.floats(0, 1))
def test_agreement_calms_and_disagreement_alarms(p_wrong: float, success: float):
    if success > 0.2:
        assert revised(p_wrong, success, agreed=True) <= p_wrong + 1e-9
        assert revised(p_wrong, success, agreed=False) >= min(p_wrong, 0.0)
    assert -1.0 <= gain(p_wrong, success) <= 1.0


@pytest.mark.parametrize(
    ("first", "second", "question", "expected"),
    [
        ("So it is $1,200.", "#### 1200", QUESTION, True),
        ("So it is 12.", "#### 1200", QUESTION, False),
        ("The answer is (B).", "b", "Which one?", True),
        ("Paris.", "paris", "Capital of France?", True),
        ("Paris", "Lyon", "Capital of France?", False),
        ("a b " * 100, "c d " * 100, "Why?", None),
    ],
)
def test_answers_agree_by_what_they_come_to(first: str, second: str, question: str, expected: bool | None):
    assert agree(first, second, question) is expected
