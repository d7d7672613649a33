"""Reads long texts in unknown fields of an answer slice by slice, so that others are served meanwhile."""

from typing import Any

from guardian_cluster.watcher.ledger import Ledger
from guardian_cluster.watcher.patterns import Patterns
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.scanner import RuleSet, Scanner
from guardian_cluster.watcher.slices import slice_of
from guardian_cluster.watcher.turns import Turns
from guardian_cluster.watcher.unknown import Place, UnknownFields
from guardian_cluster.watcher.unknown_text import SUSPECT, WITHHELD, Found, PlaceText

Read = tuple[int, str, bool]
"""Where a text came, the text, and whether it consists of names of fields."""


class SlicedUnknownFields(UnknownFields):
    """Unknown fields of which long ones are read before, by `read_on`; what came of that holds when they are met."""

    def __init__(self, compiled: CompiledPolicy, ledger: Ledger) -> None:
        super().__init__(compiled, ledger)
        self._ahead: dict[int, bool] = {}  # by a value's id, whether it may leave
        self._collected: list[Read] | None = None

    def passes(self, name: str, value: Any, place: Place) -> bool:
        """See `UnknownFields.passes`."""
        passes = self._ahead.pop(id(value), None)
        return super().passes(name, value, place) if passes is None else passes

    async def read_on(self, name: str, value: Any, place: Place, turns: Turns) -> None:
        """Read a field's value now, if it is long; it must be passed, or forgotten, before it ceases to be."""
        if value.__class__ not in (str, list, dict) or self._drop:
            return
        try:
            passes = await self._read_long(name, value, place, turns)
        except Exception as error:
            passes = self._failed(name, place, error)
        if passes is not None:
            place.passed.pop(name, None)
            self._ahead[id(value)] = passes

    def forget(self) -> None:
        """Forget what came of values that nobody asked for."""
        self._ahead.clear()

    async def _read_long(self, name: str, value: Any, place: Place, turns: Turns) -> bool | None:
        """Return whether a value may leave; `None` where it is short, and has yet to be read."""
        reads: list[Read] = []
        self._collected = reads
        try:
            passes = super()._passes(name, value, _unnoticed(place))
        finally:
            self._collected = None
        if sum(len(text) for _, text, _ in reads) <= turns.characters:
            return None
        found = Found()
        for where, text, is_names in reads:
            await self._read_in_turns(where, text, found, turns, is_names=is_names)
        for detector, rule in sorted(found):
            self._note(detector, rule, name, place)
        return passes and not found

    def _read(self, where: int, text: str, findings: Found, *, personal: bool = True) -> None:
        if self._collected is None or not personal:
            super()._read(where, text, findings, personal=personal)
        else:
            self._collected.append((where, text, False))

    def _read_names(self, where: int, text: str, findings: Found) -> None:
        if self._collected is None:
            super()._read_names(where, text, findings)
        else:
            self._collected.append((where, text, True))

    async def _read_in_turns(
        self, where: int, text: str, found: Found, turns: Turns, *, is_names: bool
    ) -> None:
        if len(text) <= turns.characters:
            (super()._read_names if is_names else super()._read)(where, text, found)
            await turns.rest()
        elif is_names:
            await self._names_in_turns(where, text, found, turns)
        else:
            await self._text_in_turns(where, text, found, turns)

    async def _text_in_turns(self, where: int, text: str, found: Found, turns: Turns) -> None:
        known = self._texts.get(where)
        if known == text or (isinstance(known, PlaceText) and known.repeats(text)):
            return
        place, of_text = self._place_text(where), Found()
        if not place.begin(text):
            found |= place.closed_by
            return
        at = 0
        while at < len(text):
            fresh = slice_of(text, at, turns.characters)
            at += len(fresh)
            place.read(fresh, of_text, last=at >= len(text))
            await turns.rest()
        self._count_open(where, place)
        found |= of_text

    async def _names_in_turns(self, where: int, text: str, found: Found, turns: Turns) -> None:
        whole = self._open_names.pop(where, "") + text
        ending, of_rules = await _scanned(whole, self._rules, turns, last=False)
        if not of_rules and self._personal is not None:
            personal = RuleSet(Patterns(()), None, self._personal)
            _, of_rules = await _scanned(whole, personal, turns, last=True)
        found |= of_rules
        if ending:
            self._open_names[where] = ending
            if len(ending) >= SUSPECT:
                found.add(WITHHELD)


async def _scanned(text: str, rules: RuleSet, turns: Turns, *, last: bool) -> tuple[str, Found]:
    """Return the end of a text that may begin a rule's, and the rules found; `last` says that nothing follows."""
    scanner, held, at = Scanner(rules), "", 0
    named: Found = set()
    while at < len(text):
        fresh = slice_of(text, at, turns.characters)
        at += len(fresh)
        held += fresh
        is_end = at >= len(text)
        found, until = scanner.scan(held, last=last and is_end)
        named.update((rule.detector, rule.name) for start, _, rule in found if is_end or start < until)
        scanner.passed(held[:until])
        held = held[until:]
        await turns.rest()
    return held, named


def _unnoticed(place: Place) -> Place:
    """Return a place that is the same, and keeps nothing of what passes there."""
    same = Place(place.name, place.choice)
    same.key = place.key
    return same
