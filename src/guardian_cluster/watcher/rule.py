"""A rule: something that must not leave, by its text or its shape, and what is done when it is about to."""

from collections.abc import Sequence

import msgspec

from guardian_cluster.domain.verdict import Action
from guardian_cluster.watcher.shape import RunOn, Tail


class Rule(msgspec.Struct, frozen=True):
    """One text that must not leave, or one kind of text."""

    detector: str
    name: str
    text: str
    """The text itself; of a kind, the literal text that it begins with, if there is any."""
    action: Action
    placeholder: str = "[redacted]"
    """What stands in its place."""
    tail: Tail | None = None
    """What follows a kind's literal beginning."""

    @property
    def blocks(self) -> bool:
        """Whether the text is kept from leaving, and not noted only."""
        return self.action != "observe"

    def redacting(self) -> "Rule":
        """Return the same rule, which redacts."""
        return msgspec.structs.replace(self, action="redact")

    def run_on(self, text: str, at: int) -> RunOn:
        """Return up to where a text goes on whose end was found, and whether what follows may belong to it."""
        return (at, False) if self.tail is None else self.tail.run_on(text, at)


_LONGEST_CHAIN = 1_024
"""Characters of findings that overlap one another, after which what stands in the last of them is looked at by itself:
what is held must end."""

Match = tuple[int, int, Rule]
"""Start, end (exclusive) and rule of an occurrence."""

Scanned = tuple[Sequence[Match], int]
"""What was found, and the first position from which something may still be completed by what follows."""


def before_chain(found: Sequence[Match], until: int) -> int:
    """Return a position that lies in nothing that was found: what stands in it would begin something else.

    Exact texts do not count, for they are found wherever they begin.
    """
    first = until
    for start, end, rule in reversed(found):
        if start < first < end and (rule.tail is not None or not rule.text):
            first = start
    return first if until - first <= _LONGEST_CHAIN else until
