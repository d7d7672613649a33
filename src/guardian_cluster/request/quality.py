"""Decides how likely a finished answer is wrong, from checks that need no model.

Which checks apply is derived from the question before an answer exists. Their findings become the probability that
the answer is wrong: by weights that are the same for everyone (`checks/weights.py`), corrected by what verdicts
have told of each specialist. What is done about it is a matter of prices alone (`escalation.py`).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from guardian_cluster.domain.request import ResponseFormat
from guardian_cluster.request.agreement import agree
from guardian_cluster.request.checks import (
    arithmetic,
    citations,
    code,
    derivation,
    final_answer,
    form,
    given_numbers,
    hedging,
    language,
    magnitude,
    refusal,
    repetition,
    sizes,
    structure,
    truncation,
    units,
    wording,
)
from guardian_cluster.request.checks.answer_model import answer_model
from guardian_cluster.request.checks.answer_words import AnswerWords
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding
from guardian_cluster.request.checks.parts import parts_answered
from guardian_cluster.request.checks.question import Question
from guardian_cluster.request.checks.weights import FAULTS, GENERAL, ODDITIES
from guardian_cluster.request.choice import Option
from guardian_cluster.request.escalation import Decision, decide
from guardian_cluster.statistics.calibration import Evidence, OutcomeModel

log = logging.getLogger("guardian.gateway")

Check = Callable[[Answered], Finding]

ALWAYS: tuple[Check, ...] = (
    truncation.check,
    refusal.check,
    hedging.check,
    repetition.check,
    code.check,
    language.check,
    arithmetic.check,
)
FOR_CALCULATIONS: tuple[Check, ...] = (
    sizes.check,
    derivation.check,
    given_numbers.check,
    final_answer.check,
    magnitude.check,
    wording.check,
    units.check,
)
OF_FORM = frozenset(("structure", "form", "language", "units", "truncation", "refusal", "code"))
"""Checks of whether the answer is what was asked for, right or wrong."""

WEAK = frozenset(("wording", "derivation", "units", "hedging", "given_numbers", "magnitude"))
"""Checks that hold for many right answers as little as for wrong ones: they count, and are not called failed."""


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks say of one answer."""

    p_wrong: float
    trust: float = 0.0
    """0 to 1: how far `p_wrong` was learned from this very specialist."""
    quality: float | None = None
    """0 to 1: the share of the checks that held, of those that could tell; `None` where none could."""
    intent_alignment: float | None = None
    """0 to 1: how far the answer has the form, the language and the parts that were asked for."""
    asked_parts_answered: float | None = None
    """The share of the questions in it that the answer speaks to; `None` where it asks nothing."""
    failed: tuple[str, ...] = ()
    """The checks that did not hold, by name; weak ones are not among them."""
    doubts: tuple[str, ...] = ()
    """What is the matter, in words, strong signs first."""
    findings: tuple[Finding, ...] = ()
    features: bytes = b""
    """`Evidence` in its encoded form, for the learner; empty where nothing could be checked."""
    coverage: float = 1.0
    """The share of the derived checks that ran to their end."""


