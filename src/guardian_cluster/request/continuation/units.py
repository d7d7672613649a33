"""Units of a text: its sentences, and the lines of its lists and tables; and what each is about."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from guardian_cluster.request.continuation.signs import is_wide, signs_of
from guardian_cluster.watcher.common_words import COMMON

_END = re.compile(r"\n|[.!?…]+[\"'”’»)\]*_]*(?=\s)|[。！？]+[”’」』）*]*")
_NUMBER = re.compile(r"\d+(?:[.,'\u00a0\u202f]\d{3})*(?:[.,]\d+)?")
_SEPARATED = re.compile(r"[.,'\u00a0\u202f](?=\d{3}(?!\d))")
_MARKER = re.compile(r"[ \t>]*(?:[-+*•] |\(?\d{1,4}[.)](?=\s))")
_WORD = re.compile(r"[^\W\d_]+")
_STEM = 5
"""Letters of a word that are compared: endings differ when a sentence is turned round."""
_SHORTEST_STEM = 4
_MOST_SPACE = 100
"""After the mark that ends a sentence, before the next word."""
_ABBREVIATIONS = frozenset(
    {
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "no",
        "nr",
        "vs",
        "ca",
        "bzw",
        "fig",
        "vol",
        "jr",
        "e.g",
        "i.e",
        "z.b",
        "d.h",
    }
)
_LONGEST_UNIT = 400
"""Characters after which a unit ends at a space in any case: no sentence may be held for ever."""


@dataclass(frozen=True)
class Unit:
    """One sentence or line, and what it is about; read only as far as somebody asks."""

    text: str
    """With the white space before it."""
    begin: int
    end: int

    @cached_property
    def signs(self) -> str:
        """Its letters and digits (`signs.Signs`)."""
        return signs_of(self.text).text

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Without their separators; the marker of a list is none."""
        return frozenset(map(_plain, _NUMBER.findall(self._body)))

    @cached_property
    def stems(self) -> frozenset[str]:
        """Beginnings of its longer words but the commonest; of scripts without spaces, pairs of signs."""
        return frozenset(stems_of(self._body))

    @cached_property
    def _body(self) -> str:
        part = self.text.lstrip("\n")
        marker = _MARKER.match(part)
        return part[marker.end() :] if marker else self.text


def unit_of(text: str, begin: int, end: int) -> Unit:
    """Return a part of a text as a unit."""
    return Unit(text[begin:end], begin, end)


def ends(text: str, begin: int, *, is_whole: bool) -> Iterator[int]:
    """Return where the units of a text end, from one's beginning on, as far as it can be told before more arrives."""
    place = search = begin
    while True:
        match = _END.search(text, search)
        room = place + _LONGEST_UNIT
        if (match is None or match.end() > room) and len(text) > room:
            cut = text.rfind(" ", place + _LONGEST_UNIT // 2, room)
            place = search = cut if cut > place else room
            yield place
            continue
        if match is None:
            break
        verdict = _is_end(text, place, match, is_whole=is_whole)
        if verdict is None:
            break
        search = match.end()
        if verdict:
            place = search
            yield place
    if is_whole and text[place:]:
        yield len(text)


def _is_end(text: str, begin: int, match: re.Match[str], *, is_whole: bool) -> bool | None:
    """Return whether a sentence ends at a mark; `None` where what follows must be seen first."""
    if match[0] == "\n":
        return bool(text[begin : match.start()].strip())
    if match[0][0] in "。！？":
        return True if is_whole or match.end() < len(text) else None
    after = text[match.end() : match.end() + _MOST_SPACE].lstrip(" \t\u00a0")[:1]
    if not after:
        return None if not is_whole and len(text) < match.end() + _MOST_SPACE else len(text) > match.end()
    if match[0][0] == ".":
        return not (after.islower() or _is_no_sentence(text[begin : match.start()]))
    return not after.islower()


def _is_no_sentence(before: str) -> bool:
    """Return whether a full stop after a text ends an abbreviation or the number of an item."""
    words = before[-40:].strip('.…“„«"( \n').split()
    if not words or words[-1].lower() in _ABBREVIATIONS or (len(words[-1]) == 1 and words[-1].isalpha()):
        return True
    is_number = words[-1].isdigit() and len(words[-1]) < 4
    return is_number and (len(words) == 1 or words[-2][-1] in ":：")


def stems_of(text: str) -> Iterator[str]:
    """Return what the words of a text are compared by."""
    for word in _WORD.findall(text):
        if is_wide(word[0]):
            yield from (word[n : n + 2] for n in range(max(1, len(word) - 1)))
        elif len(word) >= _SHORTEST_STEM and (lower := word.lower()) not in COMMON:
            yield lower[:_STEM]


def _plain(number: str) -> str:
    plain = _SEPARATED.sub("", number).replace(",", ".")
    return plain if plain.isascii() else "".join(str(int(c)) if c.isdigit() else c for c in plain)
