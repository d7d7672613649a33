"""Finds an answer that goes on in another script than it began in, as English that turns into Chinese.

What an answer is written in is what most of its first letters are. From then on letters of another script add up, and
each letter of its own takes off four times as much: names, single words and formulas never come to anything. What is
announced, by a quotation mark, a bracket, a colon or a new line, is a quotation or a translation and has to be four
times as long; fenced code is not looked at. Languages that share a script are not told apart.
"""

import re
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from guardian_cluster.watcher.sensor import Sensor


class _Span(NamedTuple):
    first: int
    last: int
    script: str


_SPANS = tuple(
    _Span(*span)
    for span in (
        (0x41, 0x5A, "latin"),
        (0x61, 0x7A, "latin"),
        (0xAA, 0x24F, "latin"),
        (0x370, 0x3FF, "greek"),
        (0x400, 0x52F, "cyrillic"),
        (0x530, 0x58F, "armenian"),
        (0x590, 0x5FF, "hebrew"),
        (0x600, 0x8FF, "arabic"),
        (0x900, 0x97F, "devanagari"),
        (0x980, 0x9FF, "bengali"),
        (0xA00, 0xA7F, "gurmukhi"),
        (0xA80, 0xAFF, "gujarati"),
        (0xB80, 0xBFF, "tamil"),
        (0xC00, 0xC7F, "telugu"),
        (0xC80, 0xCFF, "kannada"),
        (0xD00, 0xD7F, "malayalam"),
        (0xE00, 0xE7F, "thai"),
        (0xE80, 0xEFF, "lao"),
        (0x1000, 0x109F, "burmese"),
        (0x10A0, 0x10FF, "georgian"),
        (0x1100, 0x11FF, "korean"),
        (0x1200, 0x137F, "ethiopic"),
        (0x1780, 0x17FF, "khmer"),
        (0x1E00, 0x1EFF, "latin"),
        (0x1F00, 0x1FFF, "greek"),
        (0x3040, 0x30FF, "east asian"),
        (0x3400, 0x9FFF, "east asian"),
        (0xAC00, 0xD7AF, "korean"),
        (0xFB50, 0xFDFF, "arabic"),
        (0xFF66, 0xFF9D, "east asian"),
        (0x20000, 0x323AF, "east asian"),
    )
)
"""Unicode blocks by script; kana and ideographs are one, for Japanese mixes them and quotes Chinese."""

BEGINNING = 80
"""Letters by which it is decided what an answer is written in."""
MOSTLY = 0.7
"""Share of them in one script; below, the answer mixes scripts from the outset, and nothing is said of it."""

ENOUGH = 120
"""Letters of another script, where one sign counts for as many as it stands for: 40 signs of Chinese, 20 words of
Russian. Terms and titles are shorter."""
LATIN_ENOUGH = 360
"""For Latin letters, in which other scripts name products, code and sources: 60 words without one of their own."""
ANNOUNCED = 4
"""How many times as much what is announced has to be."""
_TAKEN_OFF = 4
_SIGNS = {"east asian": 3, "korean": 2}
"""Letters that one sign stands for: a word in Chinese has two, in Korean three, in alphabets five or six."""

_ANNOUNCES = frozenset("\n:：\"'“”„‘’«»‹›「『《〈（([{【*_>|=–—")
_LOOKED_BACK = 64
"""Blanks that may stand between an announcement and what is announced."""
_FENCE = 3
_SAFE = ENOUGH // max(_SIGNS.values())
"""Characters that can be left alone while no other script has begun: not even signs would make a switch of them."""


_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalpha())


