"""Decides where a text is cut into segments: sentences and lines, for an attack is a few words of a long document."""

import re
from collections.abc import Iterator

MOST_WORDS = 48
"""Of a segment: longer ones are cut, so that an attack without full stops is not thinned out by what surrounds it."""

FEWEST_WORDS = 3
"""Shorter pieces (a heading, `1.`, `OK!`) are read together with what follows."""

WINDOW = 4_096
"""Characters that are scored at once: 1 to 2 ms; where no word was met before 5 ms, and for harm 11. A longer text is
scored window by window."""

_OVERHANG = 8
"""Words by which a segment may be longer than `MOST_WORDS`, so that no scrap of a sentence is left over."""

_END = re.compile(r"\n+|(?<=[.?!;:])[\"')\]*]*\s+|(?<=[。？！])")
_WORD = re.compile(r"[^\W_]{1,40}|[?!:,]")
"""A longer word is several: every step after this one may take a word to be short."""

_TAIL = 256
"""Characters at the end of a window within which it is cut at a line or a blank, where there is one."""


def windows(text: str, most: int = WINDOW) -> Iterator[str]:
    """Yield a text in parts of at most so many characters, cut at lines or blanks where there are some."""
    start = 0
    while len(text) - start > most:
        end = start + most
        cut = text.rfind("\n", end - _TAIL, end) + 1 or text.rfind(" ", end - _TAIL, end) + 1 or end
        yield text[start:cut]
        start = cut
    yield text[start:]


def segments(text: str) -> list[list[str]]:
    """Return the words, and the signs `?!:,`, of each segment of a text; linear in its length."""
    found: list[list[str]] = []
    words: list[str] = []
    for piece in _END.split(text):
        words += _WORD.findall(piece)
        if len(words) >= FEWEST_WORDS:
            while len(words) > MOST_WORDS + _OVERHANG:
                found.append(words[:MOST_WORDS])
                words = words[MOST_WORDS:]
            found.append(words)
            words = []
    if words and found:
        found[-1] = found[-1] + words
    elif words:
        found.append(words)
    return found
