"""Whether a request holds together, and whether one clause of it can be answered without the others."""

from collections.abc import Sequence
from typing import Final

from guardian_cluster.request.decomposition_kinds import Requirement, Words, mentions_document
from guardian_cluster.request.decomposition_words import (
    ARTEFACTS,
    CALCULATION,
    CODE_MATTERS,
    CREATION,
    DERIVED,
    ELLIPSES,
    ELSEWHERE,
    FAMILIAR,
    FIGURES,
    FORMATS,
    INDEFINITE,
    LANGUAGES,
    PRONOUNS,
    QUESTIONS,
    STOP,
    UNITING,
    UNITING_PHRASES,
    WORLD,
)

_ENCLOSING: Final = '"“”„«»‹›`{}|\\\t<>'
"""Signs of quotations, code and tables."""

_POINTING = frozenset({"the", "that", "this", "your", "my", "these", "those", "each"})
_BEFORE_THAT = frozenset(
    {
        "in",
        "on",
        "at",
        "by",
        "over",
        "explain",
        "is",
        "does",
        "of",
        "about",
        "with",
        "for",
        "from",
        "to",
        "double",
        "than",
        "use",
        "like",
        "do",
        "was",
    }
)
_TIMES = frozenset(
    {"year", "month", "week", "morning", "afternoon", "evening", "quarter", "summer", "winter"}
)
_PLACES = frozenset({"of", "in", "for", "on", "between", "from", "to", "at", "behind", "with"})
_MAKING = CREATION | {"prepare", "produce", "provide", "give", "show", "invent", "recommend", "suggest"}
"""What is to be made beside arithmetic is most often made of it, unless it is known to be made of nothing."""
_EXTREMES = frozenset(
    {
        "first",
        "last",
        "top",
        "sum",
        "average",
        "mean",
        "median",
        "maximum",
        "minimum",
        "length",
        "most",
        "least",
        "nth",
    }
)
_SUFFIXES = ("ies", "ied", "ing", "es", "ed", "s", "y", "e")


def holds_together(text: str, words: Words) -> bool:
    """Return whether something spans the whole text: a quotation, a comparison, a condition, an address."""
    if any(sign in text for sign in _ENCLOSING) or not UNITING.isdisjoint(words.lower):
        return True
    lowered = text.lower()
    return (
        "://" in text or " '" in text or " ‘" in text or any(phrase in lowered for phrase in UNITING_PHRASES)
    )


def depends(words: Words, requirement: Requirement) -> bool:
    """Return whether a clause points at something said elsewhere, or leaves out what was said there."""
    lower = words.lower
    if tuple(lower[:2]) in ELLIPSES or (requirement != "retrieval" and all(word in STOP for word in lower)):
        return True
    if not ELSEWHERE.isdisjoint(lower) or _points_at_a_figure(lower, requirement):
        return True
    return any(_refers(words, at) for at in range(len(lower)))


def _points_at_a_figure(lower: Sequence[str], requirement: Requirement) -> bool:
    if requirement in ("code", "exact"):
        return False
    return any(
        before in _POINTING and word in FIGURES and after != "of"
        for before, word, after in zip(lower, lower[1:], [*lower[2:], ""], strict=False)
    )


def _refers(words: Words, at: int) -> bool:
    lower = words.lower
    word = lower[at]
    before = lower[at - 1] if at else ""
    after = lower[at + 1] if at + 1 < len(lower) else ""
    if word == "that":
        return not after or before in _BEFORE_THAT
    if word == "this":
        return after not in _TIMES
    if word == "there":
        return "is" not in (before, after) and "are" not in (before, after)
    if word not in PRONOUNS or _is_abbreviation(words, at):
        return False
    return not _has_antecedent(words, at)


def _is_abbreviation(words: Words, at: int) -> bool:
    """Return whether a word such as "IT" is meant by its letters: not where everything is in capitals."""
    return words.written[at].isupper() and not all(map(str.isupper, words.written))


def _has_antecedent(words: Words, at: int) -> bool:
    """Return whether a pronoun has something to stand for in its own clause.

    Two indefinite things ("a function that takes a list and returns its ...") are taken for that, one is not: in
    "write a poem about it" it stands before the pronoun and is not what is meant.
    """
    if sum(word in INDEFINITE for word in words.lower[:at]) >= 2:
        return True
    return words.lower[at] in ("his", "her", "he", "she") and has_name(words.written[:at])


def has_name(written: Sequence[str]) -> bool:
    """Return whether a word behind the first is written with a capital, as names are in English."""
    return any(word[0].isupper() and len(word) > 1 and word.lower() not in STOP for word in written[1:])


def stands_for_itself(words: Words, *, strongly: bool) -> bool:
    """Return whether a general question shows that it is about no other part.

    Beside arithmetic it is enough to name something else. Beside documents or code (`strongly`) the question must
    be about the world at large, or about something to be made up: nearly anything else may be meant of them.
    """
    lower = words.lower
    own = [word for word in lower if word not in STOP and len(word) > 2]
    if not own or lower[0] in CALCULATION or "if" in lower or not DERIVED.isdisjoint(own):
        return False
    if mentions_document(lower) or any(
        len(word) == 1 and word.isalpha() and word not in "ai" for word in lower
    ):
        return False  # a letter is the unknown of an equation
    if any(word.isdigit() and not (len(word) == 4 and word[0] in "12") for word in lower):
        return False
    named = has_name(words.written)
    familiar = not FAMILIAR.isdisjoint(own)
    if not (named or familiar) and _dangles(words):
        return False
    if not strongly and lower[0] not in _MAKING:
        return True
    if not ARTEFACTS.isdisjoint(own) or (named and lower[:2] == ["who", "was"]):
        return True
    return not WORLD.isdisjoint(own) and (named or familiar)


def is_for_a_program(words: Words, requirement: Requirement) -> bool:
    """Return whether a clause about code, or about documents beside it, suggests that the one is for the other."""
    if requirement == "code":
        return _dangles(words)
    return requirement == "retrieval" and not CODE_MATTERS.isdisjoint(words.lower)


def _dangles(words: Words) -> bool:
    """Return whether "the" points at something that is not said which: "the limit", and not "the cause of tides"."""
    lower = words.lower
    return any(
        word == "the"
        and _PLACES.isdisjoint(lower[at + 2 : at + 4])
        and not _is_one_of_its_kind(lower[at + 1 : at + 2])
        for at, word in enumerate(lower)
    )


def _is_one_of_its_kind(after: Sequence[str]) -> bool:
    return any(word in _EXTREMES or word.endswith("est") for word in after)


def is_further_question(words: Words) -> bool:
    """Return whether a clause asks on in the manner of "and how many days", about nothing with a name."""
    return words.lower[0] in QUESTIONS and not has_name(words.written)


def spans_all(words: Words, requirement: Requirement) -> bool:
    """Return whether a clause says how to answer in words that may be meant for the whole request."""
    if requirement == "code":
        return False
    lower = words.lower
    if not FORMATS.isdisjoint(lower):
        return True
    at_the_end = len(lower) > 1 and lower[-2] in ("in", "auf", "en") and lower[-1] in LANGUAGES
    return at_the_end and (requirement != "general" or lower[0] != "translate")


def topics(words: Words) -> frozenset[str]:
    """Return what a clause is about: the stems of its words and its numbers."""
    return frozenset(
        _stem(word) for word in words.lower if word not in STOP and (len(word) > 2 or word.isdigit())
    )


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) > len(suffix) + 2:
            return word[: -len(suffix)]
    return word
