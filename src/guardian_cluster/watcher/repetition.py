"""Finds an answer that has begun to repeat itself without end.

A loop is a passage that follows itself word for word; one in which a counter goes on ("1. Rest. 2. Rest.") is none
here, for tables and lists of numbers look the same. How often a passage must come depends on what it is made of: see
`enough`.
"""

import re
from collections.abc import Iterator
from typing import Literal

from guardian_cluster.watcher.sensor import Sensor

MAX_PERIOD = 1_000
"""Longest passage looked for, in characters: a long paragraph."""

WINDOW = 4_000
"""Characters that are looked back on; what would need more of them is no loop."""

WORDS_TIMES, WORDS_LEAST, WORD_LEAST = 3.5, 72, 96
"""How often words must come, and the shortest stretch that counts, of several and of a single word. In 4,507 answers of
a chat model, 1,350 of three others and 2,600 worked sums nothing in words came 3 times and made 40 characters; the
longest stretch in 30 million characters of Python is a tuple of `None, ` with 58."""

SIGNS_TIMES, SIGNS_LEAST, SIGNS_FROM = 3.75, 96, 24
"""For passages of 24 characters and more in words and signs, as formulas and markup, and for shorter ones in which a
word stands alone: in that Python and in 30 million characters of markup, C, data and documentation none came so often.
"""

CELLS_TIMES, CELLS_FROM = 6, 32
"""For rows of a table of less than 32 characters: equal ones do stand together, but seldom so many."""

BLOCK = 112
"""From this length on a passage of any kind counts as these do: in that Python nothing so long comes as often."""

ROWS_TIMES, ROWS_LEAST = 12, 640
"""For what repeats by its nature: indented lines, short cells, text with nearly as many signs as letters. In that
Python equal lines come up to 11 times or 499 characters, encoded words 1,030."""

FIGURES_TIMES, FIGURES_LEAST = 24, 1_024
"""For passages without a letter, as zeros of a table; an empty row of 79 characters comes 18 times."""

_EVERY = 40
"""Characters between two looks, so that the first copy of a loop is recognised (after its length, a tail and one pause)
before it has come often enough. From there on the next look is at the very place where it would have."""

_LONG = 16_384
_LONGEST_PAUSE = 4_096
"""Beyond 16,384 characters, looks are a 256th of the text read apart, up to this: 1 MB costs 1,600 and not 20,000."""

_LEAST_PAUSE = 8
"""However close to its end a loop seems: a hostile text may seem so everywhere."""

_TAIL = 16
_CANDIDATES = 6
"""The passage that repeats is nearly always the first one tried; a hostile text could have us try hundreds."""

_SAMPLE = 240
"""Characters of a passage by which its kind is told."""

_INDENTED = re.compile(r"\n {4}|\\[xunrt0'\"](?!ext\b|heta\b|ight\b|imes\b)")
"""Code in a file, and escapes in source text, not commands of TeX."""
_CELLS = re.compile(r"[|\t]|,[A-Za-z]|\S {3}")
"""Rows of a table, of a file with commas, of columns."""
_CALL = re.compile(r"\w\((?!s\))")
_FENCE = "```"
"""Code in an answer, not in a file: blocks of it do not come again and again."""
_SIGNS = re.compile(r"[#-&*+/;->@\[-`{-~]|\?(?=\w)")
"""Of ASCII, what is neither a letter, a figure, a blank nor a mark of a sentence."""
_COLUMN = re.compile(r"[|\t]")
_ALONE = re.compile(r"(?<!\S)[A-Za-z]{2,24}[,.:;]?(?!\S)|\\[a-z]{4}")
"""A word that stands alone, as in text, and not within code or data; a command of TeX."""
_OPERATOR = re.compile(r"(?<!\S)(?:[=+\u00d7\u00f7\u2192\u2248\u2264\u2265]|[-=]>)(?!\S)")
"""Formulas; minus and star also stand for an empty cell and an item."""
_ONCE = re.compile(
    r"(?<![^\s}])(?:break|class|def|elif|else|for|function|return|while)(?![^\s:;({])"
    r"|[a-z]: [^;\s]{1,40};"
    r"|</?(?:a|body|footer|form|h[1-6]|head|header|label|link|main|nav|p|script|section|style|table|title)[ >]"
)
"""What leads nowhere in code when it is said twice; a style; parts of a page that hold a text of their own."""
_QUOTED = re.compile(r"[\"'<>{}]")
_ITEM_WORDS = 3
"""From so many words on an indented line is an item of a list and not code, where it calls and quotes nothing."""
_NOT_ZERO, _DIFFERENT = frozenset("123456789"), 3
"""So many different figures make a row of numbers, and not of zeros and ones."""
_TABS = "\t\t"
"""Code that is indented by tabs."""
_LONG_WORD = 14
_ONE_WORD_TWICE = 3
"""Pieces between blanks in a word and a blank, said twice and begun anywhere."""
_LETTERS = re.compile(r"[A-Za-z\u0080-\U0010ffff]")
"""Marks of scripts that put vowels above and below count as letters."""

