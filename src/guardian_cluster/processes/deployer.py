"""Deployment on one host: configuration, keys and what was learned become the snapshot on disk."""

import fcntl
import logging
import os
from pathlib import Path

import msgspec

from guardian_cluster.config import Config, check_listen_address
from guardian_cluster.contract.router_model import POINTER_NAME, Pointer, offer
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import Base, Overlay, Snapshot
from guardian_cluster.contract.snapshot_file import FILE_NAME as SNAPSHOT_NAME
from guardian_cluster.contract.snapshot_file import SERVED_NAME, read_snapshot, write_snapshot
from guardian_cluster.errors import CannotCreate, ConfigError, Problem
from guardian_cluster.keys import FILE_NAME, KeyFile
from guardian_cluster.moves_file import MovesFile
from guardian_cluster.processes.offer import is_there, read_offer
from guardian_cluster.processes.salt import is_salt, new_salt, read_salt, write_salt
from guardian_cluster.thresholds import ThresholdFile

log = logging.getLogger("guardian.supervisor")

LOCK_NAME = "serve.lock"

NOTHING_DEPLOYED = Snapshot(rev=0, base=Base(specialists=()))


class Deployer:
    """Turns configuration and keys into snapshots on disk. A revision is new only where its content is.

    `config` is the one in force: the one deployed last, or at first the one to start with.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._is_deployed = False
        self._salt: Secret | None = None
        self.keys = KeyFile(config.data_folder / FILE_NAME)

    def deploy(self, config: Config) -> Snapshot:
        """Write the snapshot of a configuration and the keys of now, put it in force, and return it.

        Raises:
            CommandError: the keys cannot be read, or the folder cannot be written; what was in force stays.
        """
        snapshot = self._written(config)
        self.config, self._is_deployed = config, True
        return snapshot

    def _written(self, config: Config) -> Snapshot:
        keys = self.keys.load()
        folder = config.data_folder
        on_disk = _readable(folder, SNAPSHOT_NAME)
        # Of a damaged one neither the keys nor the revision may be forgotten.
        last = on_disk or _readable(folder, SERVED_NAME) or NOTHING_DEPLOYED
        if last.base.keys and not keys:
            # A lost file must not open the gateway to everyone.
            hint = f"restore {self.keys.path}; or, to serve without keys, remove {folder}/snapshot*.json too"
            raise CannotCreate(
                Problem(
                    "keys-gone",
                    f"{self.keys.path} is gone, and it held keys",
                    hint=hint,
                    see="guardian key --help",
                )
            )
        if not self._is_deployed or config != self.config:
            # Never to a change of keys alone: the snapshot without the last one has to be written, for it is
            # what closes the gateway to its holder, and to everybody else.
            check_listen_address(config, keys)
        try:
            # In this order: with a new salt, what was learned under another one is withdrawn.
            salt = self._salt_of(folder, last.base)
            base = config.base(keys, _learned(folder, last.base), salt)
            overlay = _with_thresholds(folder, last.overlay)
            overlay = msgspec.structs.replace(overlay, moves=MovesFile(folder).load())
            if on_disk is not None and on_disk.base == base and on_disk.overlay == overlay:
                return on_disk
            snapshot = Snapshot(rev=last.rev + 1, base=base, overlay=overlay)
            write_snapshot(folder, snapshot)
        except OSError as error:
            raise _folder_problem(folder, "written", error) from error
        return snapshot

    def _salt_of(self, folder: Path, last: Base) -> Secret:
        """Return the router's salt: that of the first deployment, for ever. Raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._salt = self._salt or read_salt(folder)
        if self._salt is None and is_salt(last.router_salt):
            self._salt = write_salt(folder, last.router_salt)
        if self._salt is None:
            self._salt = write_salt(folder, new_salt())
            _withdraw(folder)
        return self._salt


def _learned(folder: Path, last: Base) -> str:
    """Return the model to deploy: the one on offer; where the offer cannot be read, the one deployed last."""
    offered = read_offer(folder)
    model = last.router_model if offered is None else offered.model
    return model if is_there(folder, model) else ""


def _with_thresholds(folder: Path, last: Overlay) -> Overlay:
    """Return the overlay with the thresholds in force; a lost or damaged file must not switch detectors off."""
    try:
        thresholds = ThresholdFile(folder).thresholds()
    except ConfigError as error:
        log.error("the thresholds deployed last stay in force", extra={"reason": str(error)})
        return last
    return last if thresholds is None else msgspec.structs.replace(last, thresholds=thresholds)


def _withdraw(folder: Path) -> None:
    """Offer no model any more. Raises OSError."""
    if (folder / POINTER_NAME).exists():
        offer(folder, Pointer())


def _readable(folder: Path, name: str) -> Snapshot | None:
    try:
        return read_snapshot(folder, name)
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        log.error("a snapshot on disk cannot be read", extra={"reason": str(error)})
        return None


def _folder_problem(folder: Path, what: str, error: OSError) -> CannotCreate:
    name = f" ({error.filename})" if error.filename and str(error.filename) != str(folder) else ""
    message = f"{folder} cannot be {what}: {error.strerror}{name}"
    hint = "make it your own and writable, or name another in data.folder or GUARDIAN_DATA__FOLDER"
    return CannotCreate(Problem("data-folder", message, hint=hint, see="guardian config show"))


def lock_folder(folder: Path) -> int:
    """Take a data folder for this supervisor alone, for as long as the descriptor returned is open.

    Raises:
        CannotCreate: another one has it, or it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        hint = "stop that one, or name another folder in data.folder"
        raise CannotCreate(
            Problem(
                "data-folder-in-use",
                f"{folder} is in use by another gateway",
                hint=hint,
                see="guardian serve --help",
            )
        ) from error
    except OSError as error:
        raise _folder_problem(folder, "used", error) from error
    return descriptor
