"""Decides what the least is that can be quoted: sentences of prose, items of lists, rows of tables, lines of code."""

import re

from guardian_cluster.specialists.builtin.recall.evidence import Passage, Unit

_OWN_LINE = re.compile(r"\s*([-*+•]\s|\d{1,3}[.)]\s|\||>|#|```|~~~|[\w .-]{1,40}:\s|\[)| {4}|\t")
"""What does not go on in the line before."""

_END = re.compile(r"[.!?]['\")\]»”’*_]{0,3}(?=\s)|[。！？]")
_SHORT = """
e.g i.e etc mr mrs ms dr prof no nr vs cf st approx fig vol p pp art sec inc ltd jan feb mar apr jun jul aug sep oct nov
dec
"""
_ABBREVIATIONS = frozenset(_SHORT.split())
MOST_UNITS = 60
"""Of a passage are looked at: a page of prose has twenty, and one made of thousands of stops would hold up others."""

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def units_of(passage: Passage) -> tuple[Unit, ...]:
    """Return what a passage consists of, in order, with the lines where each part stands."""
    text = passage.text
    laid_out = bool(passage.first_line) and text.count("\n") == passage.last_line - passage.first_line
    found: list[Unit] = []
    for start, lines in _runs(text.split("\n")):
        for first, last, words in _sentences(lines):
            place = (passage.first_line + start + first, passage.first_line + start + last)
            found.append(Unit(words, *(place if laid_out else (passage.first_line, passage.last_line))))
        if len(found) >= MOST_UNITS:
            break
    return tuple(found[:MOST_UNITS])


def shown(text: str, limit: int) -> str:
    """Return text on one line, without characters that steer a terminal or hide, cut to a length."""
    line = " ".join(_UNSAFE.sub("", text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _runs(lines: list[str]) -> list[tuple[int, list[str]]]:
    """Return the runs of lines that read on, each with the index of its first."""
    runs: list[tuple[int, list[str]]] = []
    goes_on = False
    for index, line in enumerate(lines):
        if not line.strip():
            goes_on = False
        elif goes_on and not _OWN_LINE.match(line):
            runs[-1][1].append(line)
        else:
            runs.append((index, [line]))
            goes_on = True
    return runs


def _sentences(lines: list[str]) -> list[tuple[int, int, str]]:
    """Return the sentences of a run: their first and last line in it, and the words."""
    text = "\n".join(lines)
    found: list[tuple[int, int, str]] = []
    start = 0
    for end in [*(match.end() for match in _END.finditer(text) if _ends(text, match)), len(text)]:
        piece = text[start:end]
        words = shown(piece, len(piece) + 1)
        if any(map(str.isalnum, words)):
            before = start + len(piece) - len(piece.lstrip())
            found.append((text.count("\n", 0, before), text.count("\n", 0, end), words))
        start = end
        if len(found) == MOST_UNITS:
            break
    return found


def _ends(text: str, match: re.Match[str]) -> bool:
    """Return whether a full stop ends a sentence rather than an abbreviation or the number of a list's item."""
    if text[match.start()] != ".":
        return True
    word = text[max(0, match.start() - 12) : match.start()].split()[-1:]
    last = word[0].lower().lstrip("(\"'") if word else ""
    following = text[match.end() : match.end() + 3].strip()[:1]
    is_item = last.isdigit() and match.start() < 8 and text[: match.start()].strip() == last
    return last not in _ABBREVIATIONS and not is_item and not (following.islower() and len(last) < 4)
