"""Tells at a glance (10 us) whether an answer is one to what was asked, where nobody else would be asked anyway.

It comes to the same as the checks it is made of, which are asked only where something in the texts gives them a reason;
but for the language where both texts are plain ASCII and nothing asks for one: that would take as long as all the rest.
"""

from collections.abc import Callable
from typing import NamedTuple

from guardian_cluster.request.checks import code, form, language, refusal, truncation
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding
from guardian_cluster.request.checks.parts import parts_answered
from guardian_cluster.request.checks.question import Question, head_and_tail

_REGRETS = (
    *("not", "n't", "able", "decline", "afraid", "refuse", "sorry", "apolog", "as a", "unfort"),
    *("kann", "peux", "puedo", "siento"),
)
"""Of which every refusal that is known holds one at least."""

_WISHES = frozenset(
    b"item items example examples idea ideas reason reasons way ways tip tips steps points bullets name names title"
    b" titles suggestion suggestions questions facts options synonym synonyms things word words sentence sentences"
    b" yes true".split()
)
"""Of which every question in ASCII that asks for a form holds one at least."""

_LANGUAGES = frozenset(b"translate answer reply write respond say antworte schreibe".split())
"""Of which every question in ASCII that asks for a language holds one at least."""

_ASKED_FOR = _WISHES | _LANGUAGES

_LETTERS = (
    bytes(ord(chr(sign).lower()) if chr(sign).isalpha() else ord(" ") for sign in range(128)) + b" " * 128
)
"""Makes of ASCII its words in lower case with spaces between."""

_BEGINNING = 240


class Glance(NamedTuple):
    """What was seen: two shares, 0 to 1."""

    quality: float
    """Of the checks that held."""
    intent_alignment: float
    """Of what was asked for; the lower of its form and its parts."""


def glance(question: str, text: str, finish_reason: str | None) -> Glance:
    """Return what can be told at a glance of a finished answer."""
    held = [not truncation.is_broken_off(text, finish_reason)]
    asked = head_and_tail(question)
    checks = _reasons(asked, text)
    if refusal.check not in checks:
        held.append(True)
    if checks:
        answered = Answered(Question(question), text, finish_reason or "stop")
        held += [found for check in checks if (found := check(answered).held) is not None]
    share = sum(held) / len(held)
    if asked.find("?") == asked.rfind("?"):  # a single question is answered by any answer
        return Glance(share, share if text.strip() else 0.0)
    parts = parts_answered(Question(question), text)
    return Glance(share, share if parts is None else min(share, parts))


def _reasons(question: str, text: str) -> list[Callable[[Answered], Finding]]:
    """Return the checks that have something to look at."""
    checks: list[Callable[[Answered], Finding]] = []
    begins = text[:_BEGINNING].lower()
    if any(map(begins.__contains__, _REGRETS)) or "’" in begins:
        checks.append(refusal.check)
    if "```" in text:
        checks.append(code.check)
    if not (question.isascii() and text.isascii()):
        return [*checks, language.check, form.check]
    asked = question.encode().translate(_LETTERS).split()
    if _ASKED_FOR.isdisjoint(asked):
        return checks
    if not _LANGUAGES.isdisjoint(asked):
        checks.append(language.check)
    if not _WISHES.isdisjoint(asked):
        checks.append(form.check)
    return checks
