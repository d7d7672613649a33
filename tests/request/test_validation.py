"""What quality assurance makes of the answers to one request, and what its own watcher says of it."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from assurance import ScriptedAssurance

from guardian_cluster.domain.verdict import MonitoringReport
from guardian_cluster.request.sharing import ContextQuality, Insights
from guardian_cluster.request.validation import WEAK_CONTEXT_P_WRONG, WEAK_COVERAGE, Validation
from guardian_cluster.specialists.builtin.recall.evidence import RetrievalQuality

QUESTIONS = {1: "What is 17 * 23?", 2: "What does the handbook say about leave?"}


@dataclass
class Finished:
    """An execution that has ended, as far as a validation looks at it."""

    text: str = "It is 391."
    finish_reason: str | None = "stop"
    report: MonitoringReport = field(default_factory=MonitoringReport)
    retrieval: RetrievalQuality | None = None
    specialist: str = "one"

    @property
    def words(self) -> Any:
        return SimpleNamespace(text=self.text)

    @property
    def candidate(self) -> Any:
        return SimpleNamespace(specialist=SimpleNamespace(name=self.specialist))


def validating(assurance: ScriptedAssurance | None = None, insights: Insights | None = None) -> Any:
    checks: Any = assurance or ScriptedAssurance()
    return Validation(checks, QUESTIONS, insights or Insights())


def recalled(coverage: float) -> Finished:
    quality = RetrievalQuality(relevance=0.9, coverage=coverage, staleness_s=0.0, passages=1)
    return Finished(retrieval=quality, specialist="recall")


async def test_the_checks_of_every_part_are_derived_once_before_any_answer():
    assurance = ScriptedAssurance()
    validation = validating(assurance)

    await validation.prepare()
    await validation.assess(1, Finished())
    await validation.assess(2, Finished())

    assert assurance.questions == list(QUESTIONS.values())


async def test_checks_that_were_not_prepared_are_derived_when_they_are_needed():
    assurance = ScriptedAssurance()
    validation = validating(assurance)

    assert validation.framework(2) is validation.framework(2)
    assert assurance.questions == [QUESTIONS[2]]


async def test_an_answer_is_checked_against_its_own_question():
    assurance = ScriptedAssurance()
    await validating(assurance).assess(2, Finished(finish_reason="length", specialist="two"))

    assert assurance.assessed == [(QUESTIONS[2], "two", "length")]


@pytest.mark.parametrize(
    ("watched", "checked", "told"),
    [(None, 0.5, 0.5), (0.25, 0.5, 0.25), (1.0, 0.5, 0.5), (0.25, None, 0.25), (None, None, None)],
)
async def test_the_report_of_an_answer_has_the_worse_of_what_its_watcher_and_its_checks_say(
    watched: float | None, checked: float | None, told: float | None
):
    execution = Finished(report=MonitoringReport(quality=watched, intent_alignment=watched, characters=7))
    await validating(ScriptedAssurance(quality=checked, intent_alignment=checked)).assess(1, execution)

    report = execution.report
    assert (report.quality, report.intent_alignment, report.characters) == (told, told, 7)


async def test_how_good_what_was_recalled_is_is_told_to_the_validation():
    insights = Insights()
    await validating(insights=insights).assess(2, recalled(0.8))

    assert insights.context_quality(2) == ContextQuality(part=2, relevance=0.9, coverage=0.8)
    assert insights.context_quality(1) is None


async def test_an_answer_on_weak_context_is_likely_wrong_whatever_its_form():
    validation = validating()
    assessment = await validation.assess(2, recalled(WEAK_COVERAGE / 2))

    assert assessment.p_wrong == WEAK_CONTEXT_P_WRONG
    assert assessment.doubts == ("what was recalled holds 25% of what was asked for",)
    assert [verdict.rule for verdict in validation.report().verdicts] == ["not-checked", "weak-context"]


async def test_an_answer_that_is_worse_than_its_context_stays_so():
    assessment = await validating(ScriptedAssurance({"": 0.95})).assess(2, recalled(0.0))

    assert assessment.p_wrong == 0.95


async def test_good_context_makes_no_doubt():
    validation = validating()
    assessment = await validation.assess(2, recalled(WEAK_COVERAGE))

    assert (assessment.p_wrong, assessment.doubts) == (0.05, ())
    assert [verdict.rule for verdict in validation.report().verdicts] == ["not-checked"]


async def test_weak_context_of_one_part_says_nothing_of_another():
    validation = validating()
    await validation.assess(2, recalled(0.0))

    assert (await validation.assess(1, Finished())).p_wrong == 0.05


async def test_what_was_found_is_described_part_by_part():
    validation = validating(ScriptedAssurance({"402": 0.9}, failed=("arithmetic",)))
    await validation.assess(2, Finished("It is 402."))
    await validation.assess(1, Finished())

    assert validation.described() == {
        "object": "validation",
        "parts": [
            {"number": 1, "p_wrong": 0.05, "failed": ["arithmetic"]},
            {"number": 2, "p_wrong": 0.9, "failed": ["arithmetic"]},
        ],
    }


async def test_of_an_answer_and_the_one_after_it_the_last_is_described():
    validation = validating(ScriptedAssurance({"402": 0.9}))
    await validation.assess(1, Finished("It is 402."))
    await validation.assess(1, Finished("It is 391."))

    assert [part["p_wrong"] for part in validation.described()["parts"]] == [0.05]


async def test_the_validations_report_says_how_much_was_looked_at():
    validation = validating(ScriptedAssurance(coverage=0.5))
    before = validation.report()
    await validation.assess(1, Finished())
    between = validation.report()
    await validation.assess(2, Finished())
    after = validation.report()

    assert [each.quality for each in (before, between, after)] == [0.0, 0.25, 0.5]
    assert [each.intent_alignment for each in (before, between, after)] == [0.0, 0.5, 1.0]
    assert [len(each.verdicts) for each in (before, between, after)] == [2, 1, 0]
