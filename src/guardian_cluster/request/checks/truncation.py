"""Tells an answer that was broken off from one that ended."""

import re

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding

CHECK = "truncation"

_ENDS = frozenset(".!?)\"'”’»…*`}]|>:;。！？」）】।؟$%~_")
_OPEN_ENDS = frozenset("+-*/=×÷(<[{,&\\")
_OPENINGS = "([{<"
_DIGITS_END = re.compile(r"[\d%]$")
_SHORT = 60
"""A last line up to this long need not be a sentence: a name, a number, a heading, an entry of a list."""


def check(answered: Answered) -> Finding:
    """Return whether the answer ends where an answer may end."""
    text = answered.text.rstrip()
    last = text[text.rfind("\n") + 1 :][-400:] if text else ""
    signs = {
        "length": answered.finish_reason == "length",
        "open_fence": answered.text.count("```") % 2 == 1,
        "open_bracket": _is_open(last),
        "mid_sentence": bool(last) and _breaks_off(last),
        "empty": not text,
    }
    said = [name for name, is_so in signs.items() if is_so]
    detail = f"broken off: {_WORDS[said[0]]}" + (f", at {last[-40:]!r}" if last else "") if said else ""
    return finding(CHECK, not said, {**signs, "any": bool(said)}, detail)


def is_broken_off(text: str, finish_reason: str | None) -> bool:
    """Return whether `check` would find a sign, at the price of looking for one."""
    if finish_reason == "length" or ("```" in text and text.count("```") % 2 == 1):
        return True
    text = text.rstrip()
    if not text:
        return True
    last = text[text.rfind("\n") + 1 :][-400:]
    return _breaks_off(last) or _is_open(last)


_WORDS = {
    "length": "the limit of tokens was reached",
    "open_fence": "a block of code is not closed",
    "open_bracket": "a bracket of the last line is not closed",
    "mid_sentence": "the last sentence has no end",
    "empty": "nothing was said",
}


def _is_open(line: str) -> bool:
    if not any(map(line.__contains__, _OPENINGS)):  # as most lines are
        return False
    return any(
        line.count(opening) > line.count(closing) for opening, closing in ("()", "[]", "{}", ("<<", ">>"))
    )


def _breaks_off(line: str) -> bool:
    end = line[-1]
    if end == "*" and not line[-2:-1].isspace():  # the end of **bold** words, and no sign of a product
        return False
    if end in _OPEN_ENDS:
        return True
    if end in _ENDS or line.startswith(("#", "|", "- ", "* ")) or not end.isascii():
        return False
    if len(line) <= _SHORT and (_DIGITS_END.search(line) or " " not in line or len(line.split()) <= 3):
        return False
    return len(line.split()) > 3
