"""A quality assurance that finds what a test tells it to find, and keeps what it was asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from guardian_cluster.request.choice import Option
from guardian_cluster.request.escalation import Accept, Decision, Escalate, SecondOpinion

DOUBTFUL = 0.3


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is found of an answer; it stands for an `Assessment`."""

    p_wrong: float
    trust: float = 1.0
    quality: float | None = 0.75
    intent_alignment: float | None = 0.5
    failed: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    features: bytes = b""
    coverage: float = 1.0


@dataclass(frozen=True)
class Checks:
    """The checks of one question: one, that finds why the answer ended."""

    question: str
    is_checkable: bool
    is_calculation: bool = False


@dataclass(frozen=True)
class Asked:
    """One question of what to do."""

    p_wrong: float
    option: Option | None
    ladder: tuple[str, ...]
    left_usd: float | None


class ScriptedAssurance:
    """`p_wrong` names a mark in the answer's text, and how likely wrong an answer with it is; others are right.

    A doubtful answer goes to the first of the ladder, as a `second_opinion` where that is wanted. `price_usd` is
    what asking costs: with less than that left, the answer is accepted.
    """

    def __init__(
        self,
        p_wrong: Mapping[str, float] | None = None,
        *,
        is_checkable: bool = True,
        second_opinion: bool = False,
        price_usd: float = 0.0,
        agreeing: Callable[[str, str], bool | None] = lambda one, other: one == other,
        **found: Any,
    ) -> None:
        self.p_wrong = p_wrong or {}
        self.questions: list[str] = []
        self.assessed: list[tuple[Any, ...]] = []
        self.asked: list[Asked] = []
        self._is_checkable = is_checkable
        self._next = SecondOpinion if second_opinion else Escalate
        self._price_usd = price_usd
        self._agreeing = agreeing
        self._found = found

    def derive(self, question: str, *_: Any, **__: Any) -> Checks:
        self.questions.append(question)
        return Checks(question, self._is_checkable)

    def assess(
        self, framework: Checks, text: str, *, specialist: str, finish_reason: str | None = None
    ) -> Found:
        self.assessed.append((framework.question, specialist, finish_reason))
        p_wrong = next((likely for mark, likely in self.p_wrong.items() if mark in text), 0.05)
        return Found(p_wrong=p_wrong, **self._found)

    def agree(self, one: str, other: str, *_: Any, **__: Any) -> bool | None:
        return self._agreeing(one, other)

    def decide(
        self,
        assessment: Found,
        option: Option | None,
        ladder: Sequence[Option],
        mistake_usd: float,
        left_usd: float | None,
    ) -> Decision:
        names = tuple(each.name for each in ladder)
        self.asked.append(Asked(assessment.p_wrong, option, names, left_usd))
        has_money = left_usd is None or left_usd >= self._price_usd
        return self._next(names[0]) if assessment.p_wrong > DOUBTFUL and has_money else Accept()
