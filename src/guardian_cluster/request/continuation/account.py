"""The account of what was said: whether a unit of another text says one of its units again, and which."""

import re
from collections import Counter
from functools import cached_property
from itertools import pairwise
from typing import Literal

import msgspec

from guardian_cluster.request.continuation.signs import weight_of
from guardian_cluster.request.continuation.units import Unit, ends, unit_of

Kind = Literal["said", "new", "mixed", "unclear", "neutral"]

_VERBATIM = 14
"""Weight of signs that are the same by more than chance, about three words."""
_SHORTEST = 5
"""Weight of the signs of a unit that is compared at all when it is short."""
_LAST = 1_000
"""Characters in which the last unit stands; one is never as long."""
_NEAR_END = 320
"""Signs before the end, in which a short unit is looked for: who repeats the last words may begin within a sentence."""
_ALIKE, _UNLIKE = 0.6, 0.34
"""Shares of the words of a unit that stand in one said unit: those who say a thing again keep most of them or few,
those who say something new share little but the topic."""
_IN_TURN = 3
"""Units ahead that are looked at: who says a thing again in other words may leave one out, or join two."""
_LONGER = 1.8
"""Times as long as what it says again is no unit that says nothing more."""
_TELLING_STEMS = 3
"""Words that a unit without numbers must have to be told from others."""


_HALF = re.compile(r"^[^\W\d_]+")


class Finding(msgspec.Struct, frozen=True):
    """What was found of a unit, and the number of the said unit that it says again."""

    kind: Kind
    at: int = -1
    is_verbatim: bool = False
    is_weak: bool = False
    """Whether nothing but other words tells that it is new."""

    @property
    def is_certain(self) -> bool:
        """Whether it is told by more than other words: by numbers, or as what was said."""
        return self.kind in ("said", "new") and not self.is_weak


