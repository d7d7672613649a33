"""A watch policy made ready: compiled once, shared by every watch that follows it."""

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.watcher.harmless import HarmlessTexts
from guardian_cluster.watcher.patterns import Patterns

_LONG_NUMBER_DIGITS = 8
"""A rule spelled in digits is looked for in numbers from this length on: counts of tokens and times must
pass."""


class CompiledPolicy:
    """A policy with its patterns compiled.

    Raises:
        ValueError: a rule cannot be watched for; the message names it.
    """

    def __init__(self, policy: WatchPolicy) -> None:
        self.policy = policy
        self.patterns = Patterns.of(policy)
        self.blocking = self.patterns.blocking()
        self.blocking_bytes = self.blocking.as_bytes()
        self.harmless = HarmlessTexts()
        self.harmless_bytes = HarmlessTexts()
        self.watches_numbers = self.blocking.may_be_number(_LONG_NUMBER_DIGITS)
        self.drops_unknown = policy.unknown_fields == "drop"
        self.strips = self.drops_unknown or bool(self.blocking.rules)