class ScriptSwitchDetector(Sensor):
    """Watches one channel. Where it finds a switch depends on the text alone, not on how it was cut."""

    __slots__ = (
        "_announced",
        "_begin",
        "_calm",
        "_fenced",
        "_left",
        "_main",
        "_other",
        "_pieces",
        "_read",
        "_tail",
        "_take",
        "_ticks",
        "_weight",
    )

    def __init__(self) -> None:
        self._pieces: list[str] = []  # not looked at yet
        self._take = self._pieces.append
        self._left = _SAFE  # characters before a switch can be completed
        self._read = 0
        self._tail = ""  # what was looked at last
        self._begin: (
            dict[str, int] | None
        ) = {}  # letters by script; none once it is decided what the answer is in
        self._main = ""  # empty: in no one script
        self._other: str = ""
        self._weight = 0  # of the other script's letters
        self._announced = False
        self._ticks = 0
        self._fenced = False
        self._calm: re.Pattern[str] | None = None  # what changes anything, once that is decided

    def feed(self, text: str) -> int | None:
        """Return the position behind the letter that makes it a switch, else `None`. After one it is fed no more."""
        self._take(text)
        self._left = left = self._left - len(text)
        return self._look() if left <= 0 else None

    def _look(self) -> int | None:
        text = "".join(self._pieces)
        self._pieces.clear()
        before, self._read = self._read, self._read + len(text)
        plain = text.isascii() and "`" not in text
        found = None if plain and self._passes(text) else self._switches(text)
        self._tail = (self._tail + text[-_LOOKED_BACK:])[-_LOOKED_BACK:]
        self._left = self._safe()
        return None if found is None else before + found

    def _passes(self, text: str) -> bool:
        """Take in ASCII without an accent where that is simple, and return whether it is."""
        if self._begin is None:
            simple = self._fenced or (self._main in ("", "latin") and not self._weight)
        else:
            simple = not self._fenced and self._begin.keys() <= {"latin"}
            if simple:
                self._begins(self._begin, "latin", len(text.encode().translate(None, _NO_LETTERS)))
        self._ticks = 0 if simple else self._ticks
        return simple

    def _safe(self) -> int:
        """Return how many characters can come before a switch is completed."""
        if not self._weight:
            return _SAFE
        return min(_SAFE, -((self._weight - self._enough()) // _SIGNS.get(self._other, 1)))

    def _switches(self, text: str) -> int | None:
        """Take in a text, and return how much of it makes a switch, if it does."""
        history, offset = self._tail + text, len(self._tail)
        at = self._next(text, 0)
        while at < len(text):
            character = text[at]
            script = _script_of(character)
            if script is None:
                self._tick(character)
            elif self._letter(script, history, offset + at):
                return at + 1
            at = self._next(text, at + 1)
        return None

    def _next(self, text: str, at: int) -> int:
        """Return where what changes anything comes next, the text's length where nothing does."""
        if self._fenced:
            following = text.find("`", at)
        elif self._calm is not None and not self._weight:
            found = self._calm.search(text, at)
            following = found.start() if found is not None else -1
        else:
            following = at if self._begin is not None or self._main else -1
        following = len(text) if following < 0 else following
        self._ticks = self._ticks if following == at else 0
        return following

    def _tick(self, character: str) -> None:
        self._ticks = self._ticks + 1 if character == "`" else 0
        if self._ticks == _FENCE:
            self._fenced = not self._fenced

    def _letter(self, script: str, history: str, at: int) -> bool:
        """Take in a letter; return whether it makes it a switch."""
        self._ticks = 0
        if self._fenced:
            return False
        if self._begin is not None:
            self._begins(self._begin, script, _SIGNS.get(script, 1))
        elif script == self._main:
            self._weight = max(0, self._weight - _TAKEN_OFF * _SIGNS.get(script, 1))
        elif self._main:
            return self._foreign(script, history, at)
        return False

    def _begins(self, begin: dict[str, int], script: str, weight: int) -> None:
        begin[script] = begin.get(script, 0) + weight
        total = sum(begin.values())
        if total >= BEGINNING:
            most, count = max(begin.items(), key=itemgetter(1))
            self._begin = None
            if count >= MOSTLY * total:
                self._main, self._calm = most, _others(most)

    def _foreign(self, script: str, history: str, at: int) -> bool:
        if not self._weight or script != self._other:
            last = history[max(0, at - _LOOKED_BACK) : at].rstrip(" \t")[-1:]
            self._other, self._weight, self._announced = script, 0, last in _ANNOUNCES
        self._weight += _SIGNS.get(script, 1)
        return self._weight >= self._enough()

    def _enough(self) -> int:
        """Return the weight at which the other script makes a switch."""
        enough = LATIN_ENOUGH if self._other == "latin" else ENOUGH
        return enough * (ANNOUNCED if self._announced else 1)


@lru_cache(maxsize=64)
def _others(main: str) -> re.Pattern[str]:
    """Return a pattern of the letters of all other scripts, and of a fence."""
    spans = [
        f"{re.escape(chr(span.first))}-{re.escape(chr(span.last))}" for span in _SPANS if span.script != main
    ]
    return re.compile(f"[`{''.join(spans)}]")


@lru_cache(maxsize=8_192)
def _script_of(character: str) -> str | None:
    """Return the script of a letter, or `None` of what is none or in a script that is not known."""
    code = ord(character)
    for span in _SPANS:
        if span.first <= code <= span.last:
            return span.script if span.script != "latin" or character.isalpha() else None
    return None
