"""What is looked for on the way in: the rules of a policy with the actions that it has for requests."""

from collections.abc import Mapping

import msgspec

from guardian_cluster.contract.snapshot import InputPolicy, WatchPolicy
from guardian_cluster.domain.verdict import Action
from guardian_cluster.watcher.scanner import RuleSet

_AS_RULE: Mapping[str, Action] = {"observe": "observe", "redact": "redact", "block": "cut"}
"""A rule that ends an answer is, on the way in, one that refuses the request."""


class IntakeRules:
    """The rules for requests, compiled.

    Raises:
        ValueError: a rule cannot be looked for; the message names it.
    """

    def __init__(self, policy: WatchPolicy, leaving: RuleSet) -> None:
        """Compile for a policy; `leaving` are its rules that keep a text from leaving in an answer."""
        self.policy: InputPolicy = policy.input
        self.fail_closed = frozenset[str](policy.fail_closed)
        """Detectors whose own failure refuses a request."""
        self.rules = RuleSet.of(_for_requests(policy))
        self.leaving = leaving.redacting()
        """What is put back into an answer is redacted by these."""
        self.searches = bool(self.rules) or policy.input.on_invisible != "ignore"
        """Whether any text of a request is looked at."""
        self.changes = bool(self.rules.blocking()) or policy.input.on_invisible in ("redact", "block")
        """Whether a text may be changed or refused, and not noted only."""


def rules_of_kept(policy: WatchPolicy, rules: RuleSet) -> RuleSet:
    """Return all that is taken out of what is kept: `rules`, the policy's own, and those that it has for requests.

    A request may go on with a text that its policy only observes there, and looks for nowhere else.
    """
    wanted = policy.input
    both = msgspec.structs.replace(
        policy,
        on_secret=policy.on_secret
        if policy.on_secret != "ignore"
        else _AS_RULE.get(wanted.on_secret, "ignore"),
        personal={kind: _AS_RULE[action] for kind, action in wanted.personal.items()} | policy.personal,
    )
    return rules if both == policy else RuleSet.of(both)


def _for_requests(policy: WatchPolicy) -> WatchPolicy:
    """Return a policy of the same rules, each with what is done about it in a request."""
    wanted = policy.input
    on_deny, on_secret = _AS_RULE.get(wanted.on_deny), _AS_RULE.get(wanted.on_secret)
    deny = tuple(msgspec.structs.replace(rule, action=on_deny) for rule in policy.deny) if on_deny else ()
    secrets = tuple(msgspec.structs.replace(kind, action=None) for kind in policy.secrets)
    return msgspec.structs.replace(
        policy,
        deny=deny,
        canaries=(),
        on_secret=on_secret or "ignore",
        secrets=secrets if on_secret else (),
        personal={kind: _AS_RULE[action] for kind, action in wanted.personal.items()},
    )
