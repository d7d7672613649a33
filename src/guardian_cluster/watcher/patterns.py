"""The texts that must not leave, compiled once for a policy and matched in any stream."""

from typing import Self

import ahocorasick
import msgspec

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.domain.verdict import Action

MAX_PATTERN_CHARACTERS = 512
"""Every proper prefix of a pattern is kept in a set (n * n / 2 characters: 128 KB for the longest)."""


class Rule(msgspec.Struct, frozen=True):
    """One text that must not leave."""

    detector: str
    name: str
    text: str
    action: Action

    @property
    def placeholder(self) -> str:
        """What stands in its place; it holds no character that JSON, Markdown or a shell would read as its own."""
        return f"[redacted:{self.name}]"


Match = tuple[int, int, Rule]
"""Start, end (exclusive) and rule of an occurrence."""


class Patterns:
    """Finds rules in a text, and tells where a rule may still complete in what follows.

    Matching is Aho-Corasick: linear in the text, whatever the number of rules.
    """

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.longest = max((len(rule.text) for rule in rules), default=0)
        self._automaton: ahocorasick.Automaton[Rule] = ahocorasick.Automaton()
        for rule in rules:
            self._automaton.add_word(rule.text, rule)
        if rules:
            self._automaton.make_automaton()
        self._prefixes = frozenset(rule.text[:n] for rule in rules for n in range(1, len(rule.text)))
        self._first = frozenset(rule.text[0] for rule in rules)

    @classmethod
    def of(cls, policy: WatchPolicy) -> Self:
        """Compile a policy's deny-list and canaries.

        Raises:
            ValueError: a text is empty or longer than `MAX_PATTERN_CHARACTERS`.
        """
        denied = [Rule("deny", rule.name, rule.text, rule.action) for rule in policy.deny]
        planted = [
            Rule("canary", f"canary-{n}", text, policy.on_canary) for n, text in enumerate(policy.canaries, 1)
        ]
        for rule in denied + planted:
            if not 0 < len(rule.text) <= MAX_PATTERN_CHARACTERS:
                raise ValueError(
                    f"the text of {rule.detector} rule {rule.name!r} must have 1 to {MAX_PATTERN_CHARACTERS} characters"
                )
        # A text named twice is one rule: the first one's, so that the operator's order decides.
        return cls(tuple({rule.text: rule for rule in reversed(denied + planted)}.values()))

    def as_bytes(self) -> "Patterns":
        """Return the same rules over UTF-8 bytes, each byte written as the character of the same number."""
        return Patterns(
            tuple(msgspec.structs.replace(r, text=r.text.encode().decode("latin-1")) for r in self.rules)
        )

    def find(self, text: str) -> list[Match]:
        """Return every occurrence in the text, leftmost first, the longest first where several start together."""
        if not self.rules:
            return []
        found = [(end + 1 - len(rule.text), end + 1, rule) for end, rule in self._automaton.iter(text)]
        if len(found) > 1:
            found.sort(key=lambda match: (match[0], -match[1]))
        return found

    def open_from(self, text: str) -> int:
        """Return the first position from which the text's end may be the beginning of a rule; its length when nowhere."""
        for start in range(max(0, len(text) - self.longest + 1), len(text)):
            if text[start] in self._first and text[start:] in self._prefixes:
                return start
        return len(text)
