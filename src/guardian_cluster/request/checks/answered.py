"""A finished answer with its question, read once for all checks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from guardian_cluster.domain.request import ResponseFormat
from guardian_cluster.request.checks.equations import Calculation, Equation, calculation_of
from guardian_cluster.request.checks.question import Question, head_and_tail
from guardian_cluster.request.checks.steps import Step, steps_of

_STATED = re.compile(
    r"(?:####|\banswer\b(?: is)?[:=]?)[ \t*$€£(\\{]{0,8}(?P<value>-?\d[\d,]{0,40}(?:\.\d{1,40})?)",
    re.IGNORECASE,
)
"""Where an answer says that this is the answer. `boxed` and `####` are forms that models were taught."""

_BOXED = re.compile(r"\\boxed\{ ?\\?\$?(?P<value>-?\d[\d,]{0,40}(?:\.\d{1,40})?)")


@dataclass(frozen=True)
class Answered:
    """One answer, and what it is held against."""

    question: Question
    text: str
    finish_reason: str = "stop"
    sources: Sequence[str] = ()
    """Texts that were given to answer from; quotations must stand in them or in the question."""
    wanted: ResponseFormat | None = None

    @cached_property
    def looked_at(self) -> str:
        """The text, or the beginning and the end of a long one."""
        return head_and_tail(self.text)

    @cached_property
    def lowered(self) -> str:
        """What is looked at, in lower case."""
        return self.looked_at.lower()

    @cached_property
    def calculation(self) -> Calculation:
        """What the body computes."""
        return calculation_of(self.body)

    @property
    def equations(self) -> list[Equation]:
        """The equations of the body, in order."""
        if not any(sign in self.body for sign in ("=", "≈", "\\approx")):  # most prose: not worth reading
            return []
        return self.calculation.equations

    @cached_property
    def steps(self) -> list[Step]:
        """What is computed, each step once."""
        return steps_of(self.equations)

    @cached_property
    def stated(self) -> tuple[float, ...]:
        """The numbers that the answer names as its answer, in order."""
        found = sorted(
            (match.start(), match["value"])
            for form in (_STATED, _BOXED)
            for match in form.finditer(self.looked_at)
        )
        return tuple(float(value.replace(",", "")) for _, value in found)

    @cached_property
    def body(self) -> str:
        """The answer without a closing line that only names the result, as `#### 18`."""
        mark = self.looked_at.rfind("####")
        return self.looked_at if mark < 0 else self.looked_at[:mark]

    @cached_property
    def final(self) -> float | None:
        """The number that the answer comes to: the last one it names as its answer, else its last number."""
        if self.stated:
            return self.stated[-1]
        numbers = self.numbers
        return numbers[-1] if numbers else None

    @cached_property
    def numbers(self) -> list[float]:
        """All numbers of the body, in order."""
        return [token.value for token in self.calculation.tokens if token.kind == "number"]

    @cached_property
    def last_line(self) -> str:
        """The last line of the body that says anything, in lower case."""
        lines = [line for line in self.body.splitlines() if line.strip()]
        return lines[-1].strip().lower() if lines else ""

    def note(self, detail: str) -> str:
        """Add to a detail that only a part of a long answer was read."""
        if len(self.text) == len(self.looked_at):
            return detail
        return (
            f"{detail} (read: the first and last {len(self.looked_at) // 2} of {len(self.text)} characters)"
        )