class Account:
    """What was said, by units."""

    def __init__(self, said: str) -> None:
        self.units: list[Unit] = []
        place = 0
        for end in ends(said, 0, is_whole=True):
            unit = unit_of(said, place, end)
            place = end
            if unit.signs:
                self.units.append(unit)
        self.signs = "".join(unit.signs for unit in self.units)
        self._firsts: list[int] = []
        count = 0
        for unit in self.units:
            self._firsts.append(count)
            count += len(unit.signs)
        self._same: dict[str, list[int]] = {}
        for at, unit in enumerate(self.units):
            self._same.setdefault(unit.signs, []).append(at)

    @cached_property
    def _by_number(self) -> dict[str, list[int]]:
        """For each number, the units that have it."""
        found: dict[str, list[int]] = {}
        for at, unit in enumerate(self.units):
            for number in unit.numbers:
                found.setdefault(number, []).append(at)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for at, unit in enumerate(self.units):
            for stem in unit.stems:
                found.setdefault(stem, []).append(at)
        return found

    def _numbers(self, number: str) -> int:
        """Return how many units have a number."""
        return len(self._by_number.get(number, ()))

    def _stems(self, stem: str) -> int:
        return len(self._by_stem.get(stem, ()))

    @property
    def last(self) -> int:
        """The number of the last unit."""
        return len(self.units) - 1

    def find(self, unit: Unit, after: int) -> Finding:
        """Judge a unit; among several places, the first after a number is meant."""
        if (at := self._verbatim(unit.signs, after)) is not None:
            return Finding("said", at, is_verbatim=True)
        if unit.signs.isdigit() and "|" not in unit.text:
            return Finding("unclear")  # numbers alone may be those of items
        telling = {number for number in unit.numbers if _tells(number)}
        if not telling:
            return self._by_words(unit)
        novel = {number for number in telling if number not in self._by_number}
        if not novel:
            return self._by_numbers(unit, telling)
        is_mixed = any(self._numbers(number) == 1 for number in telling - novel)
        return Finding("mixed" if is_mixed else "new")

    def _verbatim(self, signs: str, after: int) -> int | None:
        """Return the number of the unit in which a repetition of signs ends."""
        begin = self._firsts[after + 1] if after + 1 < len(self._firsts) else 0
        if weight_of(signs) < _VERBATIM:
            return self._short(signs, after)
        place = self.signs.find(signs, begin)
        if place < 0:
            place = self.signs.find(signs)
        if place < 0:
            return None
        return self.unit_at(place + len(signs) - 1)

    def unit_at(self, end: int) -> int:
        """Return the number of the unit that a sign stands in."""
        low, high = 0, len(self._firsts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._firsts[middle] <= end else (low, middle)
        return low

    def _short(self, signs: str, after: int) -> int | None:
        """Return the number of a unit that is the same, or of the one near the end in which signs stand."""
        if weight_of(signs) < _SHORTEST:
            return None
        same = [at for at in self._same.get(signs, ()) if at > after] or self._same.get(signs)
        if same:
            return same[0]
        near = self.signs.find(signs, max(0, len(self.signs) - _NEAR_END))
        return None if near < 0 else self.unit_at(near + len(signs) - 1)

    def _by_numbers(self, unit: Unit, telling: set[str]) -> Finding:
        """Judge a unit all of whose numbers were said: again, where they were said together, of one thing."""
        rarest = min(telling, key=lambda number: self._numbers(number))
        places = self._by_number[rarest]
        if len(places) > 1:
            return Finding("unclear")
        at = places[0]
        near = frozenset[str]().union(
            *(self.units[n].numbers for n in range(max(0, at - 1), min(at + 2, len(self.units))))
        )
        if not telling <= near:
            return Finding("unclear")
        if len(unit.signs) > _LONGER * sum(len(self.units[n].signs) for n in self._holding(telling, at)):
            return Finding("mixed")
        shared = unit.stems & self.units[at].stems
        is_sure = not _is_year(rarest) or any(self._stems(stem) <= 2 for stem in shared)
        return Finding("said" if is_sure else "unclear", at)

    def _holding(self, numbers: set[str], at: int) -> list[int]:
        """Return which units about one of a number hold any of some numbers."""
        about = range(max(0, at - 1), min(at + 2, len(self.units)))
        return [number for number in about if numbers & self.units[number].numbers]

    def _by_words(self, unit: Unit) -> Finding:
        """Judge a unit without numbers: again, where all its words were said at once; new, where no rare one."""
        likeness, at = self._likest(unit)
        has_novel = any(stem not in self._by_stem for stem in unit.stems)
        if not has_novel and len(unit.stems) >= _TELLING_STEMS and likeness >= _ALIKE:
            return Finding("said", at)
        is_rare = any(self._stems(stem) == 1 for stem in unit.stems)
        if is_rare or likeness > _UNLIKE or not has_novel:
            return Finding("unclear" if unit.stems else "neutral", at)
        return Finding("new" if len(unit.stems) >= _TELLING_STEMS else "neutral", at, is_weak=True)

    def has(self, unit: Unit) -> bool:
        """Return whether a unit is one of those that were said, sign by sign."""
        return unit.signs in self._same

    def has_novel(self, unit: Unit) -> bool:
        """Return whether a unit that may begin with half a word has a word or number that was not said."""
        rest = unit_of(_HALF.sub("", unit.text), unit.begin, unit.end)
        is_novel = any(stem not in self._by_stem for stem in rest.stems)
        return is_novel or any(_tells(number) and number not in self._by_number for number in rest.numbers)

    def has_numbers(self, unit: Unit) -> bool:
        """Return whether a unit has a number that was said."""
        return any(_tells(number) and number in self._by_number for number in unit.numbers)

    def next_like(self, unit: Unit, at: int) -> int | None:
        """Return which of the few units after a number a unit may say again, where it comes in turn."""
        for number in range(at + 1, min(at + 1 + _IN_TURN, len(self.units))):
            said = self.units[number]
            shares = any(self._stems(stem) <= 2 for stem in unit.stems & said.stems)
            if shares or any(_tells(each) for each in unit.numbers & said.numbers):
                return number
        return None

    def _likest(self, unit: Unit) -> tuple[float, int]:
        """Return the share of a unit's words that stand in the said unit most like it, and its number."""
        if not unit.stems:
            return 0.0, -1
        found: Counter[int] = Counter()
        for stem in unit.stems:
            found.update(self._by_stem.get(stem, ())[:50])
        if not found:
            return 0.0, -1
        at, count = max(found.items(), key=lambda each: (each[1], each[0]))
        return count / len(unit.stems), at


def last_signs(said: str) -> int:
    """Return how many signs the last two units of what was said have."""
    begin = max(0, len(said) - _LAST)
    places = [begin, *ends(said, begin, is_whole=True)]
    found = [unit_of(said, *place).signs for place in pairwise(places)]
    return sum([len(signs) for signs in found if signs][-2:])


def _tells(number: str) -> bool:
    """Return whether a number tells facts apart: small ones stand everywhere."""
    return len(number) >= 2


def _is_year(number: str) -> bool:
    return len(number) == 4 and "1400" <= number <= "2199"
