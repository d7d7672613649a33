"""Looks whether an answer is in the language that was asked for."""

import re

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding
from guardian_cluster.request.checks.languages import COMMON_WORDS, SCRIPTS, language_of

CHECK = "language"

_NAMES = {
    **{language: language for language in (*COMMON_WORDS, *SCRIPTS)},
    "deutsch": "german",
    "français": "french",
    "francais": "french",
    "español": "spanish",
    "espanol": "spanish",
    "italiano": "italian",
    "englisch": "english",
    "anglais": "english",
}
_ASKED = re.compile(r"\b(?:in|into|auf|en|to) (?P<language>[^\W\d_]{4,12})\b")
_ASKING = frozenset(
    ("translate", "answer", "reply", "write", "respond", "say", "antworte", "schreibe", "übersetze")
)
_WORD = re.compile(r"[^\W\d_]{1,20}")


def asked_for(question: str) -> str | None:
    """Return the language that a question in lower case asks to be answered in, as `in German`."""
    if not any(map(question.__contains__, _ASKING)) or _ASKING.isdisjoint(_WORD.findall(question)):
        return None
    named = (_NAMES.get(match["language"]) for match in _ASKED.finditer(question))
    return next((name for name in named if name), None)


def check(answered: Answered) -> Finding:
    """Return whether the answer is in the language that was asked for, else in that of the question."""
    asked = asked_for(answered.question.lowered)
    wanted = asked or answered.question.language
    spoken = language_of(answered.looked_at) if wanted is not None else None
    tells = wanted is not None and spoken is not None
    differs = tells and wanted != spoken
    asks_elsewhere = "translat" in answered.question.lowered or "übersetz" in answered.question.lowered
    held = None if not tells or (asked is None and asks_elsewhere) else not differs
    features = {"asked": asked is not None, "differs": held is False}
    return finding(
        CHECK, held, features, f"in {spoken}, where {wanted} was expected" if held is False else ""
    )
