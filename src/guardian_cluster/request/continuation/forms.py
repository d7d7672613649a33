"""What the form of a text tells: whether it goes on with a sentence, is of another script, or is an item again."""

import re

from guardian_cluster.request.continuation.account import Finding
from guardian_cluster.request.continuation.joint import begins_block, is_known
from guardian_cluster.request.continuation.signs import Signs, is_wide, signs_of
from guardian_cluster.request.continuation.units import Unit
from guardian_cluster.request.continuation.wide import goes_on_within

_WITHIN = frozenset(",.;:)]}!?%°’'\"”*_`-–—/&+=，。、；：）」』")
"""Marks that stand within a sentence, or at its end."""
_MARKERS = frozenset("-*+•")
_WORD = re.compile(r"[^\W\d_]+")
_COMPARED = 40
_MOST_WIDE = 20


def goes_on(said: str, text: str, finding: Finding, *, trusts: bool) -> bool:
    """Return whether a text goes on with a sentence that broke off, by how it begins.

    `trusts` tells that it follows the very signs of what was said; else only a small letter, a number or a mark tells.
    """
    body = text.lstrip()
    if body[0] in _MARKERS and body[1:2].isspace():
        return False
    first = body.lstrip("*_`")[:1] or body[0]
    if first.isdigit():
        return finding.kind not in ("said", "mixed") and (
            body is not text or _takes_number(said[-1], trusts=trusts)
        )
    if first.islower() or first in _WITHIN or first.isspace():
        return True
    if is_wide(first) and finding.kind not in ("said", "mixed") and goes_on_within(said, text):
        return True
    if not trusts or finding.kind not in ("new", "neutral"):
        return False
    if is_wide(first):
        return said[-1] + first in said or said[-1] + first in body
    return not first.isupper() or (body is not text and not _begins_sentence(body))


def _takes_number(last: str, *, trusts: bool) -> bool:
    """Return whether a number that follows at once goes on: after a word and a space, a sentence may begin with it."""
    return not last.isalpha() and (trusts or not last.isspace())


def _begins_sentence(body: str) -> bool:
    """Return whether a text begins with a word whose capital tells that a sentence begins."""
    word = _WORD.match(body)
    return word is not None and word[0] != "I" and is_known(word[0].lower(), frozenset())


def is_foreign(said: Signs, unit: Unit) -> bool:
    """Return whether a unit is of another script than what was said."""
    wide = sum(map(is_wide, said.text[-_COMPARED:]))
    return wide > _MOST_WIDE and unit.signs.isalpha() and not any(map(is_wide, unit.signs))


def item_again(said: str, unit: Unit) -> int:
    """Return how many signs of a unit are those of the item that broke off, where it begins with the same."""
    line = said.rpartition("\n")[2]
    if not begins_block("", line) or not begins_block("", unit.text.lstrip()):
        return 0
    signs = signs_of(line).text
    return len(signs) if unit.signs.startswith(signs) else 0
