"""A watch policy made ready: compiled once, shared by every watch that follows it."""

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.watcher.harmless import HarmlessTexts
from guardian_cluster.watcher.intake_rules import IntakeRules
from guardian_cluster.watcher.scanner import RuleSet

_LONG_NUMBER_DIGITS = 8
"""A rule spelled in digits is looked for in numbers from this length on: counts of tokens and times must
pass."""


class CompiledPolicy:
    """A policy with its rules compiled.

    Raises:
        ValueError: a rule cannot be watched for; the message names it.
    """

    def __init__(self, policy: WatchPolicy) -> None:
        self.policy = policy
        self.rules = RuleSet.of(policy)
        self.blocking = self.rules.blocking()
        self.words = self.rules.plain_words()
        self.intake = IntakeRules(policy, self.blocking)
        self.blocking_bytes = self.blocking.as_bytes()
        self.harmless = HarmlessTexts()
        self.harmless_tokens = HarmlessTexts()  # not looked at for personal data
        self.harmless_bytes = HarmlessTexts()
        self.watches_numbers = self.blocking.exact.may_be_number(_LONG_NUMBER_DIGITS)
        self.inexact = self.blocking.without_exact().redacting()
        """The blocking rules of kinds of texts, all of which redact."""
        self.observes = _observes(policy)
        """Whether a rule is observed only, so that a raised guard has it redacted."""
        actions = (policy.on_prompt_leak, policy.on_refusal)
        self.holds = any(action not in ("ignore", "observe") for action in actions)
        """Whether a sensor holds text back, and the log probabilities of it."""
        self.drops_unknown = policy.unknown_fields == "drop"
        # What is only observed is not let by once another watcher of the request met a leak.
        self.strips = self.drops_unknown or bool(self.blocking) or self.observes


def _observes(policy: WatchPolicy) -> bool:
    actions = [rule.action for rule in policy.deny] + [kind.action for kind in policy.secrets]
    actions += [policy.on_secret, *(policy.personal or {}).values()]
    return "observe" in actions or (bool(policy.canaries) and policy.on_canary == "observe")
