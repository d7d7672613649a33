"""Decides whether two answers to a question say the same."""

import re
import unicodedata

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.quantities import same
from guardian_cluster.request.checks.question import Question

_LETTER = re.compile(r"(?:answer|option|choice)(?: is)?:?\s{0,3}\**\(?([a-j])\b", re.IGNORECASE)
_SHORT = 200
_ARTICLES = frozenset(("a", "an", "the", "is", "it", "answer", "final"))


def agree(first: str, second: str, question: str = "") -> bool | None:
    """Return whether two answers to a question come to the same.

    Compares the letters of a choice, else the final numbers where a number was asked for, else short texts without
    case, signs and articles. `None` for long texts: that they differ in words says nothing.
    """
    asked = Question(question)
    letters = _letter(first), _letter(second)
    if None not in letters:
        return letters[0] == letters[1]
    if asked.is_calculation or not (asked.text or len(first) <= _SHORT):
        finals = Answered(asked, first).final, Answered(asked, second).final
        if finals[0] is not None and finals[1] is not None:
            return same(finals[0]) == same(finals[1])
    if max(len(first), len(second)) > _SHORT:
        return None
    return _plain(first) == _plain(second)


def _letter(text: str) -> str | None:
    found = _LETTER.findall(text[-_SHORT:])
    if found:
        return found[-1].lower()
    bare = text.strip(" .()*\n")
    return bare.lower() if len(bare) == 1 and bare.isalpha() else None


def _plain(text: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = re.sub(r"[^\w.,]|_|[.,](?!\d)", " ", folded).replace(",", "").split()
    return tuple(word for word in words if word not in _ARTICLES)
