"""Decides what to do with a finished answer: let it go, ask a stronger specialist, or ask a second, different one.

Which checks apply is derived from the question before an answer exists. Their findings become the probability that
the answer is wrong: by weights that are the same for everyone (`checks/weights.py`), corrected by what verdicts
have told of each specialist. What is done about it is a matter of prices alone.
"""

import logging
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import msgspec

from guardian_cluster.domain.request import ResponseFormat
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
from guardian_cluster.request.checks.answer_words import AnswerWords
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding
from guardian_cluster.request.checks.parts import parts_answered
from guardian_cluster.request.checks.quantities import same
from guardian_cluster.request.checks.question import Question
from guardian_cluster.request.checks.weights import FAULTS, GENERAL, ODDITIES, WEIGHTS
from guardian_cluster.statistics.calibration import Evidence, OutcomeModel, logistic

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
    citations.check,
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

SHARED_MISTAKES = 2.0
"""How much likelier the next specialist is to be wrong where this one is: GPT-4 on GSM8K 11 % against 5.5 %."""

SPOILT = 0.45
"""How much likelier, against its average, the next one is to be wrong where this one is right: 2.5 % against 5.5 %."""

SAME_MISTAKE = 0.1
"""How often two specialists that are both wrong say the same: GPT-4 and Mixtral did in 5 % where Mixtral was wrong;
models of one family more often."""

_LETTER = re.compile(r"(?:answer|option|choice)(?: is)?:?\s{0,3}\**\(?([a-j])\b", re.IGNORECASE)
_SHORT = 200
_ARTICLES = frozenset(("a", "an", "the", "is", "it", "answer", "final"))


class Accept(msgspec.Struct, frozen=True):
    """Let the answer go."""

    name = "accept"


class Escalate(msgspec.Struct, frozen=True):
    """Ask a stronger specialist."""

    specialist: str
    name = "escalate"


class SecondOpinion(Escalate, frozen=True):
    """Ask a different specialist, to see whether it says the same."""

    name = "second_opinion"


Decision = Accept | Escalate | SecondOpinion


class Option(Protocol):
    """Somebody who could be asked, and what is expected of them; `choice.Option` is one."""

    @property
    def name(self) -> str:
        """Whom."""
        ...

    @property
    def success(self) -> float:
        """How likely their answer is right."""
        ...

    @property
    def cost_usd(self) -> float:
        """What it will cost."""
        ...


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
    """The share of the derived checks that ran."""


@dataclass(frozen=True)
class ValidationFramework:
    """The checks of one question, derived before there is an answer."""

    question: Question
    wanted: ResponseFormat | None = None

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Which checks apply."""
        found = list(ALWAYS)
        if self.wanted is not None or structure.asks_for_json(self.question.lowered):
            found.append(structure.check)
        if form.wishes_of(self.question.lowered):
            found.append(form.check)
        return (*found, *FOR_CALCULATIONS) if self.question.is_calculation else tuple(found)

    @property
    def is_calculation(self) -> bool:
        """Whether a number is asked for that has to be worked out."""
        return self.question.is_calculation

    @property
    def is_checkable(self) -> bool:
        """Whether checks can tell much of an answer, so that it may be worth holding back until they did."""
        return len(self.checks) > len(ALWAYS)

    def examine(
        self, text: str, *, finish_reason: str | None = None, sources: Sequence[str] = ()
    ) -> Iterator[Finding]:
        """Yield one finding after the other; whoever has other things to do may do them between."""
        answered = Answered(self.question, text, finish_reason or "stop", sources, self.wanted)
        return (_found(check, answered) for check in self.checks)


def _found(check: Check, answered: Answered) -> Finding:
    """Return what a check finds; one that fails on an answer cannot tell, and must not cost it."""
    try:
        return check(answered)
    except Exception:
        log.exception("a check failed on an answer", extra={"check": check.__module__})
        return Finding(check=check.__module__.rpartition(".")[2], held=None)


class QualityAssurance:
    """Assesses answers. `model` holds what verdicts have told; `words` adds the answer's words to the checks."""

    def __init__(self, model: OutcomeModel | None = None, words: AnswerWords | None = None) -> None:
        self._model = model or answer_model()
        self._words = words

    def derive(self, question: str, wanted: ResponseFormat | None = None) -> ValidationFramework:
        """Return the checks of a question, ready before its answer: what can be read of it is read now."""
        framework = ValidationFramework(Question(question), wanted)
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
        sources: Sequence[str] = (),
    ) -> Assessment:
        """Apply the checks to a finished answer: 0.4 ms for a worked sum of 400 characters, 5 ms for hostile text."""
        findings = tuple(framework.examine(text, finish_reason=finish_reason, sources=sources))
        return self.conclude(framework, text, findings, specialist=specialist)

    def conclude(
        self,
        framework: ValidationFramework,
        text: str,
        findings: tuple[Finding, ...],
        *,
        specialist: str = "",
    ) -> Assessment:
        """Return what findings that `examine` made come to."""
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
        )

    def evidence(self, framework: ValidationFramework, text: str, findings: Sequence[Finding]) -> Evidence:
        """Return what a learner sees of an answer: what the checks measured, and its hashed words."""
        features = features_of(findings, is_calculation=framework.question.is_calculation)
        words = self._words.buckets(framework.question.text, text) if self._words else ()
        return self._model.evidence(features, words)

    @staticmethod
    def agree(first: str, second: str, question: str = "") -> bool | None:
        """Return whether two answers say the same; `None` where that cannot be told. See `agree`."""
        return agree(first, second, question)

    @staticmethod
    def decide(
        assessment: Assessment,
        here: Option | None,
        stronger: Sequence[Option],
        mistake_usd: float,
        budget_left_usd: float | None = None,
    ) -> Decision:
        """Return what to do with an answer. See `decide`."""
        return decide(assessment, here, stronger, mistake_usd=mistake_usd, budget_left_usd=budget_left_usd)


