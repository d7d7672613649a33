"""Tells at a glance (15 us) whether an answer is one to what was asked, where nobody else would be asked anyway.

It comes to the same as the checks it is made of, which are asked only where something in the texts gives them a reason.
The language is left out where both texts are plain ASCII, as English is, and nothing asks for another.
"""

from collections.abc import Callable
from typing import NamedTuple

from guardian_cluster.request.checks import code, form, language, refusal, truncation
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding
from guardian_cluster.request.checks.parts import parts_answered
from guardian_cluster.request.checks.question import Question

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
    asked = Question(question)
    answered = Answered(asked, text, finish_reason or "stop")
    held = [not truncation.is_broken_off(answered)]
    beginning = text[:_BEGINNING].lower()
    held.append(not any(map(beginning.__contains__, _REGRETS)) or refusal.check(answered).held is not False)
    for check in _reasons(asked, answered):
        found = check(answered).held
        if found is not None:
            held.append(found)
    share = sum(held) / len(held)
    if asked.looked_at.count("?") <= 1:  # a single question is answered by any answer
        return Glance(share, share if text.strip() else 0.0)
    parts = parts_answered(asked, text)
    return Glance(share, share if parts is None else min(share, parts))


def _reasons(asked: Question, answered: Answered) -> list[Callable[[Answered], Finding]]:
    """Return the checks that have something to look at."""
    checks: list[Callable[[Answered], Finding]] = []
    if "```" in answered.text:
        checks.append(code.check)
    if not (asked.text.isascii() and answered.text.isascii()) or language.asked_for(asked.lowered):
        checks.append(language.check)
    if form.wishes_of(asked.lowered):
        checks.append(form.check)
    return checks
