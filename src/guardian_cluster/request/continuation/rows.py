"""Rows of a table: whether one is complete, and whether a text has the row again that broke off."""

import re
from typing import Literal

from guardian_cluster.request.continuation.failing import unclear

_RULE = re.compile(r"[ \t]*\|?[-:| \t]*-[-:| \t]*")


def is_row(said: str) -> bool:
    """Return whether a text ends with a row of a table that has as many cells as the one before."""
    lines = said.rstrip().rsplit("\n", 2)
    line = lines[-1].strip()
    if not (line.startswith("|") and line.endswith("|") and len(line) > 1):
        return False
    before = lines[-2].strip() if len(lines) > 1 else ""
    return not before.startswith("|") or line.count("|") >= before.count("|")


def row_tail(said: str) -> Literal["within", "open", "ended"]:
    """Return how a row of a table ends that a text ends with: nothing tells how many cells the first one has."""
    if not is_row(said):
        return "within"
    is_first = not said.rstrip().rpartition("\n")[0].rpartition("\n")[2].lstrip().startswith("|")
    return "open" if is_first else "ended"


def is_rule(line: str) -> bool:
    """Return whether a line is the rule below the head of a table, or the beginning of one."""
    return line.lstrip().startswith("|") and _RULE.fullmatch(line) is not None


def rule_again(said: str, text: str) -> int:
    """Return where in a text the rule of a table ends that what was said ends with, or a part of it; else 0."""
    line = said.rstrip().rpartition("\n")[2]
    lead = len(text) - len(text.lstrip())
    again = text[lead:].partition("\n")[0]
    if not _RULE.fullmatch(line) or not _RULE.fullmatch(again) or not is_row(said):
        return 0
    return lead + len(again) if "".join(line.split()).endswith("".join(again.split())) else 0


def row_again(said: str, text: str) -> int:
    """Return where in a text the row of a table ends that broke off, where the text begins with the whole row; else 0.

    Raises:
        AttemptFailed: it begins with another whole row.
    """
    lines = said.rsplit("\n", 2)
    line, row = lines[-1], text.lstrip().partition("\n")[0]
    if not line.lstrip().startswith("|") or not row.startswith("|") or is_row(said) or text[0].isspace():
        return 0
    if line.strip() == "|":
        raise unclear("a row that has just begun may begin again")
    before = lines[-2].lstrip() if len(lines) > 1 else ""
    if not before.startswith("|") or row.count("|") < before.count("|"):
        return 0
    cut = _after_same(line, text)
    if cut is None:
        raise unclear("it leaves out the rest of a row")
    return cut


def fits_row(said: str, text: str) -> bool:
    """Return whether a text completes the row of a table that broke off, by the number of cells."""
    lines = said.rsplit("\n", 2)
    if len(lines) < 2 or not lines[-1].lstrip().startswith("|") or not lines[-2].lstrip().startswith("|"):
        return True
    row = lines[-1] + text.partition("\n")[0]
    return row.count("|") == lines[-2].count("|")


def _after_same(line: str, text: str) -> int | None:
    """Return where in a text the signs of a line end that it begins with, whatever white space stands between them."""
    place = 0
    for sign in line:
        if sign.isspace():
            continue
        while text[place : place + 1].isspace():
            place += 1
        if text[place : place + 1] != sign:
            return None
        place += 1
    return place