_Kind = Literal["words", "signs", "cells", "code", "figures"]


class RepetitionDetector(Sensor):
    """Watches one channel. Where it finds a loop depends on the text alone, not on how it was cut."""

    __slots__ = ("_due", "_from", "_kept", "_left", "_pieces", "_take")

    def __init__(self) -> None:
        self._kept: str = ""
        self._pieces: list[str] = []  # read since the last look
        self._take = self._pieces.append
        self._from = 0  # where in the channel what is kept begins
        self._due = _EVERY
        self._left = _EVERY  # characters to read before the next look

    def feed(self, text: str) -> int | None:
        """Return the position at which a loop was found, else `None`. After one it is fed no more."""
        self._take(text)
        self._left = left = self._left - len(text)
        return self._look() if left <= 0 else None

    def _look(self) -> int | None:
        kept: str = self._kept + "".join(self._pieces)
        offset = self._from
        due = self._due - offset
        self._pieces.clear()
        size = len(kept)
        while due <= size:
            read = offset + due
            pause = _EVERY if read < _LONG else min(read >> 8, _LONGEST_PAUSE)
            start = due - _TAIL
            # Nearly always what was said last was not said before.
            if kept[start:due] in kept[start - MAX_PERIOD if start > MAX_PERIOD else 0 : due - 1]:
                missing = _nearest(kept, due)[0]
                if missing <= 0:
                    self._kept = ""
                    return read
                pause = pause if missing > pause else max(missing, _LEAST_PAUSE, pause >> 3)
            elif pause > WINDOW:
                pause = WINDOW
            due += pause
        self._left = due - size
        if size > 2 * WINDOW:
            self._from, kept, due = self._from + size - WINDOW, kept[-WINDOW:], due - size + WINDOW
        self._kept, self._due = kept, self._from + due
        return None


def period_of(text: str, end: int) -> int | None:
    """Return the length of the passage that the text repeats often enough up to `end`, or `None`."""
    missing, period = _nearest(text, end)
    return period if missing <= 0 else None


def enough(passage: str) -> int:
    """Return how many characters a passage must make, said again and again, to be taken for a loop.

    Words at least 72 (a single word 96) and three and a half times themselves; words with signs, formulas and rows
    nearly four times, short rows six times; indented code and what has no word 640 characters and 12 times; what has
    no letter 1,024 and 24 times. Of one character alone, letters and figures 1,024; rules and blanks, which are
    layout, the whole `WINDOW`.
    """
    length, sample = len(passage), passage[:_SAMPLE]
    if length == 1:
        return FIGURES_LEAST if passage.isalnum() or passage in "!?" else WINDOW
    kind = _kind(sample, sample + passage[:5])  # what lies across the seam counts too
    if kind == "words":
        several = length >= _LONG_WORD or len((sample + sample).split()) > _ONE_WORD_TWICE
        return max(WORDS_LEAST if several else WORD_LEAST, int(WORDS_TIMES * length))
    if length >= BLOCK and sample.strip():
        return int(SIGNS_TIMES * length)
    if kind in ("signs", "cells"):
        times = _times(kind, length, sample)
        return max(SIGNS_LEAST, int(times * length)) if times else max(ROWS_LEAST, ROWS_TIMES * length)
    if kind == "figures":
        return max(FIGURES_LEAST, FIGURES_TIMES * length)
    return max(ROWS_LEAST, ROWS_TIMES * length)


