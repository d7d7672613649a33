import math
from collections.abc import Collection

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lesson_samples import EASY, HARD, assessed, feedback, marks, records, routed
from sample_records import NOON

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.learning import recent
from guardian_cluster.learning.labels import AGREED
from guardian_cluster.learning.question_model import QuestionModel
from guardian_cluster.learning.recent import REMEMBERED, SETTLED_S, WAITING, RecentRequests
from guardian_cluster.learning.router_teacher import (
    ENOUGH_LESSONS,
    OFFER_S,
    Draft,
    Models,
    RouterTeacher,
)
from guardian_cluster.statistics.hashing import Features


class Heard:
    """A model of answers that keeps what it is taught."""

    def __init__(self) -> None:
        self.taught: list[tuple[str, bytes, float, float]] = []

    def teach(self, specialist: str, answer: bytes, label: float, weight: float) -> None:
        if answer == b"damaged":
            raise ValueError("this is no answer")
        self.taught.append((specialist, answer, label, weight))

    def forget_all_but(self, specialists: Collection[str]) -> None:
        self.taught = [each for each in self.taught if each[0] in specialists]

    def encode(self) -> bytes:
        return repr(self.taught).encode()


def teacher() -> RouterTeacher:
    return RouterTeacher(lambda: Models(QuestionModel(), Heard()))


def settled(teacher: RouterTeacher, now: float) -> int:
    return sum(iter(lambda: teacher.settle(now), False))


def finished(teacher: RouterTeacher, now: float = NOON) -> Draft:
    draft = teacher.draft(now)
    assert draft is not None
    for _ in draft.steps():
        pass
    return draft


def success(draft: Draft, specialist: str = "small", question: bytes = EASY) -> float:
    return draft.models.before.predict(specialist, Features.decode(question)).success


def test_who_is_praised_is_expected_to_succeed_and_who_is_blamed_is_not() -> None:
    learning = teacher()
    for number in range(60):
        learning.take(routed(f"{number:02}e", question=EASY), now=NOON)
        learning.hear(feedback(f"{number:02}e", 1.0))
        learning.take(routed(f"{number:02}h", question=HARD), now=NOON)
        learning.hear(feedback(f"{number:02}h", 0.0))

    draft = finished(learning)

    assert success(draft, question=EASY) > 0.7 > 0.3 > success(draft, question=HARD)
    assert draft.verdicts == 120


def test_a_model_is_due_with_enough_lessons_and_some_time_after_the_last() -> None:
    learning = teacher()
    for number in range(ENOUGH_LESSONS):
        assert not learning.is_due(NOON)
        learning.take(routed(f"r{number}", assessments=(assessed("small"),)), now=NOON)
    assert learning.is_due(NOON)
    finished(learning)
    for number in range(ENOUGH_LESSONS):
        learning.take(routed(f"s{number}", assessments=(assessed("small"),)), now=NOON)

    assert not learning.is_due(NOON + OFFER_S - 1)
    assert learning.is_due(NOON + OFFER_S)


def test_the_last_word_of_a_caller_counts_and_no_other() -> None:
    fickle, steady = teacher(), teacher()
    for learning, scores in ((fickle, (1.0, 0.0, 1.0, 0.0)), (steady, (0.0,))):
        learning.take(routed(), now=NOON)
        for number, score in enumerate(scores):
            learning.hear(feedback(score=score, after_s=number))

    assert finished(fickle).models.encode() == finished(steady).models.encode()


def test_a_tenant_cannot_teach_about_anothers_request() -> None:
    learning = teacher()
    learning.hear(feedback(score=0.0, tenant="rival"))
    learning.take(routed(), now=NOON)
    learning.hear(feedback(score=0.0, tenant="rival"))

    assert (learning.news, finished(learning).verdicts) == (0, 0)


def test_a_mark_that_comes_before_its_request_counts() -> None:
    early, late = teacher(), teacher()
    early.hear(feedback())
    early.take(routed(), now=NOON)
    late.take(routed(), now=NOON)
    late.hear(feedback())

    assert (
        finished(early).models.encode()
        == finished(late).models.encode()
        != finished(teacher()).models.encode()
    )


def test_a_request_that_is_shown_again_teaches_only_what_is_said_of_it_now() -> None:
    learning = teacher()
    learning.hear(feedback(score=0.0))
    learning.take(
        routed(assessments=(assessed("small"), assessed("large", agreed=True))), now=NOON, was_learned=True
    )

    assert finished(learning).verdicts == 1


