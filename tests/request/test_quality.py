import pytest

from guardian_cluster.request.checks.answer_model import answer_model
from guardian_cluster.request.checks.answer_words import AnswerWords
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding
from guardian_cluster.request.quality import QualityAssurance
from guardian_cluster.statistics.calibration import Evidence

QUESTION = "Gerald and Julia divided $100 as 3:2. If Gerald spent $10, how much money did he have left?"
RIGHT = "Gerald got 3 / (3 + 2) * 100 = $60. He has 60 - 10 = $50 left."
WRONG = "Gerald got 3 / (3 + 2) * 100 = $45. He has 45 - 10 = $35 left."


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


def test_a_check_that_fails_is_told_and_costs_no_answer():
    assurance = QualityAssurance()
    framework = assurance.derive(QUESTION)
    whole = assurance.assess(framework, RIGHT)
    vars(framework)["checks"] = (*framework.checks[:-1], _fails)

    assessment = assurance.assess(framework, RIGHT)

    assert whole.coverage == 1.0
    assert assessment.coverage == 1 - 1 / len(framework.checks)
    assert assessment.failed == ()


def _fails(_: Answered) -> Finding:
    raise ValueError("what it did not think of")


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

    assert 0.0 <= assurance.assess(assurance.derive(QUESTION, sources=("[1] a",)), text).p_wrong <= 1.0
