"""Redacts text that is kept rather than sent: every text that a rule names, whatever the rule does in an answer."""

import msgspec

from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.patterns import Patterns


class Redaction:
    """Replaces the texts of rules in documents."""

    def __init__(self, patterns: Patterns) -> None:
        rules = tuple(msgspec.structs.replace(rule, action="redact") for rule in patterns.rules)
        self._patterns = Patterns(rules)

    def of_json(self, document: str) -> str:
        """Return a JSON document in which no string, as its reader decodes it, holds a rule's text; it stays JSON."""
        if not self._patterns.rules:
            return document
        return Gate(self._patterns, escaped=True).feed(document, last=True)