def answer_model(data: bytes = b"") -> OutcomeModel:
    """Return the model of answers with what was learned before. Its label is 1 for right.

    Raises ValueError for bytes that are no such model.
    """
    model = OutcomeModel({name: -weight for name, weight in WEIGHTS.items()})
    if data:
        model.restore(data)
    return model


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


class _Outlook(NamedTuple):
    """What asking somebody comes to, against letting an answer go that is wrong with probability `p`."""

    name: str
    worth_usd: float


def gain(p_wrong: float, success: float) -> float:
    """Return by how much another's answer is likelier right than this one.

    It mends where this one is wrong and the other is not, and spoils where this one is right and the other is not.
    """
    mistake = 1.0 - success
    mends = p_wrong * max(0.0, 1.0 - SHARED_MISTAKES * mistake)
    return mends - (1.0 - p_wrong) * min(1.0, SPOILT * mistake)


def revised(p_wrong: float, other_success: float, *, agreed: bool) -> float:
    """Return how likely an answer is wrong once another specialist has said the same, or something else."""
    if agreed:
        wrong, right = p_wrong * SAME_MISTAKE, (1.0 - p_wrong) * other_success
    else:
        wrong, right = p_wrong * (1.0 - SAME_MISTAKE), (1.0 - p_wrong) * (1.0 - other_success)
    return wrong / (wrong + right) if wrong + right > 0 else p_wrong


def decide(
    assessment: Assessment,
    here: Option | None,
    stronger: Sequence[Option],
    *,
    mistake_usd: float,
    budget_left_usd: float | None = None,
) -> Decision:
    """Return what is worth most: letting go, the best of the others, or a cheap one's opinion before that.

    Escalating is worth `gain x mistake_usd - price`. A second opinion is worth what may be decided after it, better
    informed, less its own price; it is asked for only where it beats both. Pure.
    """
    able = [
        each
        for each in stronger
        if (here is None or each.name != here.name)
        and (budget_left_usd is None or each.cost_usd <= budget_left_usd)
    ]
    p_wrong = assessment.p_wrong
    escalation = _best_escalation(p_wrong, able, mistake_usd)
    opinions = [_second_opinion(p_wrong, each, able, mistake_usd, budget_left_usd) for each in able]
    opinion = max(opinions, key=lambda each: each.worth_usd, default=_Outlook("", 0.0))
    if opinion.worth_usd > max(0.0, escalation.worth_usd) * (1 + 1e-9) and opinion.worth_usd > 0:
        return SecondOpinion(opinion.name)
    return Escalate(escalation.name) if escalation.worth_usd > 0 else Accept()


def _best_escalation(p_wrong: float, options: Sequence[Option], mistake_usd: float) -> _Outlook:
    outlooks = (
        _Outlook(each.name, gain(p_wrong, each.success) * mistake_usd - each.cost_usd) for each in options
    )
    return max(outlooks, key=lambda each: each.worth_usd, default=_Outlook("", 0.0))


def _second_opinion(
    p_wrong: float,
    asked: Option,
    options: Sequence[Option],
    mistake_usd: float,
    budget_left_usd: float | None,
) -> _Outlook:
    """Return what asking for an opinion is worth: in agreement the answer goes, else the best of the rest is asked."""
    left = None if budget_left_usd is None else budget_left_usd - asked.cost_usd
    rest = [each for each in options if each.name != asked.name and (left is None or each.cost_usd <= left)]
    if not rest:
        return _Outlook(asked.name, 0.0)  # then its answer would simply be taken: an escalation
    agrees = p_wrong * SAME_MISTAKE + (1.0 - p_wrong) * asked.success
    in_doubt = revised(p_wrong, asked.success, agreed=False)
    after = max(0.0, _best_escalation(in_doubt, rest, mistake_usd).worth_usd)
    return _Outlook(asked.name, (1.0 - agrees) * after - asked.cost_usd)


def agree(first: str, second: str, question: str = "") -> bool | None:
    """Return whether two answers to a question come to the same.

    Compares the letters of a choice, else the final numbers where a number was asked for, else short texts without
    case, signs and articles. `None` for long texts: that they differ in words says nothing.
    """
    asked = Question(question)
    letters = _letter(first), _letter(second)
    if None not in letters:
        return letters[0] == letters[1]
    if asked.is_calculation or not (asked.text or len(first) <= _SHORT):
        finals = Answered(asked, first).final, Answered(asked, second).final
        if finals[0] is not None and finals[1] is not None:
            return same(finals[0]) == same(finals[1])
    if max(len(first), len(second)) > _SHORT:
        return None
    return _plain(first) == _plain(second)


def _letter(text: str) -> str | None:
    found = _LETTER.findall(text[-_SHORT:])
    if found:
        return found[-1].lower()
    bare = text.strip(" .()*\n")
    return bare.lower() if len(bare) == 1 and bare.isalpha() else None


def _plain(text: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = re.sub(r"[^\w.,]|_|[.,](?!\d)", " ", folded).replace(",", "").split()
    return tuple(word for word in words if word not in _ARTICLES)


__all__ = [
    "Accept",
    "Assessment",
    "Decision",
    "Escalate",
    "Option",
    "QualityAssurance",
    "SecondOpinion",
    "ValidationFramework",
    "agree",
    "answer_model",
    "decide",
    "gain",
    "logistic",
    "revised",
]
