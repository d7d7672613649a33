"""Decides whether words announce what follows them, where its form alone proves little."""

import re

REACH = 64
"""Characters before an item in which a word may announce it; within the look-back that every cutting keeps."""


def words(*alternatives: str) -> re.Pattern[str]:
    """Compile words of any language: in ASCII letters they must stand alone, other scripts know no such boundary."""
    ascii_words = "|".join(each for each in alternatives if each.isascii())
    others = [each for each in alternatives if not each.isascii()]
    return re.compile("|".join([rf"(?<![a-z])(?:{ascii_words})(?![a-z])", *others]))


def said_before(view: str, start: int, pattern: re.Pattern[str], reach: int = REACH) -> bool:
    """Return whether the pattern occurs in lower-cased text of so many characters before a position."""
    return pattern.search(view[max(0, start - reach) : start].lower()) is not None
