"""Tells at a glance (10 us) whether an answer is one to what was asked, where nobody else would be asked anyway.

It comes to the same as the checks it is made of, which are asked only where something in the texts gives them a reason.
The language is left out where both texts are plain ASCII, as English is, and nothing asks for another.
"""

from collections.abc import Callable
from typing import NamedTuple

from guardian_cluster.request.checks import code, form, language, refusal, truncation
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding
from guardian_cluster.request.checks.parts import parts_answered
from guardian_cluster.request.checks.question import Question, head_and_tail

_REGRETS = (
    *("cannot", "can't", "can not", "unable", "not able", "won't", "will not", "decline", "afraid", "refuse"),
    *("not appropriate", "sorry", "apologize", "as an ai", "as a language", "unfortunately", "kann", "peux"),
    *("puedo", "siento"),
)
"""Of which every refusal that is known begins with one at least."""

_BEGINNING = 240


class Glance(NamedTuple):
    """What was seen: two shares, 0 to 1."""

    quality: float
    """Of the checks that held."""
    intent_alignment: float
    """Of what was asked for; the lower of its form and its parts."""


def glance(question: str, text: str, finish_reason: str | None) -> Glance:
    """Return what can be told at a glance of a finished answer."""
    lowered = head_and_tail(question).lower()
    held = [not truncation.is_broken_off(text, finish_reason)]
    checks = _reasons(lowered, text)
    if refusal.check not in checks:
        held.append(True)
    if checks:
        answered = Answered(Question(question), text, finish_reason or "stop")
        held += [found for check in checks if (found := check(answered).held) is not None]
    share = sum(held) / len(held)
    if lowered.count("?") <= 1:  # a single question is answered by any answer
        return Glance(share, share if text.strip() else 0.0)
    parts = parts_answered(Question(question), text)
    return Glance(share, share if parts is None else min(share, parts))


def _reasons(question: str, text: str) -> list[Callable[[Answered], Finding]]:
    """Return the checks that have something to look at, for a question in lower case."""
    checks: list[Callable[[Answered], Finding]] = []
    begins = text[:_BEGINNING].lower()
    if any(map(begins.__contains__, _REGRETS)):
        checks.append(refusal.check)
    if "```" in text:
        checks.append(code.check)
    if not (question.isascii() and text.isascii()) or language.asked_for(question):
        checks.append(language.check)
    if form.wishes_of(question):
        checks.append(form.check)
    return checks
