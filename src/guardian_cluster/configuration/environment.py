"""Lay variables such as `GUARDIAN_GATEWAY__LISTEN`, and options, over the tables of guardian.toml."""

from collections.abc import Mapping
from typing import cast

from guardian_cluster.configuration.decoding import Given
from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.problems import Problems, dotted

PREFIX = "GUARDIAN_"
SEPARATOR = "__"
"""Two underscores, because keys contain single ones; GUARDIAN_KEY, without them, is no key."""


def overlay_environment(
    tables: dict[str, object], environment: Mapping[str, str], problems: Problems
) -> None:
    """Set in `tables` the keys that variables name; reports those inside a value that is no table."""
    for name, value in sorted(environment.items()):
        if name.startswith(PREFIX) and SEPARATOR in name.removeprefix(PREFIX):
            _set(tables, name.removeprefix(PREFIX).split(SEPARATOR), Given(value), name, problems)


def overlay_flags(tables: dict[str, object], flags: Mapping[str, str], problems: Problems) -> None:
    """Set in `tables` the keys that options of the command name: `gateway.listen` comes from `--listen`."""
    for key, value in flags.items():
        parts = key.split(".")
        _set(tables, parts, Given(value), f"--{parts[-1].replace('_', '-')}", problems)


def _set(tables: dict[str, object], parts: list[str], value: Given, origin: str, problems: Problems) -> None:
    path: KeyPath = ()
    table = tables
    for part in parts[:-1]:
        path = (*path, _key(table, part))
        inner = table.setdefault(str(path[-1]), {})
        if not isinstance(inner, dict):
            message = (
                f"cannot set a key inside {dotted(path)}, which is no table; set the whole value instead"
            )
            problems.origins[(*path, origin)] = origin
            return problems.add((*path, origin), "config-environment", message)
        table = cast("dict[str, object]", inner)
    path = (*path, _key(table, parts[-1]))
    table[str(path[-1])] = value
    problems.origins[path] = origin
    return None


def _key(table: dict[str, object], part: str) -> str:
    """Return the key that `part` names; `_` stands for `-` and `.`, which variables cannot have."""
    wanted = part.lower()
    if wanted in table:
        return wanted
    return next((key for key in table if key.lower().replace("-", "_").replace(".", "_") == wanted), wanted)
