"""guardian.toml -> Config -> the base of a snapshot; the parts are in `configuration/`.

A value comes from the first of: an option of the command, a variable such as `GUARDIAN_GATEWAY__LISTEN`, the
file, its default. Everything that is wrong is reported at once, in one ConfigError; docs/configuration.md
lists what that can be.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from guardian_cluster.configuration.checks import check
from guardian_cluster.configuration.decoding import Decoder
from guardian_cluster.configuration.deployment import deploy
from guardian_cluster.configuration.document import Document, read_document
from guardian_cluster.configuration.environment import overlay_environment, overlay_flags
from guardian_cluster.configuration.interpolation import Interpolation
from guardian_cluster.configuration.problems import Problems
from guardian_cluster.configuration.sections import ListenAddress, Sections
from guardian_cluster.contract.snapshot import ApiKey, Base
from guardian_cluster.errors import ConfigError, Problem

DEFAULT_FILE = "guardian.toml"


class Config(Sections, frozen=True, kw_only=True):
    """All that an operator decided, complete with defaults."""

    def base(self, keys: Iterable[ApiKey] = ()) -> Base:
        """Return what a gateway needs to serve this configuration to the holders of `keys`."""
        return deploy(self, keys)

    @property
    def data_folder(self) -> Path:
        """The folder of keys, databases and spools; it need not exist yet."""
        return Path(self.data.folder) if self.data.folder else platformdirs.user_data_path("guardian")


@dataclass(frozen=True, slots=True)
class Reading:
    """A configuration, and where each of its values came from."""

    config: Config
    problems: Problems
    """None was found; it knows how and where every value was written."""


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
    variables = os.environ if environment is None else environment
    document = Document(DEFAULT_FILE, Path.cwd()) if path is None else read_document(Path(path))
    problems = Problems(document.name, document.lines)
    overlay_environment(document.tables, variables, problems)
    overlay_flags(document.tables, flags or {}, problems)
    interpolation = Interpolation(variables, document.folder)
    decoder = Decoder(problems, interpolation, Path(document.name).name)
    config = decoder.decode(Config, document.tables)
    check(config, problems)
    problems.raise_if_any()
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
