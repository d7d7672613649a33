"""What is new of the marks and spaces after words that were repeated."""

import re

from guardian_cluster.request.continuation.joint import spaced

_MARK = re.compile(r"\s+|\d{1,4}[.)]|\d+|.", re.DOTALL)


_EMPHASIS = re.compile(r"\*+|_+|`+")
_QUOTES = {"”": "“", "»": "«", "’": "‘", "」": "「", "』": "『", "“": "„"}


def after_marks(said: str, had: str, has: str) -> str:
    """Return what of the marks that a repetition `has` after its last word is new, where the said words `had` some.

    The two may differ: who repeats a text drops a quote, or doubles a space.
    """
    has = _without_own(said, had, has)
    if has.startswith(had):
        return has[len(had) :]
    mine, theirs = _MARK.findall(had), _MARK.findall(has)
    place = 0
    for mark in mine:
        if mark.isspace():
            continue
        ahead = next((n for n in range(place, len(theirs)) if not theirs[n].isspace()), None)
        if ahead is None:
            break
        if theirs[ahead] == mark:
            place = ahead + 1
        elif mark[0].isdigit() and theirs[ahead][0].isdigit():
            place = ahead + (1 if mark[-1] == theirs[ahead][-1] else 0)
            theirs[ahead] = theirs[ahead][-1]
    return spaced("x" + had, "".join(theirs[place:]))


def _without_own(said: str, had: str, has: str) -> str:
    """Return marks without those at their beginning that end an emphasis or quotation of the repetition alone."""
    line = said.rpartition("\n")[2]
    while has and not (had and has[0] == had[0]):
        emphasis = _EMPHASIS.match(has)
        if emphasis and line.count(emphasis[0]) % 2 == 0:
            has = has[emphasis.end() :]
        elif (has[0] in _QUOTES and line.count(_QUOTES[has[0]]) <= line.count(has[0])) or (
            has[0] == '"' and line.count('"') % 2 == 0
        ):
            has = has[1:]
        else:
            break
    return has
