"""Which kind of specialist one clause of a request is for: the solver, documents, a programmer, or anyone."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, Literal

import msgspec

from guardian_cluster.request.decomposition_words import (
    CODE_LANGUAGES,
    CODE_THINGS,
    CODE_THINGS_OF_A_LANGUAGE,
    CREATION,
    DETERMINERS,
    DOCUMENT_ENDINGS,
    DOCUMENTS,
    INDEFINITE,
    MEMORIES,
    OURS,
    SEARCHES,
    SHARED_BY_ALL,
    STOP,
    TOPICS,
    WORLDLY_POLICIES,
    is_phrase_in,
    written_words,
)

Requirement = Literal["exact", "retrieval", "code", "general"]

LONGEST_EXACT: Final = 100
"""Characters of a question that the solver is asked about; its forms are far shorter."""

_DETERMINER_REACH = 4
"""Words from "the" to its document: "the new employee travel handbook"."""
_CODE_REACH = 8
"""Words from "write" to what is to be written."""

_CODE_VERBS = CREATION | {"give", "show", "provide", "fix", "refactor", "debug", "need"}

_MAKING = frozenset({"implement", "code"})
_CODE_PHRASES = frozenset(
    {("unit", "test"), ("unit", "tests"), ("regular", "expression"), ("regular", "expressions")}
)

_BEFORE_A_NUMBER = (
    "tell me ", "give me ", "find out ", "work out ", "figure out ", "what is ", "what ", "how much is ", "how much ",
    "sag mir, ", "sag mir ", "was ist ", "was ", "wie viel ist ", "wieviel ist ", "wie viel sind ", "wie viel ",
    "berechne ", "dis-moi ", "dites-moi ", "combien font ", "combien fait ", "calculez ", "calcule ",
    "dime ", "cuánto es ", "cuanto es ", "cuánto son ", "calcula ",
    "also ", "auch ", "aussi ", "también ", "tambien ",
    "calculating ", "computing ", "evaluating ",
)  # fmt: skip
_AFTER_A_NUMBER = (
    " is",
    " are",
    " equals",
    " makes",
    " comes to",
    " ist",
    " sind",
    " ergibt",
    " berechnen",
    " ausrechnen",
    " font",
    " fait",
    " es",
)


class Words(msgspec.Struct, frozen=True):
    """The words of a clause, once as they are written and once in lower case."""

    written: list[str]
    lower: list[str]

    @classmethod
    def of(cls, text: str) -> "Words":
        """Read them off a text."""
        written = written_words(text)
        return cls(written, [word.lower().replace("’", "'") for word in written])


def requirement_of(
    text: str, words: Words, solvable: Callable[[str], bool]
) -> tuple[Requirement, tuple[int, int]]:
    """Return the kind of a clause, and which stretch of it is to be handed on.

    That stretch is the whole clause but for arithmetic, of which the solver reads no more than it understands.
    """
    whole = (0, len(text))
    if is_retrieval(words.lower):
        return "retrieval", whole
    if is_code(words.lower):
        return "code", whole
    stretch = _exact_stretch(text, solvable)
    return ("general", whole) if stretch is None else ("exact", stretch)


def is_retrieval(words: Sequence[str]) -> bool:
    """Return whether something is asked that documents say, or that was said before."""
    if words[0] in CREATION or not mentions_document(words):
        return False
    return words[0] not in SEARCHES or not TOPICS.isdisjoint(words) or _names_topic(words)


def mentions_document(words: Sequence[str]) -> bool:
    """Return whether a document, something of ours, or what was said before is spoken of."""
    return is_phrase_in(words, MEMORIES) or any(
        _is_document(words, at) or _is_of_ours(words, at) for at in range(len(words))
    )


def _names_topic(words: Sequence[str]) -> bool:
    """Return whether a search says what for: "look up badge access in our manual", not "look at our manual"."""
    place = next((at for at, word in enumerate(words) if word in ("in", "from")), 0)
    return any(word not in STOP for word in words[1:place])


def _is_document(words: Sequence[str], at: int) -> bool:
    word = words[at].removesuffix("'s")
    if word not in DOCUMENTS and not word.endswith(DOCUMENT_ENDINGS):
        return False
    before = words[max(0, at - _DETERMINER_REACH) : at]
    return not DETERMINERS.isdisjoint(before) and WORLDLY_POLICIES.isdisjoint(before)


def _is_of_ours(words: Sequence[str], at: int) -> bool:
    return words[at] in OURS and SHARED_BY_ALL.isdisjoint(words[at + 1 : at + 3]) and at + 1 < len(words)


def _verb(words: Sequence[str]) -> int | None:
    return next((at for at, word in enumerate(words[:3]) if word in _CODE_VERBS), None)


def is_code(words: Sequence[str]) -> bool:
    """Return whether a program is asked for: "write a function", "a Rust one-liner", "how do I ... in Python"."""
    if "how" in words[:3] or words[0] in _MAKING:
        in_language = any(before == "in" and word in CODE_LANGUAGES for before, word in pairwise(words))
        if in_language:
            return True
    if words[0] in CODE_THINGS:
        return True
    verb = 0 if words[0] in INDEFINITE else _verb(words)
    if verb is None:
        return False
    reach = words[verb + 1 : verb + 1 + _CODE_REACH]
    if not CODE_THINGS.isdisjoint(reach) or is_phrase_in(reach, _CODE_PHRASES):
        return True
    return not (CODE_LANGUAGES.isdisjoint(words) or CODE_THINGS_OF_A_LANGUAGE.isdisjoint(reach))


def _exact_stretch(text: str, solvable: Callable[[str], bool]) -> tuple[int, int] | None:
    if len(text) > LONGEST_EXACT or not any(map(str.isdigit, text)):
        return None
    if solvable(text):
        return 0, len(text)
    start, end = _without_words_around(text)
    return (
        (start, end) if (start, end) != (0, len(text)) and end > start and solvable(text[start:end]) else None
    )


def _without_words_around(text: str) -> tuple[int, int]:
    """Return where the formula stands in "tell me what 17*23 is", which the solver reads in its own order only."""
    lowered = text.lower()
    if len(lowered) != len(text):
        return 0, len(text)  # a letter that is two in lower case
    start, end = 0, len(lowered.rstrip(" .?!;"))
    for phrase in _BEFORE_A_NUMBER:
        if lowered.startswith(phrase, start):
            start += len(phrase)
    for phrase in _AFTER_A_NUMBER:
        if lowered.endswith(phrase, start, end):
            end -= len(phrase)
            break
    return start, end
