"""Reads a configuration for a drill: as a gateway does, but no key is read, and a missing variable stops nothing.

The rehearsal sends no key and reaches no address of the operator's, so a drill runs in any shell and in any pipeline.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from guardian_cluster.config import DEFAULT_FILE, Config
from guardian_cluster.configuration.checks import check
from guardian_cluster.configuration.decoding import Decoder
from guardian_cluster.configuration.document import Document, read_document
from guardian_cluster.configuration.environment import overlay_environment
from guardian_cluster.configuration.interpolation import BadReference, Interpolation, MissingVariable
from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.problems import Problems, dotted

_STAND_IN = "stand-in"

_NEEDED = {"url": "http://stand-in.invalid/v1", "model": _STAND_IN, "text": _STAND_IN, "shape": _STAND_IN}
"""What stands in for a value that cannot be had where a table needs one; elsewhere the default does."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A configuration to rehearse."""

    config: Config
    missing: tuple[str, ...]
    """Keys whose variable or file is missing here, so that something else stands in for them."""


def read_rehearsed(path: Path | None, environment: Mapping[str, str] | None = None) -> Rehearsed:
    """Return the configuration of the file at `path`, or without one the defaults.

    Raises ConfigError as `load_config` does, but for variables and files that are missing, and for keys.
    """
    variables = os.environ if environment is None else environment
    document = Document(DEFAULT_FILE, Path.cwd()) if path is None else read_document(path)
    problems = Problems(document.name, document.lines)
    overlay_environment(document.tables, variables, problems)
    interpolation = Interpolation(variables, document.folder)
    replacing = _Replacing(interpolation)
    replacing.replace_in_table(document.tables, ())
    config = Decoder(problems, interpolation, Path(document.name).name).decode(Config, document.tables)
    check(config, problems)
    problems.raise_if_any()
    return Rehearsed(config, tuple(replacing.missing))


@dataclass(slots=True)
class _Replacing:
    """Goes through parsed tables and replaces what cannot, or shall not, be had."""

    interpolation: Interpolation
    missing: list[str] = field(default_factory=list[str])

    def replace_in_table(self, table: dict[str, object], path: KeyPath) -> None:
        """Replace within one table, and within what is in it."""
        for key, value in list(table.items()):
            if key == "api_key" and isinstance(value, str):
                del table[key]
            elif isinstance(value, str) and self._is_missing(value, (*path, key)):
                table.pop(key)
                table.update({key: _NEEDED[key]} if key in _NEEDED else {})
            else:
                self._replace_within(value, (*path, key))

    def _replace_within(self, value: object, path: KeyPath) -> None:
        if isinstance(value, dict):
            self.replace_in_table(cast("dict[str, object]", value), path)
        elif isinstance(value, list):
            self._replace_in_list(cast("list[object]", value), path)

    def _replace_in_list(self, items: list[object], path: KeyPath) -> None:
        for index, item in enumerate(items):
            if isinstance(item, str) and self._is_missing(item, (*path, index)):
                items[index] = _STAND_IN
            else:
                self._replace_within(item, (*path, index))

    def _is_missing(self, text: str, path: KeyPath) -> bool:
        """Return whether a value names a variable or file that is not there; other mistakes are the decoder's."""
        try:
            self.interpolation.apply(text)
        except MissingVariable:
            self.missing.append(dotted(path))
            return True
        except BadReference:
            if "${file:" in text:
                self.missing.append(dotted(path))
            return "${file:" in text
        return False