def test_settled_requests_are_learned_for_good_and_once() -> None:
    learning = teacher()
    learning.take(routed(), now=NOON)
    learning.hear(feedback(score=0.0))

    drafts = [finished(learning)]
    counts = [settled(learning, NOON + age) for age in (SETTLED_S - 1, SETTLED_S + 1, SETTLED_S + 2)]
    drafts += [finished(learning), finished(learning)]

    assert counts == [0, 1, 0]
    assert [draft.verdicts for draft in drafts] == [1, 1, 1]
    assert len({draft.models.encode().before for draft in drafts}) == 1
    assert not learning.remembers("r1")


def test_specialists_that_are_gone_are_forgotten_and_not_learned_of_again() -> None:
    learning = teacher()
    for number, specialist in enumerate(("small", "large")):
        learning.take(routed(f"r{number}", specialist=specialist), now=NOON)
        learning.hear(feedback(f"r{number}"))
    settled(learning, NOON + SETTLED_S + 1)
    learning.keep_only(["large"])
    learning.take(routed("new"), now=NOON)
    learning.hear(feedback("new"))

    assert finished(learning).models.before.arms() == ("large",)


def test_a_router_that_does_harm_is_withdrawn_and_learns_anew(caplog: pytest.LogCaptureFixture) -> None:
    learning = teacher()
    for number in range(800):  # it asks `small` four times in five, and only `large` is ever right
        specialist = "large" if number % 5 == 0 else "small"
        learning.compare(routed(specialist=specialist), float(specialist == "large"))
    learning.take(routed(assessments=(assessed("small"),)), now=NOON)

    assert learning.draft(NOON) is None
    assert "chose worse" in caplog.text
    again = finished(learning)
    assert (again.verdicts, again.models.before.arms(), again.lift) == (0, (), (None,))


def test_of_answers_it_learns_from_callers_and_from_agreement_but_not_from_the_checks_themselves() -> None:
    learning = teacher()
    learning.take(routed("1", assessments=(assessed("small"), assessed("large", agreed=True))), now=NOON)
    learning.take(routed("2", assessments=(assessed("small"),)), now=NOON)
    learning.take(routed("3", assessments=(assessed("small"),)), now=NOON)
    learning.hear(feedback("3", 0.0))
    learning.take(routed("4", assessments=(assessed("small", features=b"damaged"),)), now=NOON)
    learning.hear(feedback("4", 0.0))

    heard = finished(learning).models.after
    assert isinstance(heard, Heard)
    assert [(specialist, label) for specialist, _, label, _ in heard.taught] == [
        ("small", AGREED), ("large", AGREED), ("small", 0.0),
    ]  # fmt: skip


Said = RequestRecord | Feedback


def learned(said: list[Said]) -> bytes:
    learning = teacher()
    for each in said:
        if isinstance(each, Feedback):
            learning.hear(each)
        else:
            learning.take(each, now=NOON)
    return finished(learning).models.encode().before


def unique(found: list[RequestRecord]) -> list[RequestRecord]:
    return list({record.id: record for record in found}.values())


def within_the_hour(found: list[RequestRecord]) -> list[RequestRecord]:
    """Return records that are not settled yet when they arrive: those of later are learned from as they come."""
    return [
        msgspec.structs.replace(record, started=NOON + record.started % 600)
        for record in unique(found)
        if math.isfinite(record.started)
    ]


@settings(max_examples=100)
@given(
    st.lists(records, max_size=6).map(within_the_hour),
    st.lists(marks, max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_order_in_which_reports_arrive_within_an_hour_does_not_matter(
    found: list[RequestRecord], said: list[Feedback], rng: object
) -> None:
    everything: list[Said] = [*found, *said]
    shuffled = rng.sample(everything, len(everything))  # type: ignore[attr-defined]

    one, other = learned(everything), learned(shuffled)

    assert one == learned(everything)
    assert (one == other) is True  # of a megabyte no difference is shown


@settings(max_examples=20)
@given(st.lists(records | marks, max_size=40))
def test_memory_is_bounded_whatever_comes(said: list[Said]) -> None:
    with pytest.MonkeyPatch.context() as small:
        small.setattr(recent, "REMEMBERED", 3)
        small.setattr(recent, "WAITING", 2)
        remembered = RecentRequests()
        for each in said:
            if isinstance(each, Feedback):
                remembered.mark(each)
            else:
                remembered.add(each)
            remembered.settle(NOON)
            assert len(remembered) <= 3
            assert remembered.waiting <= 2


def test_many_requests_and_marks_are_not_all_remembered() -> None:
    remembered = RecentRequests()
    for number in range(REMEMBERED + 10):
        remembered.add(routed(f"r{number:05}"))
        remembered.mark(feedback(f"unknown {number}"))

    taken = [each.record.id for each in iter(lambda: remembered.settle(NOON), None)]

    assert taken == [f"r{number:05}" for number in range(10)]
    assert remembered.waiting == WAITING
