"""Decide whether names are well-formed and every reference to a specialist leads to one."""

import re
from collections.abc import Mapping

from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.problems import Problems
from guardian_cluster.configuration.sections import Sections, SpecialistSection
from guardian_cluster.errors import printable

_Specialists = Mapping[str, SpecialistSection]

AUTO = ("auto", "auto:cheap", "auto:fast", "auto:best")
"""The model names that leave the choice of specialist to the router."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
NAME_RULE = "may only have the characters a-z 0-9 . _ -"

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
"""Wider than a name: an alias repeats what a client is built to ask for, such as `openai/gpt-4o`."""


def is_name(text: str) -> bool:
    """Return whether a specialist or tenant may have this name."""
    return _NAME.fullmatch(text) is not None


def check_names(sections: Sections, problems: Problems) -> None:
    """Report malformed and reserved names, and aliases and tenants that lead nowhere."""
    for kind, path, names in (
        ("specialist", ("specialist",), sections.specialist),
        ("tenant", ("tenant",), sections.tenant),
        ("sink", ("alerts", "sinks"), sections.alerts.sinks),
    ):
        for name in names:
            if not is_name(name):
                message = f'{kind} name "{printable(name)}" {NAME_RULE}'
                hint = "at most 64 of them, the first a letter or digit"
                problems.add((*path, name), "config-bad-name", message, hint)
    if AUTO[0] in sections.specialist:  # the others have a character that no name has
        _reserved(("specialist", AUTO[0]), problems)
    enabled = sections.enabled_specialists()
    for alias in sections.alias:
        _check_alias(alias, sections, enabled, problems)
    _check_tenants(sections, enabled, problems)
    if narrator := sections.guardians.narrator:
        path = ("guardians", "narrator")
        check_reference("guardians.narrator", narrator, path, sections, enabled, problems)


def _check_alias(alias: str, sections: Sections, enabled: _Specialists, problems: Problems) -> None:
    path = ("alias", alias)
    shown = f'alias "{printable(alias)}"'
    if _ALIAS.fullmatch(alias) is None:
        hint = "at most 128 of them, the first a letter or digit"
        message = f"{shown} may only have the characters A-Z a-z 0-9 . _ : / @ + -"
        problems.add(path, "config-bad-name", message, hint)
    elif alias in AUTO:
        _reserved(path, problems)
    elif alias in enabled:
        problems.add(path, "config-alias-shadows", f"{shown} hides the specialist of the same name")
    elif sections.alias[alias] not in AUTO:
        check_reference(shown, sections.alias[alias], path, sections, enabled, problems)


def _check_tenants(sections: Sections, enabled: _Specialists, problems: Problems) -> None:
    labels = {label for each in enabled.values() for label in each.labels}
    for tenant, section in sections.tenant.items():
        for index, name in enumerate(section.specialists):
            path = ("tenant", tenant, "specialists", index)
            check_reference(f"[tenant.{printable(tenant)}]", name, path, sections, enabled, problems)
        for label in sorted(set(section.requires) - labels):
            path = ("tenant", tenant, "requires")
            quoted = problems.quote(path, label)
            message = f"[tenant.{printable(tenant)}] requires the label {quoted}, which no specialist has"
            hint = "give it to one, as in labels = [...] of a [specialist.NAME]"
            problems.add(path, "config-unknown-label", message, hint)


def check_reference(
    subject: str,
    name: str,
    path: KeyPath,
    sections: Sections,
    enabled: _Specialists,
    problems: Problems,
) -> None:
    """Report where `subject` names, at `path`, what is no specialist that takes part."""
    if name in enabled:
        return
    shown = problems.quote(path, name)
    if name in sections.alias:
        message = f"{subject} names {shown}, which is an alias; write the specialist itself"
        problems.add(path, "config-unknown-specialist", message)
    elif name in sections.specialist:
        message = f"{subject} names the specialist {shown}, which is not enabled"
        problems.add(path, "config-unknown-specialist", message)
    else:
        hint, _ = problems.suggest(name, enabled)
        message = f"{subject} names {shown}, but there is no such specialist"
        problems.add(path, "config-unknown-specialist", message, hint)


def _reserved(path: KeyPath, problems: Problems) -> None:
    problems.add(path, "config-reserved-name", f'"{path[-1]}" is a name of the router; choose another')
