"""guardian.toml -> Config -> the base of a snapshot; the parts are in `configuration/`.

A value comes from the first of: an option of the command, a variable such as `GUARDIAN_GATEWAY__LISTEN`, the
file, its default. Everything that is wrong is reported at once, in one ConfigError; docs/configuration.md
lists what that can be.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from guardian_cluster.configuration.checks import check
from guardian_cluster.configuration.decoding import Decoder
from guardian_cluster.configuration.deployment import NO_SALT, deploy
from guardian_cluster.configuration.document import Document, read_document
from guardian_cluster.configuration.environment import overlay_environment, overlay_flags
from guardian_cluster.configuration.interpolation import Interpolation
from guardian_cluster.configuration.problems import Problems
from guardian_cluster.configuration.sections import ListenAddress, Sections
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import ApiKey, Base
from guardian_cluster.errors import ConfigError, Problem

DEFAULT_FILE = "guardian.toml"


class Config(Sections, frozen=True, kw_only=True):
    """All that an operator decided, complete with defaults."""

    def base(
        self, keys: Iterable[ApiKey] = (), router_model: str = "", router_salt: Secret = NO_SALT
    ) -> Base:
        """Return what a gateway needs to serve this configuration to the holders of `keys`.

        `router_model` names what the router has learned (contract/router_model.py), under `router_salt`.
        """
        return deploy(self, keys, router_model, router_salt)

    @property
    def data_folder(self) -> Path:
        """The folder of keys, databases and spools; it need not exist yet."""
        return Path(self.data.folder) if self.data.folder else platformdirs.user_data_path("guardian")


@dataclass(frozen=True, slots=True)
class Reading:
    """A configuration, and where each of its values came from."""

    config: Config
    problems: Problems
    """What was found; it knows how and where every value was written."""


def load_config(
    path: Path | str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> Config:
    """Return the configuration of the file at `path`, or without one the defaults.

    `flags` are options given to the command, such as `{"gateway.listen": "0.0.0.0:80"}`; `environment` is the
    process's own unless given. Raises ConfigError with all problems.
    """
    return read_config(path, environment=environment, flags=flags).config


def read_config(
    path: Path | str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> Reading:
    """Do what `load_config` does, and keep where the values came from."""
    reading = _read(path, os.environ if environment is None else environment, flags or {})
    reading.problems.raise_if_any()
    return reading


def load_sections(
    needed: Collection[str],
    path: Path | str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> tuple[Config, int]:
    """Return what can be read of a configuration, and how many problems it has outside of the sections `needed`.

    A leaked key must be revocable, and a document ingested, in a shell that has not the variables of the gateway.
    Demanded are the sections needed, and that each section is one there is, for a misspelt one may be one of them.
    Whatever is wrong in the others has its default instead. Raises ConfigError with all else, and where the file is
    no TOML.
    """
    reading = _read(path, os.environ if environment is None else environment, {})
    others = [name for name in Config.__struct_fields__ if name not in needed]
    return reading.config, reading.problems.raise_outside(others)


def _read(path: Path | str | None, variables: Mapping[str, str], flags: Mapping[str, str]) -> Reading:
    """Read all that there is, whatever is wrong with it."""
    document = Document(DEFAULT_FILE, Path.cwd()) if path is None else read_document(Path(path))
    problems = Problems(document.name, document.lines)
    overlay_environment(document.tables, variables, problems)
    overlay_flags(document.tables, flags, problems)
    interpolation = Interpolation(variables, document.folder)
    decoder = Decoder(problems, interpolation, Path(document.name).name)
    config = decoder.decode(Config, document.tables)
    check(config, problems)
    return Reading(config, problems)


def find_config(path: Path | str | None = None) -> Path | None:
    """Return the file to read: the one named, or else guardian.toml of the current folder, if any."""
    if path is not None:
        return Path(path)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None


def check_listen_address(config: Config, keys: Iterable[ApiKey]) -> None:
    """Raise ConfigError where other machines could use the gateway without a key."""
    if ListenAddress.parse(config.gateway.listen).is_loopback or any(key.revoked is None for key in keys):
        return
    message = f"{config.gateway.listen} can be reached by other machines, and there is no key to ask them for"
    hint = "make one with: guardian key new      (or listen on 127.0.0.1)"
    raise ConfigError(Problem("config-open-listen", message, hint=hint, see="guardian key --help"))
