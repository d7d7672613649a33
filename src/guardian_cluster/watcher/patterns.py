"""The texts that must not leave, compiled once for a policy and matched in any stream."""

from typing import Self

import ahocorasick
import msgspec

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.watcher import naming
from guardian_cluster.watcher.rule import Match, Rule

MAX_PATTERN_CHARACTERS = 512
"""Every proper prefix of a pattern is kept in a set (n * n / 2 characters: 128 KB for the longest)."""

_FEW = 8
"""Up to so many rules a search for each is quicker than the automaton: thrice, for four rules and an answer
of 1 KB."""

_NUMBER = frozenset("0123456789.+-e")


class Patterns:
    """Finds rules in a text, and tells where a rule may still complete in what follows.

    Matching many rules is Aho-Corasick: linear in the text, whatever their number.
    """

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.longest = max((len(rule.text) for rule in rules), default=0)
        self._few = tuple(rule.text for rule in rules) if len(rules) <= _FEW else None
        self._automaton: ahocorasick.Automaton[Rule] = ahocorasick.Automaton()
        for rule in rules:
            self._automaton.add_word(rule.text, rule)
        if rules:
            self._automaton.make_automaton()
        self._prefixes = frozenset(rule.text[:n] for rule in rules for n in range(1, len(rule.text)))
        self._starts = self._prefixes | {rule.text for rule in rules}
        self._first = frozenset(prefix for prefix in self._prefixes if len(prefix) == 1)
        self._reach: dict[str, int] = {}  # the last two characters of prefixes -> length of the longest
        for prefix in self._prefixes:
            self._reach[prefix[-2:]] = max(len(prefix), self._reach.get(prefix[-2:], 0))

    @classmethod
    def of(cls, policy: WatchPolicy) -> Self:
        """Compile a policy's deny-list and canaries.

        Raises:
            ValueError: a text is empty, too long or not Unicode, or nothing can stand in its place.
        """
        named = [Rule("deny", rule.name, rule.text, rule.action) for rule in policy.deny]
        named += [
            Rule("canary", f"canary-{n}", text, policy.on_canary) for n, text in enumerate(policy.canaries, 1)
        ]
        for rule in named:
            _check(rule)
        texts = [rule.text for rule in named]
        rules = [_presentable(rule, n, texts) for n, rule in enumerate(named, 1)]
        # A text named twice is one rule: the first one's, so that the operator's order decides.
        return cls(tuple({rule.text: rule for rule in reversed(rules)}.values()))

    def blocking(self) -> "Patterns":
        """Return the rules that keep a text from leaving."""
        return Patterns(tuple(rule for rule in self.rules if rule.blocks))

    def redacting(self) -> "Patterns":
        """Return the same rules, all of which redact."""
        return Patterns(tuple(msgspec.structs.replace(rule, action="redact") for rule in self.rules))

    def as_bytes(self) -> "Patterns":
        """Return the same rules over UTF-8 bytes, each byte written as the character of the same number."""
        return Patterns(
            tuple(msgspec.structs.replace(r, text=r.text.encode().decode("latin-1")) for r in self.rules)
        )

    def may_be_number(self, digits: int) -> bool:
        """Return whether a rule of at least so many characters may be written as a JSON number."""
        return any(len(rule.text) >= digits and _NUMBER.issuperset(rule.text) for rule in self.rules)

    def find(self, text: str) -> list[Match]:
        """Return every occurrence in the text, leftmost first, the longest first where several start."""
        if self._few is not None:
            for needle in self._few:
                if needle in text:
                    break
            else:
                return []
        found = [(end + 1 - len(rule.text), end + 1, rule) for end, rule in self._automaton.iter(text)]
        if len(found) > 1:
            found.sort(key=lambda match: (match[0], -match[1]))
        return found

    def open_from(self, text: str) -> int:
        """Return the first position from which the text's end may be the beginning of a rule, or its length.

        Nearly every text ends in two characters that no beginning of a rule ends in, and is looked at no
        further.
        """
        size = len(text)
        reach = self._reach.get(text[-2:])
        if reach is None:
            return size - 1 if text[-1:] in self._first else size
        for start in range(max(0, size - reach), size):
            if text[start] in self._first and text[start:] in self._prefixes:
                return start
        return size

    def starts_with(self, text: str) -> bool:
        """Return whether a rule starts with the text, or is it."""
        return text in self._starts

    def is_open(self, text: str) -> bool:
        """Return whether the text is the beginning of a rule."""
        return text in self._prefixes


def _check(rule: Rule) -> None:
    named = f"the text of {rule.detector} rule {rule.name!r}"
    if not 0 < len(rule.text) <= MAX_PATTERN_CHARACTERS:
        raise ValueError(f"{named} must have 1 to {MAX_PATTERN_CHARACTERS} characters")
    if any("\ud800" <= character <= "\udfff" for character in rule.text):
        raise ValueError(f"{named} holds half a surrogate pair; write the character")


def _presentable(rule: Rule, number: int, texts: list[str]) -> Rule:
    """Return a rule under a name, and with what stands in its place, that give no text away."""
    shown = naming.shown(rule.name, f"rule-{number}", texts)
    return msgspec.structs.replace(rule, name=shown, placeholder=naming.placeholder(shown, texts))
