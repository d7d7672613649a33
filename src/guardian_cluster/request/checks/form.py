"""Looks whether an answer has the form that the question asks for in words: how many, how long, yes or no."""

import re
from typing import NamedTuple

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding

CHECK = "form"

_COUNTS: dict[str, int] = dict(
    zip(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
        range(1, 11),
        strict=True,
    )
)
_NUMBER = r"(?P<number>\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten)"
_ITEMS = (
    r"(?:items?|examples?|ideas?|reasons?|ways?|tips?|steps|bullet points?|bullets|points|names?|titles?|suggestions?"
    r"|questions|facts|options|synonyms|things)"
)
_LIST = re.compile(
    r"\b(?:list|give|name|write|suggest|provide|generate|show|me|of) (?:me )?(?:exactly )?"
    rf"{_NUMBER} (?:\w{{2,20}} )?{_ITEMS}\b"
)
_WORDS = re.compile(
    r"\b(?:in|with|using|at most|under|maximum|max|exactly|than|up to|within) "
    rf"(?:only |at most |exactly |a )?(?:single )?{_NUMBER} words?\b"
)
_ONE_WORD = re.compile(r"\b(?:a single word|one[- ]word answer|one word only|only one word)\b")
_SENTENCES = re.compile(
    rf"\b(?:in|with|using|at most|exactly|up to) (?:only |at most |exactly )?{_NUMBER} (?:short )?sentences?\b"
)
_YES_NO = re.compile(r"\byes or no\b|\byes/no\b|\btrue or false\b")
_ITEM_LINE = re.compile(r"^\s{0,8}(?:[-*•–]|\(?\d{1,3}[.):]|[a-zA-Z][.)])\s+\S")
_SENTENCE = re.compile(r"[.!?…](?:\s|$)")
_FORMS = (
    (
        "items",
        ("item", "example", "idea", "reason", "ways", "tips", "steps", "bullet", "points", "name", "title", "suggest",
         "questions", "facts", "options", "synonym", "things"),
        _LIST,
    ),
    ("words", (" word",), _WORDS),
    ("sentences", ("sentence",), _SENTENCES),
)  # fmt: skip
"""Each form, and what stands in any text that asks for it: to look for that takes a tenth of the time."""

_SLACK = 1.1
"""Words beyond the limit that still count as within it: counting differs by hyphens and contractions."""


class Wish(NamedTuple):
    """One form that a question asks for."""

    kind: str
    number: int


def wishes_of(question: str) -> tuple[Wish, ...]:
    """Return the forms that a question in lower case asks for."""
    wishes = [
        Wish(kind, _number(match["number"]))
        for kind, hints, form in _FORMS
        if any(map(question.__contains__, hints)) and (match := form.search(question))
    ]
    if "word" in question and _ONE_WORD.search(question):
        wishes.append(Wish("words", 1))
    if "yes" in question or "true or" in question:
        wishes += [Wish("yes_no", 0)] if _YES_NO.search(question) else []
    return tuple(wishes)


def _number(text: str) -> int:
    return _COUNTS.get(text) or int(text) if text.isdigit() else _COUNTS[text]


def check(answered: Answered) -> Finding:
    """Return whether each form that is asked for in words is there."""
    wishes = wishes_of(answered.question.lowered)
    faults = [fault for fault in (_fault(wish, answered) for wish in wishes) if fault]
    features = {"asked": bool(wishes), "broken": len(faults) / len(wishes) if wishes else 0.0}
    return finding(
        CHECK, None if not wishes else not faults, features, answered.note(faults[0]) if faults else ""
    )


def _fault(wish: Wish, answered: Answered) -> str | None:
    text = answered.looked_at
    if wish.kind == "yes_no":
        begins = answered.lowered.lstrip(" *_\"'#\n")
        return None if begins.startswith(("yes", "no", "true", "false")) else "neither yes nor no comes first"
    if len(text) < len(answered.text):
        return None  # what lies between was not counted
    if wish.kind == "words":
        words = len(text.split())
        return f"{words} words, where {wish.number} were asked for" if words > wish.number * _SLACK else None
    if wish.kind == "sentences":
        sentences = max(1, len(_SENTENCE.findall(text)))
        return (
            f"{sentences} sentences, where {wish.number} were asked for" if sentences > wish.number else None
        )
    items = sum(1 for line in text.splitlines() if _ITEM_LINE.match(line))
    return (
        f"a list of {items}, where {wish.number} were asked for"
        if items > 1 and items != wish.number
        else None
    )
