"""The signs of a text: its letters and digits alone, in small letters, by which two spellings of it compare.

White space, punctuation, quotes, emphasis and the markers of lists are no signs: who repeats a text often changes them.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

_RUN = re.compile(r"(?m)^[ \t>]*\(?\d{1,4}[.)](?=\s)|([^\W_]+)")
"""A marker of a numbered list at the beginning of a line, or a run of signs."""

_SHORTEST_UNIQUE = 24
"""Signs, about five words: a shorter end of a text recurs by chance in what follows it."""
_MOST_PLACES = 16
_LONGEST_UNIQUE = 1_200
_WIDE = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Of scripts without spaces between words (and Korean, whose signs are syllables): each tells as much as two others."""


@dataclass(slots=True)
class Signs:
    """The signs of a text that may still grow, and where each stands in it."""

    text: str = ""
    _firsts: list[int] = field(default_factory=list[int])
    """Of each run, the number of its first sign."""
    _places: list[int] = field(default_factory=list[int])
    """Of each run, where it begins in the text."""

    def add(self, text: str, begin: int, end: int) -> None:
        """Add the signs of a part of the text, which begins where the last part ended, and within no word."""
        new: list[str] = []
        count = len(self.text)
        for match in _RUN.finditer(text, begin, end):
            if match[1]:
                self._firsts.append(count)
                self._places.append(match.start(1))
                new.append(match[1])
                count += len(match[1])
        self.text += small("".join(new))

    def start(self, number: int) -> int:
        """Return where a sign stands in the text; of one that is not there yet, where the last run ends."""
        if not self._firsts:
            return 0
        run = bisect_right(self._firsts, number) - 1
        if number >= len(self.text):
            return self._places[-1] + len(self.text) - self._firsts[-1]
        return self._places[run] + number - self._firsts[run]

    def is_first(self, number: int) -> bool:
        """Return whether a sign is the first of its word."""
        run = bisect_right(self._firsts, number) - 1
        return run >= 0 and self._firsts[run] == number


def signs_of(text: str) -> Signs:
    """Return the signs of a whole text."""
    signs = Signs()
    signs.add(text, 0, len(text))
    return signs


def small(text: str) -> str:
    """Return a text in small letters, as long as before."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(each.lower()[0] for each in text)


def places_of(part: str, signs: str) -> list[int]:
    """Return where signs stand among others, from the last place back, and not more than a few."""
    places: list[int] = []
    end = len(signs)
    while len(places) < _MOST_PLACES and (place := signs.rfind(part, 0, end)) >= 0:
        places.append(place)
        end = place + len(part) - 1
    return places


def weight_of(signs: str) -> int:
    """Return how much signs tell: those of scripts without spaces count twice."""
    return len(signs) + (0 if signs.isascii() else len(_WIDE.findall(signs)))


def is_wide(sign: str) -> bool:
    """Return whether a sign is of a script without spaces between words."""
    return _WIDE.match(sign) is not None


def unique_end(signs: str) -> str | None:
    """Return the shortest end of a text's signs that is long enough to name its place, and stands there once."""
    length = _SHORTEST_UNIQUE
    while length > 4 and weight_of(signs[-length:]) > 2 * _SHORTEST_UNIQUE - 6:
        length -= 2  # of a script without spaces
    while length <= len(signs) and length <= _LONGEST_UNIQUE:
        if signs.find(signs[-length:]) == len(signs) - length:
            return signs[-length:]
        length += 8
    return None
