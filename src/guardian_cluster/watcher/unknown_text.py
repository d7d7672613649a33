"""The text at one place of an answer that is not known: its pieces are read as one text, what stood before included."""

import re

from guardian_cluster.watcher.patterns import Patterns
from guardian_cluster.watcher.personal_data import PersonalData
from guardian_cluster.watcher.plain_words import frequent_words
from guardian_cluster.watcher.rule import Match
from guardian_cluster.watcher.scanner import RuleSet, Scanner

SUSPECT = 4
"""Fewer characters are common by chance: nearly every id ends in the first letter of some rule."""

_PLAIN = re.compile(r"[^A-Za-z0-9]{0,4}([A-Z]?[a-z]*)[^A-Za-z0-9]{0,4}")
"""How a word looks, with what is set around it."""

_SIGN = re.compile(r"[@:\d]")
"""All personal data holds one of these."""

_PLAIN_LETTERS = 8
"""Of what may be a word, near a word that tells of a secret: without them 4 of 10 pieces of a text that speaks of
passwords would be withheld."""

WITHHELD = ("unknown-field", "withheld")

Found = set[tuple[str, str]]
"""Detectors and rules."""


class PlaceText:
    """What came at one place. After a finding nothing more leaves there: what follows may belong to it."""

    def __init__(self, rules: RuleSet, personal: PersonalData | None) -> None:
        self._rules = rules
        self._reading = _Reading(rules)
        self._personal = _Reading(RuleSet(Patterns(()), None, personal)) if personal is not None else None
        self._first: int | None = None
        self.closed_by: Found = set()
        """What was found. Nothing more leaves there."""
        self.grows = False
        """Whether a piece differed from the first."""
        self.held = ""
        """The end of the text, which a rule may begin with."""

    def begin(self, piece: str) -> bool:
        """Take note of the next piece; return whether it is to be read at all, and is not withheld unread."""
        if self._first is None:
            self._first = hash(piece)
        elif hash(piece) != self._first:
            self.grows = True
        return not self.closed_by

    def repeats(self, piece: str) -> bool:
        """Return whether a piece is what came every time before, and held nothing."""
        return not (self.grows or self.held or self.closed_by) and hash(piece) == self._first

    def read(self, text: str, found: Found, *, last: bool, personal: bool = True) -> None:
        """Read on, and note what is found; `last` says that this ends a piece."""
        matches = self._reading.read(text, last=last)
        found.update((rule.detector, rule.name) for _, _, rule in matches)
        if self._personal is not None and personal:
            items = self._personal.read(text, last=last, by_itself=True)
            found.update((rule.detector, rule.name) for _, _, rule in items)
        self.closed_by |= found
        if not last or self.closed_by:
            return
        self.held = self._reading.held
        if self._may_be_rule() or (personal and self.grows and self._may_be_personal()):
            found.add(WITHHELD)

    def _may_be_rule(self) -> bool:
        """Return whether the end is the beginning of a rule's text, or looks like it where a word told of one."""
        held = self.held
        if len(held) < SUSPECT:
            return False
        word = _PLAIN.fullmatch(held) if self._reading.is_told else None
        if word is None or len(held) - self._rules.scan(held)[1] >= SUSPECT:
            return True
        letters = word[1]
        return len(letters) > _PLAIN_LETTERS and letters.lower() not in frequent_words()

    def _may_be_personal(self) -> bool:
        """Return whether the end looks like personal data that is cut off; any word may be that of an address."""
        held = self._personal.held if self._personal is not None else ""
        if "@" in held:
            return True
        return sum(map(str.isdigit, held)) >= SUSPECT and held == held.upper()


class _Reading:
    """Reads one growing text."""

    def __init__(self, rules: RuleSet) -> None:
        self._scanner = Scanner(rules)
        self.held = ""

    @property
    def is_told(self) -> bool:
        """Whether a word told that what is held may be a secret."""
        return self._scanner.is_told

    def read(self, text: str, *, last: bool, by_itself: bool = False) -> list[Match]:
        """Return what is found; `by_itself` says that what ends with a piece is found although it may go on."""
        held = self.held + text
        found, until = self._scanner.scan(held, last=False)
        if last and by_itself and _SIGN.search(held, until):
            found = self._scanner.scan(held, last=True)[0]
        self._scanner.passed(held[:until])
        self.held = held[until:]
        return [match for match in found if last or match[0] < until]
