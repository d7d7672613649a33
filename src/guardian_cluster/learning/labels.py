"""Decides what the record of a request teaches: whose answer was right, and how far that is to be believed."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from guardian_cluster.contract.records import AssessmentRecord, Feedback, RequestRecord
from guardian_cluster.statistics.success_model import MAX_NAME_BYTES

AGREED = 0.97
DIFFERED = 0.13
"""How often the weaker of two models was right where both said the same, and where not: Mixtral and GPT-4 on the
1,307 questions of GSM8K that RouteLLM recorded. They said the same on 60 %."""

FEEDBACK_WEIGHT = 1.0
AGREEMENT_WEIGHT = 0.7
CHECKS_WEIGHT = 0.25
"""A caller's word counts whole. Two models can make the same mistake. Checks see the form of an answer more than its
truth, and an estimate from them is no verdict: four of them weigh as much as one caller."""

Source = Literal["feedback", "agreement", "checks"]


class Lesson(NamedTuple):
    """What is to be learned of one answer."""

    specialist: str
    label: float
    """1 is right, 0 is wrong."""
    weight: float
    """0 to 1."""
    source: Source
    question: bytes
    """Features of what was asked; empty where nobody took any."""
    answer: bytes
    """Features of the answer; empty where it was not looked at."""


def is_instructive(record: RequestRecord) -> bool:
    """Return whether anything can be learned from a request: it has features, and one answer to all of it.

    What a caller says of an answer made of parts is not the word on any one specialist.
    """
    routing = record.routing
    return routing is not None and bool(routing.features) and len(record.parts) < 2


def is_about(feedback: Feedback, record: RequestRecord) -> bool:
    """Return whether feedback may teach about a request: it is the same tenant's, and a mark that can be given."""
    return feedback.tenant == record.tenant and is_mark(feedback)


def is_mark(feedback: Feedback) -> bool:
    """Return whether a caller gave a mark that can be given."""
    return feedback.score is not None and 0.0 <= feedback.score <= 1.0


def lessons_of(record: RequestRecord, score: float | None = None) -> tuple[Lesson, ...]:
    """Return what a request teaches, one lesson a specialist: by its caller's mark, else agreement, else the checks."""
    if record.routing is None or not is_instructive(record):
        return ()
    found: dict[str, Lesson] = {}
    lessons = [*_of_checks(record), *_of_agreement(record), *_of_feedback(record, score)]
    for lesson in lessons:  # a better source takes the place of a weaker one
        if 0.0 <= lesson.label <= 1.0 and len(lesson.specialist.encode()) <= MAX_NAME_BYTES:
            found[lesson.specialist] = lesson
    return tuple(found.values())


def _of_feedback(record: RequestRecord, score: float | None) -> list[Lesson]:
    """Give the mark to whom the answer came from; one that failed or was left half-way says nothing of its answers."""
    if score is None or record.specialist is None or record.outcome not in ("ok", "cut"):
        return []
    assessed = [each for each in record.assessments if each.specialist == record.specialist]
    answer = assessed[-1] if assessed else None
    return [_lesson(record, record.specialist, score, FEEDBACK_WEIGHT, "feedback", answer)]


def _of_agreement(record: RequestRecord) -> list[Lesson]:
    return [
        _lesson(
            record,
            each.specialist,
            AGREED if second.agreed else DIFFERED,
            AGREEMENT_WEIGHT,
            "agreement",
            each,
        )
        for first, second in _in_pairs(record.assessments)
        if second.agreed is not None and first.specialist != second.specialist
        for each in ((first, second) if second.agreed else (first,))
    ]


def _of_checks(record: RequestRecord) -> list[Lesson]:
    return [
        _lesson(record, each.specialist, 1.0 - each.p_wrong, CHECKS_WEIGHT, "checks", each)
        for each in record.assessments
        if _was_checked(each)
    ]


def _was_checked(assessment: AssessmentRecord) -> bool:
    """Return whether an estimate rests on the answer: where nothing could be checked, it is only what holds for any."""
    return bool(assessment.failed or assessment.features)


def _in_pairs(assessments: Sequence[AssessmentRecord]) -> list[tuple[AssessmentRecord, AssessmentRecord]]:
    """Return each answer with the one before it to the same part."""
    return [(first, second) for first, second in pairwise(assessments) if first.part == second.part]


def _lesson(
    record: RequestRecord,
    specialist: str,
    label: float,
    weight: float,
    source: Source,
    answer: AssessmentRecord | None,
) -> Lesson:
    question = record.routing.features if record.routing else b""
    return Lesson(specialist, label, weight, source, question, answer.features if answer else b"")
