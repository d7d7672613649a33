"""Personal data as rules: which kinds are looked for, and what is done about each."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import msgspec

from guardian_cluster.contract.snapshot import PersonalKind
from guardian_cluster.domain.verdict import Action
from guardian_cluster.watcher import naming
from guardian_cluster.watcher.rule import Rule, Scanned

if TYPE_CHECKING:
    from guardian_cluster.watcher.pii.detector import PiiDetector


class PersonalData:
    """Finds the kinds of personal data that a policy names."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self._scan = _detector(frozenset(rules)).scan

    @classmethod
    def of(cls, actions: Mapping[PersonalKind, Action]) -> Self:
        """Prepare for kinds, each with what is done about it.

        Raises:
            ValueError: a kind is not known.
        """
        return cls(
            {
                kind: Rule("personal-data", kind, "", action, naming.placeholder(kind, ()))
                for kind, action in actions.items()
            }
        )

    def blocking(self) -> "PersonalData | None":
        """Return the kinds that are kept from leaving."""
        kept = {kind: rule for kind, rule in self._rules.items() if rule.blocks}
        return PersonalData(kept) if kept else None

    def redacting(self) -> "PersonalData":
        """Return the same kinds, all of which are redacted."""
        rules = {kind: msgspec.structs.replace(rule, action="redact") for kind, rule in self._rules.items()}
        return PersonalData(rules)

    def scan(self, text: str, before: str, *, last: bool) -> Scanned:
        """Return what is found in a text, `before` which something may stand, and from where it is undecided."""
        items, until = self._scan(text, last=last, before=before)
        return [(start, end, self._rules[kind]) for start, end, kind, _ in items], until


@lru_cache(maxsize=64)
def _detector(kinds: frozenset[str]) -> "PiiDetector":
    # Loaded here: some kinds bring libraries along that no other policy needs.
    from guardian_cluster.watcher.pii.detector import PiiDetector

    return PiiDetector(kinds)