@dataclass(frozen=True)
class ValidationFramework:
    """The checks of one question, derived before there is an answer."""

    question: Question
    wanted: ResponseFormat | None = None
    sources: Sequence[str] = ()
    """Texts that were given to answer from, in which passages are numbered."""

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Which checks apply."""
        found = list(ALWAYS)
        if self.wanted is not None or structure.asks_for_json(self.question.lowered):
            found.append(structure.check)
        if form.wishes_of(self.question.lowered):
            found.append(form.check)
        if self.sources:
            found.append(citations.check)
        return (*found, *FOR_CALCULATIONS) if self.question.is_calculation else tuple(found)

    @property
    def is_calculation(self) -> bool:
        """Whether a number is asked for that has to be worked out."""
        return self.question.is_calculation

    @property
    def is_checkable(self) -> bool:
        """Whether checks can tell much of an answer, so that it may be worth holding back until they did."""
        return len(self.checks) > len(ALWAYS)

    def examine(self, text: str, finish_reason: str | None = None) -> tuple[Finding, ...]:
        """Return what the checks find."""
        answered = Answered(self.question, text, finish_reason or "stop", self.sources, self.wanted)
        return tuple([_found(check, answered) for check in self.checks])


def _found(check: Check, answered: Answered) -> Finding:
    """Return what a check finds; one that fails on an answer cannot tell, and must not cost it."""
    try:
        return check(answered)
    except Exception:
        log.exception("a check failed on an answer", extra={"check": check.__module__})
        return Finding(check=check.__module__.rpartition(".")[2], held=None, ran=False)


class QualityAssurance:
    """Assesses answers. `model` holds what verdicts have told; `words` adds the answer's words to the checks."""

    def __init__(self, model: OutcomeModel | None = None, words: AnswerWords | None = None) -> None:
        self._model = model or answer_model()
        self._words = words

    def derive(
        self, question: str, wanted: ResponseFormat | None = None, sources: Sequence[str] = ()
    ) -> ValidationFramework:
        """Return the checks of a question, ready before its answer: what can be read of it is read now."""
        framework = ValidationFramework(Question(question), wanted, sources)
        if framework.is_checkable:
            _ = framework.question.quantities, framework.question.wants
        return framework

    def assess(
        self,
        framework: ValidationFramework,
        text: str,
        *,
        specialist: str = "",
        finish_reason: str | None = None,
    ) -> Assessment:
        """Apply the checks to a finished answer: below 1 ms for most worked sums (`benchmarks.routing`)."""
        findings = framework.examine(text, finish_reason)
        evidence = self.evidence(framework, text, findings)
        failed = [each for each in findings if each.held is False]
        told = [each for each in findings if each.held is not None]
        parts = parts_answered(framework.question, text)
        strong = [each for each in failed if each.check not in WEAK]
        weak = [each for each in failed if each.check in WEAK]
        estimate = self._model.predict(specialist, evidence)
        return Assessment(
            p_wrong=1.0 - estimate.probability,
            trust=estimate.trust,
            quality=_share(told),
            intent_alignment=_aligned([each for each in told if each.check in OF_FORM], parts),
            asked_parts_answered=parts,
            failed=tuple(each.check for each in strong),
            doubts=tuple(each.detail for each in (*strong, *weak) if each.detail),
            findings=findings,
            features=evidence.encode() if framework.is_checkable or strong else b"",
            coverage=sum(each.ran for each in findings) / len(findings),
        )

    def evidence(self, framework: ValidationFramework, text: str, findings: Sequence[Finding]) -> Evidence:
        """Return what a learner sees of an answer: what the checks measured, and its hashed words."""
        features = features_of(findings, is_calculation=framework.question.is_calculation)
        words = self._words.buckets(framework.question.text, text) if self._words else ()
        return self._model.evidence(features, words)

    @staticmethod
    def agree(first: str, second: str, question: str = "") -> bool | None:
        """Return whether two answers say the same; `None` where that cannot be told. See `agreement.agree`."""
        return agree(first, second, question)

    @staticmethod
    def decide(
        assessment: Assessment,
        here: Option | None,
        stronger: Sequence[Option],
        mistake_usd: float,
        budget_left_usd: float | None = None,
    ) -> Decision:
        """Return what to do with an answer. See `escalation.decide`."""
        return decide(
            assessment.p_wrong, here, stronger, mistake_usd=mistake_usd, budget_left_usd=budget_left_usd
        )


def features_of(findings: Sequence[Finding], *, is_calculation: bool) -> dict[str, float]:
    """Return what the checks measured, and whether there is any fault that nearly always means a wrong answer.

    Faults do not add up: after the first one little is left to doubt. Outside of calculations only what means the
    same for every kind of answer is kept.
    """
    measured = {name: value for each in findings for name, value in each.features.items()}
    faults = sum(measured.get(name, 0.0) > 0 for name in FAULTS)
    odd = faults or any(measured.get(name, 0.0) > 0 for name in ODDITIES)
    measured |= {"faults.none": float(not faults), "faults.several": float(faults > 1), "always": 1.0}
    measured["faults.nothing_odd"] = float(not odd)
    if is_calculation:
        return measured
    return {name: value for name, value in measured.items() if name in GENERAL}


def _share(findings: Sequence[Finding]) -> float | None:
    return sum(each.held is True for each in findings) / len(findings) if findings else None


def _aligned(findings: Sequence[Finding], parts: float | None) -> float | None:
    shares = [share for share in (_share(findings), parts) if share is not None]
    return min(shares) if shares else None
