"""Decides from rules what a request asks of whoever answers it, and how hard it looks: before anything is learned.

Rules see at most 4 KB of the last user message, and read it a fixed number of times. What they find is a prior and
an explanation; what was learned from verdicts weighs more as soon as there is any (see statistics/).
"""

import math
import re
from collections.abc import Sequence

import msgspec

from guardian_cluster.domain.request import Message
from guardian_cluster.request.requirement_words import LANGUAGES, RULES, SCRIPTS, Requirement, Rule
from guardian_cluster.statistics.form import words_of
from guardian_cluster.statistics.hashing import head_and_tail

_SUM = re.compile(r"[0-9)] ?[-+*/^×÷=<>] ?[0-9(]")
_DIGITS = re.compile(r"[0-9]+")

_LONG = math.log1p(4_000)
"""Length at which a request counts as long: what is read of it."""


class Profile(msgspec.Struct, frozen=True):
    """What a request asks for."""

    complexity: float = 0.2
    """0 for a greeting, 1 for a long task with many demands."""
    requirements: tuple[Requirement, ...] = ()
    language: str = "en"
    """Two letters (ISO 639-1), the likeliest; `en` where nothing speaks for another."""
    reasons: tuple[str, ...] = ()
    """Why each requirement was found, in order, for people: `mentions a document`."""


def profile_of(messages: Sequence[Message], *, has_tools: bool = False, wants_json: bool = False) -> Profile:
    """Return the profile of a conversation by its last user message.

    `has_tools`: tools are offered; `wants_json`: the request demands JSON by its fields.
    """
    last = next((message for message in reversed(messages) if message.role == "user"), None)
    text = head_and_tail(last.text()) if last is not None else ""
    return profile_of_text(text, has_tools=has_tools, wants_json=wants_json)


def profile_of_text(text: str, *, has_tools: bool = False, wants_json: bool = False) -> Profile:
    """Return the profile of one text; only its first and last 2 KB are looked at."""
    text = head_and_tail(text)
    lowered = text.lower()
    words = b" ".join(words_of(text)).decode("utf-8", "replace").split()
    language = _language(text, words)
    found = _found(text, lowered, words)
    if wants_json:
        found["structured"] = "demands JSON"
    elif has_tools:
        found.setdefault("structured", "offers tools")
    if language != "en":
        found.setdefault("language", f"is written in `{language}`")
    requirements: tuple[Requirement, ...] = tuple([name for name in RULES if name in found])
    return Profile(
        complexity=_complexity(text, lowered, requirements),
        requirements=requirements,
        language=language,
        reasons=tuple(found[name] for name in requirements),
    )


def _found(text: str, lowered: str, words: list[str]) -> dict[Requirement, str]:
    """Return each requirement that its rule finds, with the reason."""
    known = set(words)
    found: dict[Requirement, str] = {}
    for name, rule in RULES.items():
        reason = _reason(rule, lowered, known)
        if reason:
            found[name] = reason
    if _SUM.search(text):
        found["exact"] = "holds a sum"
    elif "exact" not in found and len(_DIGITS.findall(text)) >= 3 and "?" in text:
        found["exact"] = "asks about several numbers"
    return found


def _reason(rule: Rule, lowered: str, known: set[str]) -> str:
    for reason, phrases in rule.phrases:
        if any(phrase in lowered for phrase in phrases):
            return reason
    for reason, words in rule.words:
        if not known.isdisjoint(words):
            return reason
    return rule.hint if len(known & rule.hints) >= 2 else ""


def _language(text: str, words: list[str]) -> str:
    """Return the likeliest language by script, else by the commonest words of each; at most 300 words are read."""
    if not text.isascii():
        letters = [letter for letter in text[:1_000] if letter.isalpha()]
        for language, first, last in SCRIPTS:
            if 4 * sum(first <= letter <= last for letter in letters) > len(letters):
                return language
    words = words[:300]
    counts = {language: sum(map(common.__contains__, words)) for language, common in LANGUAGES.items()}
    best = max(counts, key=lambda language: counts[language])
    # English is what an answer is given in when in doubt: another has to be seen twice, and clearly more often.
    return best if counts[best] >= 2 and counts[best] > 1.5 * counts["en"] else "en"


def _complexity(text: str, lowered: str, requirements: tuple[Requirement, ...]) -> float:
    """Return how hard a request looks, 0 to 1.

    Length counts most: it is the one sign of difficulty that holds from one kind of question to another (MMLU and
    GSM8K, both ways); the weights of the others are guesses until verdicts come.
    """
    length = min(1.0, math.log1p(len(text)) / _LONG)
    asked = min(3, text.count("?") + lowered.count("\n- ") + lowered.count("\n1."))
    score = 0.55 * length**2 + 0.05 * asked + 0.06 * len(requirements)
    if "reasoning" in requirements:
        score += 0.12
    if "exact" in requirements:
        score += 0.02 * min(5, len(_DIGITS.findall(text)))
    return round(min(1.0, score), 3)
