"""Decide whether the watch policies can be watched for: their size, their texts, and whether they compile."""

from collections.abc import Iterator, Mapping

from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.problems import Problems, dotted
from guardian_cluster.configuration.sections import Sections
from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.errors import printable

MIN_CANARY_LENGTH = 8
"""A shorter mark would occur in honest answers too, and cut them."""

MAX_RULES = 500
"""Deny rules, canaries and own kinds of secrets of one policy. Compiling compares each text with all others, and a
reload compiles while requests wait: 500 take 0.05 s (1.2 s at worst, where all texts begin and end like the mark in
their place), 1,000 up to 4.5 s, 4,000 up to 90 s."""

MAX_CHARACTERS = 50_000
"""Of the texts of all policies together. A text takes memory by the square of its length: 100 rules of 500
characters 64 MB, 500 of 100 characters 34 MB."""


def check_watch(sections: Sections, problems: Problems) -> None:
    """Report policies that are too large, have texts that cannot be meant, or could not be watched for."""
    policies = dict(_policies(sections))
    small_enough = _check_size(policies, problems)
    for path, watch in policies.items():
        if _check_texts(watch, path, problems) and small_enough:
            _check_compiles(watch, path, problems)


def _policies(sections: Sections) -> Iterator[tuple[KeyPath, WatchPolicy]]:
    yield ("watch",), sections.watch
    for name, tenant in sections.tenant.items():
        if tenant.watch is not None:
            yield ("tenant", name, "watch"), tenant.watch


def _check_size(policies: Mapping[KeyPath, WatchPolicy], problems: Problems) -> bool:
    """Report policies with more rules or text than can be compiled in good time, and return whether none is."""
    good, characters = True, 0
    for path, watch in policies.items():
        characters += sum(len(rule.text) for rule in watch.deny) + sum(map(len, watch.canaries))
        rules = len(watch.deny) + len(watch.canaries) + len(watch.secrets)
        if rules > MAX_RULES:
            too_many = (
                f"{dotted(path)} has {rules:,} rules, canaries and kinds of secrets; "
                f"at most {MAX_RULES:,} can be watched for"
            )
            hint = "keep those that matter most, or give tenants policies of their own"
            problems.add(path, "config-too-many-rules", too_many, hint)
            good = False
    if characters > MAX_CHARACTERS:
        too_long = f"the texts of all watch policies together have {characters:,} characters"
        hint = f"at most {MAX_CHARACTERS:,} can be watched for: shorten texts to what tells them from others"
        problems.add(("watch",), "config-too-many-rules", too_long, hint)
        good = False
    return good


def _check_texts(watch: WatchPolicy, path: KeyPath, problems: Problems) -> bool:
    """Report texts that are empty or too short, and return whether there were none."""
    good = True
    for index, rule in enumerate(watch.deny):
        for key, text in (("name", rule.name), ("text", rule.text)):
            if not text.strip():
                where = (*path, "deny", index, key)
                problems.add(where, "config-empty-rule", f"{dotted(where)} must not be empty")
                good = False
    for index, secret in enumerate(watch.secrets):
        if not secret.kind.strip():
            where = (*path, "secrets", index, "kind")
            problems.add(where, "config-empty-rule", f"{dotted(where)} must not be empty")
            good = False
    for index, canary in enumerate(watch.canaries):
        if len(canary.strip()) < MIN_CANARY_LENGTH:
            where = (*path, "canaries", index)
            message = (
                f"{dotted(where)} needs at least {MIN_CANARY_LENGTH} characters, or honest answers contain it"
            )
            problems.add(where, "config-short-canary", message)
            good = False
    return good


def _check_compiles(watch: WatchPolicy, path: KeyPath, problems: Problems) -> None:
    """Report a policy that the gateway could not watch for."""
    # Here, as commands that read no configuration need none of it.
    from guardian_cluster.watcher.policy import CompiledPolicy

    try:
        CompiledPolicy(watch)
    except ValueError as error:
        message = str(error)
        for index, rule in enumerate(watch.deny):
            quoted = problems.quote((*path, "deny", index, "name"), rule.name)
            message = message.replace(repr(rule.name), quoted)
        problems.add(
            path, "config-unwatchable", f"{dotted(path)} cannot be watched for: {printable(message)}"
        )
