import pytest
from hypothesis import given
from hypothesis import strategies as st
from lesson_samples import EASY, assessed, feedback, numbers, records, routed

from guardian_cluster.contract.records import PartRecord, RequestRecord
from guardian_cluster.learning.labels import AGREED, DIFFERED, is_about, is_instructive, lessons_of


def taught(record: RequestRecord, score: float | None = None) -> dict[str, tuple[float, float, str]]:
    return {each.specialist: (each.label, each.weight, each.source) for each in lessons_of(record, score)}


def test_a_callers_mark_is_for_the_specialist_whose_answer_left() -> None:
    record = routed(specialist="large", assessments=(assessed("small", 0.9), assessed("large", 0.2)))

    assert taught(record, 0.5)["large"] == (0.5, 1.0, "feedback")
    assert taught(record, 0.5)["small"] == (pytest.approx(0.1), 0.25, "checks")
    assert {each.answer for each in lessons_of(record, 0.5)} == {b"answer of small", b"answer of large"}
    assert {each.question for each in lessons_of(record, 0.5)} == {EASY}


def test_two_specialists_who_agree_are_both_right() -> None:
    record = routed(assessments=(assessed("small", 0.9), assessed("large", agreed=True)))

    assert taught(record) == {"small": (AGREED, 0.7, "agreement"), "large": (AGREED, 0.7, "agreement")}


def test_of_two_who_differ_the_first_is_likely_wrong_and_the_second_as_its_checks_say() -> None:
    record = routed(assessments=(assessed("small"), assessed("large", 0.4, agreed=False)))

    assert taught(record) == {"small": (DIFFERED, 0.7, "agreement"), "large": (0.6, 0.25, "checks")}


def test_a_specialist_that_agrees_with_itself_proves_nothing() -> None:
    record = routed(assessments=(assessed("small", 0.5), assessed("small", 0.5, agreed=True)))

    assert taught(record) == {"small": (0.5, 0.25, "checks")}


def test_answers_to_different_parts_are_not_compared() -> None:
    record = routed(assessments=(assessed("small", 0.5), assessed("large", 0.5, agreed=True, part=2)))

    assert {source for _, _, source in taught(record).values()} == {"checks"}


def test_an_answer_in_which_nothing_could_be_checked_teaches_nothing() -> None:
    assert taught(routed(assessments=(assessed("small", 0.3, features=b""),))) == {}
    assert taught(routed(assessments=(assessed("small", 0.3, features=b"", failed=("units",)),))) != {}


def test_a_mark_for_what_failed_says_nothing_of_answers() -> None:
    assert taught(routed(outcome="error"), 0.0) == {}


def test_a_request_by_name_or_in_parts_teaches_nothing() -> None:
    parts = tuple(PartRecord(number=n, requirement="code", specialist="small", outcome="ok") for n in (1, 2))

    assert not is_instructive(routed(routing=None))
    assert not is_instructive(routed(question=b""))
    assert taught(routed(parts=parts), 1.0) == {}


@pytest.mark.parametrize(
    "said",
    [
        feedback(tenant="rival"),
        feedback(score=None),
        feedback(score=float("nan")),
        feedback(score=1.01),
        feedback(score=-1e300),
    ],
)
def test_a_mark_of_another_tenant_or_that_is_none_does_not_count(said: object) -> None:
    assert not is_about(said, routed())  # type: ignore[arg-type]
    assert is_about(feedback(), routed())


@given(records, st.none() | numbers)
def test_labels_and_weights_are_bounded_whatever_a_record_says(
    record: RequestRecord, score: float | None
) -> None:
    lessons = lessons_of(record, score)

    assert all(0 <= each.label <= 1 and 0 < each.weight <= 1 for each in lessons)
    assert len({each.specialist for each in lessons}) == len(lessons)
