"""Finds characters that a reader does not see, or that make text read otherwise than it is, where no script needs them.

Tags (U+E0000 ff.) and long runs of variation selectors carry hidden text ("ASCII smuggling"); directional overrides
let source code read otherwise than it runs (Boucher and Anderson, Trojan Source, 2021, CVE-2021-42574); runs of
zero-width characters and soft hyphens carry bits or split words so that filters miss them.
"""

import re

from guardian_cluster.watcher.sensor import Sensor

ZERO_WIDTH_RUN = 4
"""So many in a row, or of soft hyphens, mean nothing in any script: emoji and Persian need one at a time, Khmer and
typesetters at the most two."""

ZERO_WIDTH_IN_WORDS = 8
"""So many between ASCII letters of one text split its words: broken pastes hold a few."""

SELECTOR_RUN = 4
"""A character takes one variation selector; Mongolian and ideographs take one more in badly converted text."""

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\U0001d173-\U0001d17a]"
)
"""All that may matter here: most text has none, and one look tells so."""

_FLAG = "\U0001f3f4"
_END_TAG = "\U000e007f"
_TAGS = re.compile("[\U000e0000-\U000e007f]")
_FLAG_LETTERS = 6
"""Tags in the flag of a region: England is `gbeng`, at the most six letters and figures."""

_OVERRIDES = frozenset("\u202d\u202e")
_EMBEDDING = frozenset("\u202a\u202b\u2066\u2067\u2068")
_CLOSING = frozenset("\u202c\u2069")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_JOINERS = frozenset("\u200c\u200d")
_ZERO_WIDTH = frozenset(
    "\u00ad\u034f\u115f\u1160\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\u3164\ufeff\uffa0"
)
_DEPRECATED = frozenset("\u206a\u206b\u206c\u206d\u206e\u206f\ufff9\ufffa\ufffb") | frozenset(
    map(chr, range(0x1D173, 0x1D17B))
)
_WITHOUT_USE = frozenset(map(chr, range(0xE0080, 0xE0100))) | frozenset(map(chr, range(0xE01F0, 0xE1000)))


_MATTERS = re.compile(f"{_UNSEEN.pattern}|{_RIGHT_TO_LEFT.pattern}|{_FLAG}")


class InvisibleDetector(Sensor):
    """Watches one channel. Where it finds something depends on the text alone, not on how it was cut."""

    __slots__ = (
        "_calm",
        "_flag",
        "_last",
        "_read",
        "_right_to_left",
        "_run",
        "_selectors",
        "_splits",
        "_waiting",
    )

    def __init__(self) -> None:
        self._read = 0
        self._last = ""  # ends in the last character that is seen
        self._calm = True  # whether ASCII changes nothing else
        self._run = 0  # zero-width characters since then
        self._selectors = 0
        self._splits = 0
        self._waiting = False  # whether a zero-width run began behind an ASCII letter
        self._flag = -1  # tags read since a black flag; -1: none
        self._right_to_left = False  # whether anything was written from right to left

    def feed(self, text: str) -> int | None:
        """Return the position behind the character that gave it away, else `None`. After one it is fed no more."""
        if self._calm and (text.isascii() or _MATTERS.search(text) is None):
            self._read += len(text)
            self._last = text or self._last
            return None
        return self._look(text)

    def _look(self, text: str) -> int | None:
        before, at = self._read, 0
        self._read += len(text)
        for match in _UNSEEN.finditer(text):
            if match.start() > at and self._see(text[at : match.start()]):
                return before + at + 1
            at = match.end()
            if self._weigh(text[at - 1]):
                return before + at
        if at < len(text) and self._see(text[at:]):
            return before + at + 1
        self._calm = not (self._run or self._selectors) and self._flag < 0
        return None

    def _see(self, text: str) -> bool:
        """Take in characters that are seen; return whether they close what is hidden."""
        split = self._waiting and text[0].isascii() and text[0].isalpha()
        self._splits += split
        unfinished = self._flag > 0  # tags behind a flag that were never closed
        self._last, self._run, self._selectors, self._waiting = text, 0, 0, False
        self._flag = 0 if text[-1] == _FLAG else -1
        if not (self._right_to_left or text.isascii()):
            self._right_to_left = _RIGHT_TO_LEFT.search(text) is not None
        return unfinished or self._splits >= ZERO_WIDTH_IN_WORDS

    def _weigh(self, character: str) -> bool:
        """Take in a character that is not seen; return whether it is one too many."""
        if "\U000e0000" <= character <= "\U000e007f":
            return self._tag(character)
        if character in _OVERRIDES or character in _DEPRECATED or character in _WITHOUT_USE:
            return True
        if character in _EMBEDDING:
            return not self._right_to_left
        if character in _CLOSING or character == "\u061c":
            return False
        if character in _ZERO_WIDTH:
            return self._zero_width()
        self._selectors += 1
        return self._selectors >= SELECTOR_RUN

    def _tag(self, character: str) -> bool:
        if self._flag < 0:
            return True
        if character == _END_TAG:
            closed = self._flag
            self._flag = -1
            return not closed
        self._flag += 1
        return self._flag > _FLAG_LETTERS

    def _zero_width(self) -> bool:
        if not self._run:
            last = self._last[-1:]
            self._waiting = last.isascii() and last.isalpha()
        self._run += 1
        return self._run >= ZERO_WIDTH_RUN


def hidden_text(text: str) -> str | None:
    """Return what tags and runs of variation selectors spell, in ASCII where it is, or `None` where nothing is spelled.

    Tags are ASCII moved by 0xE0000; data in variation selectors are bytes: 16 in U+FE00 ff., the others in U+E0100 ff.
    Emoji flags and single selectors spell nothing. It is text of somebody who hides it: show it as such.
    """
    tagged = "".join(chr(ord(tag) & 0x7F) for tag in _TAGS.findall(_FLAGS.sub("", text)))
    found = "".join(character for character in tagged if character.isprintable())
    for run in _SELECTORS.findall(text):
        data = bytes(_byte(ord(selector)) for selector in run)
        found += data.decode("utf-8", errors="replace")
    return found or None


_FLAGS = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{1,6}\U000e007f")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")


def _byte(selector: int) -> int:
    return selector - 0xFE00 if selector <= 0xFE0F else selector - 0xE0100 + 16
