"""What has changed since: files that are watched, and what of a configuration is told to processes at their start."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from guardian_cluster.config import Config
from guardian_cluster.contract.router_model import POINTER_NAME
from guardian_cluster.keys import FILE_NAME
from guardian_cluster.moves_file import FILE_NAME as MOVES_NAME
from guardian_cluster.thresholds import FILE_NAME as THRESHOLDS_NAME


class Seen(NamedTuple):
    """When the files that are watched were written, in ns."""

    keys_at: int | None
    moves_at: int | None
    learned_at: tuple[int | None, ...]

    @classmethod
    def now(cls, folder: Path) -> "Seen":
        """Return when they were, in a data folder."""
        learned = tuple(_modified(folder / name) for name in (POINTER_NAME, THRESHOLDS_NAME))
        return cls(_modified(folder / FILE_NAME), _modified(folder / MOVES_NAME), learned)


def _modified(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def as_started(config: Config, started: Config) -> Config:
    """Return a configuration with what cannot change while serving as it was at the start."""
    gateway = msgspec.structs.replace(config.gateway, listen=started.gateway.listen)
    return msgspec.structs.replace(config, gateway=gateway, data=started.data, log=started.log)


def needs_new_workers(config: Config, last: Config) -> bool:
    """Return whether something has changed that a worker is told when it starts."""
    then, now = last.gateway, config.gateway
    return (now.workers, now.limits, now.tls_certificate, now.tls_key) != (
        then.workers,
        then.limits,
        then.tls_certificate,
        then.tls_key,
    )


def certificate_of(config: Config) -> tuple[int | None, ...]:
    """Return what changes when a certificate is renewed in its place."""
    paths = (config.gateway.tls_certificate, config.gateway.tls_key)
    return tuple(_modified(Path(path)) for path in paths if path)
