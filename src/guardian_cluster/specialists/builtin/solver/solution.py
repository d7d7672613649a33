"""What the solver answers: a solution with its steps, or the reason why there is none."""

from typing import Final

import msgspec

CAN_DO: Final = (
    "It can do arithmetic, percentages, equations and systems of equations, derivatives, integrals, limits, "
    "sums and series, number theory and unit conversion, asked in one short sentence such as: "
    "What is 17% of 2,350?"
)


class Solution(msgspec.Struct, frozen=True, tag=True):
    """An answer that was computed, not guessed."""

    answer: str
    """One line of text that contains the result plainly, such as `399.5`."""
    steps: tuple[str, ...]
    """How the result came about, a line each."""
    exact: str
    """The exact result alone; a decimal number where it has finitely many digits."""
    approximate: str | None = None
    """Ten significant digits, where the exact result is not a finite decimal number."""


class CannotSolve(msgspec.Struct, frozen=True, tag=True):
    """There is no answer; `reason` says why in a sentence for the person who asked."""

    reason: str


class NotUnderstood(msgspec.Struct, frozen=True):
    """The text is not a question for the solver; `reason` says what it stumbled over."""

    reason: str


def render(solution: Solution) -> str:
    """Return the solution as a chat answer: numbered steps, then the result."""
    lines = [f"{number}. {step}" for number, step in enumerate(solution.steps, start=1)]
    if lines:
        lines.append("")
    return "\n".join([*lines, f"**Answer: {solution.answer}**"])


def render_refusal(refusal: CannotSolve | NotUnderstood) -> str:
    """Return why there is no answer, and what could be asked instead, as a chat answer."""
    return f"The solver cannot answer this: {refusal.reason}. {CAN_DO}"