def _times(kind: _Kind, length: int, sample: str) -> float | None:
    """Return how often signs and cells must come, `None` where that is as often as lines of code."""
    twice = sample + sample
    alone = _ALONE.search(twice) is not None
    if length < SIGNS_FROM:
        told = _OPERATOR.search(twice) or (alone and not _CALL.search(twice)) or _ONCE.search(twice)
        table = kind == "cells" or _COLUMN.search(sample)
        return (
            SIGNS_TIMES if (told or not _LETTERS.search(sample) or _FENCE in sample) and not table else None
        )
    if kind == "cells" and (length < CELLS_FROM or (_TABS in sample and not alone)):
        return CELLS_TIMES
    return SIGNS_TIMES


def _kind(sample: str, seamless: str) -> _Kind:
    letters, signs = len(_LETTERS.findall(sample)), len(_SIGNS.findall(sample))
    if not letters:
        return _kind_of_figures(sample, seamless)
    if _FENCE not in sample and _INDENTED.search(seamless):
        told = _is_item(sample, letters, signs) or (len(sample) >= SIGNS_FROM and _ONCE.search(sample))
        return "signs" if told else "code"
    if 5 * signs > 2 * letters:
        told = _OPERATOR.search(seamless) or _ALONE.search(seamless)
        return "signs" if told and _TABS not in sample else "code"
    if _FENCE not in sample and _CELLS.search(seamless):
        return "cells"
    blackened = len(sample) - sum(map(sample.count, " \n"))
    wordy = 4 * signs <= letters and 3 * letters >= blackened and not _CALL.search(seamless)
    return "words" if wordy else "signs"


def _kind_of_figures(sample: str, seamless: str) -> Literal["signs", "figures"]:
    """Tell formulas and rows of numbers from zeros, rulers and rules."""
    if _INDENTED.search(seamless) or not any(map(str.isdigit, sample)):
        return "figures"
    apart = "\n\n" in seamless and not _NOT_ZERO.isdisjoint(sample)
    rows = len(sample) >= SIGNS_FROM and len(set(sample) & _NOT_ZERO) >= _DIFFERENT
    return "signs" if rows or apart or _OPERATOR.search(seamless) else "figures"


def _is_item(sample: str, letters: int, signs: int) -> bool:
    """Return whether an indented line is an item of a list."""
    if 4 * signs > letters or _CALL.search(sample) or _QUOTED.search(sample):
        return False
    return len(_ALONE.findall(sample)) >= _ITEM_WORDS


def _nearest(text: str, end: int) -> tuple[int, int]:
    """Return how many characters are missing to the loop that is nearest to being one, and its period."""
    nearest = WINDOW, 0
    for period in _periods(text, end):
        needed = max(WORDS_LEAST, int(WORDS_TIMES * period))
        said = _said(text, end, period, needed)
        repeats = said >= needed
        if repeats:
            needed = enough(text[end - period : end])
            said = _said(text, end, period, needed)
        nearest = min(nearest, (needed - said, period))
        if repeats and period > 1:  # all longer ones are multiples of this one, and no other kind of passage
            break
    return nearest


def _periods(text: str, end: int) -> Iterator[int]:
    """Yield the distances at which the last characters occur before, the shortest first."""
    start = end - _TAIL
    if start < 1:
        return
    tail = text[start:end]
    if tail == tail[0] * _TAIL:
        yield 1
        # A run tells nothing of longer distances, so what stands before it is taken along.
        first = max(0, start - MAX_PERIOD)
        start = first + len(text[first:end].rstrip(tail[0])) - 1
        if start < first:
            return
        tail = text[start:end]
    nearest, size = max(0, start - MAX_PERIOD), end - start - 1
    at, tries = text.rfind(tail, nearest, end - 1), _CANDIDATES
    while at >= 0 and tries:
        yield start - at
        at, tries = text.rfind(tail, nearest, at + size), tries - 1


def _said(text: str, end: int, period: int, most: int) -> int:
    """Return how many characters up to `end`, `most` of them at the most, repeat with this period."""
    same, room = 0, min(most, end) - period
    step = min(2 * _TAIL, max(0, room))
    while (
        step
        and text[end - period - same - step : end - period - same] == text[end - same - step : end - same]
    ):
        same += step
        step = min(same, room - same)
    low, high = same, same + step
    while low < high - 1:
        middle = (low + high) // 2
        if text[end - period - middle : end - period - same] == text[end - middle : end - same]:
            low = middle
        else:
            high = middle
    return low + period
