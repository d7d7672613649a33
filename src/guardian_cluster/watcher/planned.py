"""Decides what a policy does about a finding, named by its detector and rule; and which policies look for all.

The other way round from the watch, which knows a policy's actions and meets what they are for.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

import msgspec

from guardian_cluster.contract.snapshot import InputAction, PersonalKind, WatchPolicy
from guardian_cluster.domain.verdict import Action
from guardian_cluster.watcher import naming

Planned = Action | InputAction | Literal["ignore"]
"""What is done about a finding. `ignore` is that nobody looks for it."""

NOTHING_DONE = frozenset({"ignore", "observe"})


def planned_for_answer(policy: WatchPolicy, detector: str, rule: str) -> Planned:
    """Return what a policy does about what is found in an answer; of a rule that it does not have, `ignore`."""
    match detector:
        case "deny":
            return _deny_actions(policy).get(rule, "ignore")
        case "canary":
            return policy.on_canary
        case "secret":
            return _of_secret(policy, rule, policy.on_secret)
        case "personal-data":
            return _by_name(policy.personal, rule)
        case "prompt-leak":
            return policy.on_prompt_leak
        case "failed":
            return "cut" if rule in policy.fail_closed else "observe"
        case _:
            return _of_answer(policy, rule)


def planned_for_input(policy: WatchPolicy, detector: str, rule: str) -> Planned:
    """Return what a policy does about what is found in what goes to a model."""
    given = policy.input
    match detector, rule:
        case "deny", _:
            return given.on_deny
        case "secret", _:
            known = rule not in policy.ignored_secrets or any(own.kind == rule for own in policy.secrets)
            return given.on_secret if known else "ignore"
        case "personal-data", _:
            return _by_name(given.personal, rule)
        case "answer", "invisible-characters":
            return given.on_invisible
        case _:
            return "ignore"


def looking_for_all(policy: WatchPolicy) -> Iterator[tuple[frozenset[str], WatchPolicy]]:
    """Yield policies that between them look for everything and end no answer, each with the detectors it is for.

    A watch keeps a bounded number of findings; apart, many of one family do not hide those of another.
    """
    every: tuple[PersonalKind, ...] = get_args(PersonalKind)
    nothing = msgspec.structs.replace(
        policy,
        deny=(),
        canaries=(),
        on_canary="redact",
        secrets=(),
        personal={},
        on_repetition="observe",
        on_schema_violation="observe",
        **dict.fromkeys(_IGNORABLE, "ignore"),
    )
    texts = tuple(msgspec.structs.replace(rule, action="redact") for rule in policy.deny)
    seen = dict.fromkeys((*_SEEN_IN_TEXT, *_SCORED), "observe")
    yield (
        frozenset({"deny", "canary", "answer", "prompt-leak", "failed"}),
        msgspec.structs.replace(nothing, deny=texts, canaries=policy.canaries, **seen),
    )
    own = tuple(msgspec.structs.replace(kind, action=None) for kind in policy.secrets)
    yield (
        frozenset({"secret"}),
        msgspec.structs.replace(nothing, on_secret="redact", secrets=own, ignored_secrets=()),
    )
    personal = dict.fromkeys(every, "redact")
    yield frozenset({"personal-data"}), msgspec.structs.replace(nothing, personal=personal)


_SEEN_IN_TEXT = ("on_prompt_leak", "on_invisible", "on_script_switch", "on_refusal")
_SCORED = ("on_harm", "on_ungrounded")
_IGNORABLE = ("on_secret", *_SEEN_IN_TEXT, *_SCORED)
"""Keys of a policy that can say that nobody looks."""


def _deny_actions(policy: WatchPolicy) -> dict[str, Action]:
    """Return what is done about each text, by the name under which it is reported: the first rule's of that name."""
    texts = [rule.text for rule in policy.deny] + list(policy.canaries)
    actions: dict[str, Action] = {}
    for number, rule in enumerate(policy.deny, 1):
        actions.setdefault(naming.shown(rule.name, f"rule-{number}", texts), rule.action)
    return actions


def _of_secret(policy: WatchPolicy, kind: str, otherwise: Planned) -> Planned:
    for own in policy.secrets:
        if own.kind == kind:
            return own.action or otherwise
    return "ignore" if kind in policy.ignored_secrets else otherwise


def _of_answer(policy: WatchPolicy, rule: str) -> Planned:
    if rule.startswith("format-"):
        return policy.on_schema_violation
    actions: dict[str, Planned] = {
        "repetition": policy.on_repetition,
        "invisible-characters": policy.on_invisible,
        "script-switch": policy.on_script_switch,
        "refusal-opener": policy.on_refusal,
        "empty": policy.on_empty,
        "truncated": policy.on_truncated,
    }
    return actions.get(rule, "observe")


def _by_name(actions: Mapping[PersonalKind, Planned], name: str) -> Planned:
    named: Mapping[str, Planned] = {**actions}
    return named.get(name, "ignore")
