"""Decides what a word is: for memory's indexes, and for what is asked of them, so that the one finds the other."""

import re
import unicodedata
from itertools import pairwise

WORD_CHARACTERS = 64
"""Longer ones are cut: hashes and encoded data, which PostgreSQL would refuse beyond 2,046 bytes."""

_WORD = re.compile(r"[^\W_]+")
_WITHOUT_SPACES = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
"""Kana and ideographs, which are written without spaces: each pair of neighbours is taken for a word."""


def words(text: str) -> list[str]:
    """Return the words of a text: without case, accents and signs, in order."""
    folded = _folded(text)
    if folded.isascii():
        return [word[:WORD_CHARACTERS] for word in _WORD.findall(folded)]
    return [word[:WORD_CHARACTERS] for word in _WORD.findall(_WITHOUT_SPACES.sub(_pairs, folded))]


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    composed = "".join(character for character in decomposed if unicodedata.category(character) != "Mn")
    return unicodedata.normalize("NFC", composed).casefold()


def _pairs(found: re.Match[str]) -> str:
    run = found[0]
    if len(run) == 1:
        return f" {run} "
    return " " + " ".join(one + other for one, other in pairwise(run)) + " "
