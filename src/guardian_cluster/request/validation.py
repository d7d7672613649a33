"""Quality assurance at work on one request: it prepares its checks beforehand, applies them, and is itself watched."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from guardian_cluster.domain.request import ResponseFormat
from guardian_cluster.domain.verdict import MonitoringReport, Verdict
from guardian_cluster.request.checks.glance import glance
from guardian_cluster.request.execution import Execution
from guardian_cluster.request.expectation import in_light_of
from guardian_cluster.request.quality import Assessment, QualityAssurance, ValidationFramework
from guardian_cluster.request.sharing import ContextQuality, Insights
from guardian_cluster.specialists.builtin.recall.evidence import RetrievalQuality

READ_AT_ONCE = 400
"""Characters of an answer that are read at once; a longer one is read in a thread."""

WEAK_COVERAGE = 0.5
"""Passages that hold fewer of a question's words than this support an answer to another question."""

WEAK_CONTEXT_P_WRONG = 0.6
"""An answer on weak context is more likely wrong than right, whatever its form."""


class Validation:
    """The validation of one request, part by part."""

    def __init__(
        self,
        assurance: QualityAssurance,
        questions: Mapping[int, str],
        insights: Insights,
        wanted: ResponseFormat | None = None,
        sources: Sequence[str] = (),
    ) -> None:
        """Validate the answers to `questions`, numbered as the parts are.

        Each is `wanted` in that form, and may cite what stands in the `sources`.
        """
        self.assurance = assurance
        self._sources = sources
        self._wanted = wanted
        self._questions = questions
        self._insights = insights
        self._frameworks: dict[int, ValidationFramework] = {}
        self._assessed: dict[int, Assessment] = {}
        self._verdicts: list[Verdict] = []
        self._deriving = asyncio.Lock()

    async def agree(self, number: int, first: str, second: str) -> bool | None:
        """Return whether two answers to a part say the same; `None` where that cannot be told."""
        return await asyncio.to_thread(self.assurance.agree, first, second, self._questions[number])

    async def prepare(self) -> None:
        """Derive the checks of every part from its question, before there is any answer."""
        async with self._deriving:  # parts ask for it side by side
            if len(self._frameworks) < len(self._questions):
                await asyncio.to_thread(self._derive)

    def _derive(self) -> None:
        for number in self._questions:
            self.framework(number)

    def framework(self, number: int) -> ValidationFramework:
        """Return the checks of one part."""
        found = self._frameworks.get(number)
        if found is None:
            found = self._frameworks[number] = self.assurance.derive(
                self._questions[number], self._wanted, self._sources
            )
        return found

    async def assess(
        self, number: int, execution: Execution, expected_success: float | None = None
    ) -> Assessment:
        """Check an answer, and complete its watcher's report with what the checks say.

        `expected_success` is how likely the router took the specialist to be right.
        """
        framework, text = self.framework(number), execution.words.text
        assess = partial(
            self.assurance.assess,
            framework,
            text,
            specialist=execution.candidate.specialist.name,
            finish_reason=execution.finish_reason,
        )
        # Ordinary answers take below 1 ms, hostile ones 20: others get their turn meanwhile.
        assessment = await asyncio.to_thread(assess) if len(text) > READ_AT_ONCE else assess()
        if expected_success is not None:
            assessment = _expected(assessment, expected_success, framework)
        if execution.retrieval is not None:
            context = self._hear(number, execution.retrieval)
            if context.coverage < WEAK_COVERAGE:
                assessment = self._on_weak_context(assessment, context)
        self._assessed[number] = assessment
        _complete(execution, assessment.quality, assessment.intent_alignment)
        return assessment

    def described(self) -> dict[str, Any]:
        """Return what was checked: for each part its question's checks, and what they found."""
        return {
            "object": "validation",
            "parts": [
                {"number": number, "p_wrong": found.p_wrong, "failed": list(found.failed)}
                for number, found in sorted(self._assessed.items())
            ],
        }

    def glance(self, number: int, execution: Execution) -> None:
        """Complete a watcher's report with what can be told cheaply, where nothing depends on more."""
        seen = glance(self._questions[number], execution.words.text, execution.finish_reason)
        _complete(execution, seen.quality, seen.intent_alignment)

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """What the watcher of the validation found so far."""
        return self._verdicts

    def report(self) -> MonitoringReport:
        """Return what the watcher of the validation says of it: the parts looked at, and the checks that ran."""
        unchecked = [number for number in self._questions if number not in self._assessed]
        verdicts = [_verdict("not-checked") for _ in unchecked] + self._verdicts
        ran = [assessment.coverage for assessment in self._assessed.values()]
        return MonitoringReport(
            verdicts=tuple(verdicts),
            quality=sum(ran) / len(self._questions),
            intent_alignment=1 - len(unchecked) / len(self._questions),
        )

    def _hear(self, number: int, found: RetrievalQuality) -> ContextQuality:
        """Take in, and share, what the memory's watcher says of the context it gave."""
        quality = ContextQuality(part=number, relevance=found.relevance, coverage=found.coverage)
        self._insights.share(quality)
        return quality

    def _on_weak_context(self, assessment: Assessment, context: ContextQuality) -> Assessment:
        self._verdicts.append(_verdict("weak-context"))
        doubt = f"what was recalled holds {context.coverage:.0%} of what was asked for"
        return msgspec.structs.replace(
            assessment,
            p_wrong=max(assessment.p_wrong, WEAK_CONTEXT_P_WRONG),
            doubts=(*assessment.doubts, doubt),
        )


def _complete(execution: Execution, quality: float | None, intent_alignment: float | None) -> None:
    report = execution.report
    execution.report = msgspec.structs.replace(
        report,
        quality=_lower(report.quality, quality),
        intent_alignment=_lower(report.intent_alignment, intent_alignment),
    )


def _lower(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _expected(assessment: Assessment, success: float, framework: ValidationFramework) -> Assessment:
    p_wrong = in_light_of(
        assessment.p_wrong, success, is_calculation=framework.is_calculation, trust=assessment.trust
    )
    return msgspec.structs.replace(assessment, p_wrong=p_wrong)


def _verdict(rule: str) -> Verdict:
    return Verdict(detector="validation", rule=rule, action="observe")
