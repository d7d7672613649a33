"""The keys clients show: how one looks, and the file that keeps their hashes.

A key is `sk-gc-<public id>-<secret>`. Only the SHA-256 of the whole is kept, so it can be shown once and
never again. Every change is made under a lock and written as a whole new file: two commands at once lose no
key, and a crash leaves the old file.
"""

import fcntl
import hashlib
import os
import re
import secrets
import string
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from guardian_cluster.configuration.sections import DEFAULT_TENANT
from guardian_cluster.contract.snapshot import ApiKey, Frozen, Limits, Role
from guardian_cluster.errors import BadArgument, CannotCreate, ConfigError, Problem, printable

FILE_NAME = "keys.json"
PREFIX = "sk-gc-"

_ID_ALPHABET = string.ascii_letters + string.digits
"""Neither `-` nor `_`, so that the id of a key ends where it seems to, and a double click selects it."""

_ID_LENGTH = 12
"""71 bits: two of a million keys share an id with a probability of 10^-10; `add` looks anyway."""

_SECRET_BYTES = 32
_KEY = re.compile(r"sk-gc-([A-Za-z0-9]{12})-[A-Za-z0-9_-]{43}")
_MAX_BYTES = 64_000_000
_LOCK_POLL_S = 0.02
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


class _Kept(Frozen, frozen=True, kw_only=True):
    version: Literal[1] = 1
    keys: tuple[ApiKey, ...] = ()


def public_id(key: str) -> str | None:
    """Return the public part of `key`; `None` where it has not the form of a key."""
    match = _KEY.fullmatch(key)
    return match.group(1) if match else None


def digest(key: str) -> str:
    """Return what is kept of `key`."""
    return hashlib.sha256(key.encode()).hexdigest()


class KeyFile:
    """The keys of one data folder."""

    def __init__(self, path: Path, *, lock_timeout_s: float = 10.0) -> None:
        self.path = path
        self._lock_timeout_s = lock_timeout_s

    def load(self) -> tuple[ApiKey, ...]:
        """Return all keys, revoked ones too, oldest first; raises ConfigError where the file is damaged."""
        try:
            with self.path.open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._damaged(f"cannot be read: {error.strerror}") from error
        return self._decoded(content)

    def add(
        self,
        *,
        created: float,
        tenant: str = DEFAULT_TENANT,
        role: Role = "client",
        models: tuple[str, ...] = (),
        limits: Limits | None = None,
    ) -> str:
        """Make a key and keep its hash; `created` is Unix time. The key returned cannot be had again."""
        with self._locked():
            keys = self.load()
            key = _new_key(taken={each.id for each in keys})
            kept = ApiKey(
                id=public_id(key) or "",
                sha256=digest(key),
                tenant=tenant,
                role=role,
                models=models,
                limits=limits or Limits(),
                created=created,
            )
            self._write((*keys, kept))
        return key

    def revoke(self, key: str, *, at: float) -> ApiKey:
        """Mark a key, given by its public id or whole, as revoked at Unix time `at`, unless it is already."""
        wanted = public_id(key) or key
        with self._locked():
            keys = {each.id: each for each in self.load()}
            found = keys.get(wanted)
            if found is None:
                message = f'there is no key "{printable(wanted, 20)}" in {self.path}'
                raise BadArgument(Problem("keys-unknown", message, see="guardian key list"))
            if found.revoked is None:
                found = keys[wanted] = msgspec.structs.replace(found, revoked=at)
                self._write(tuple(keys.values()))
        return found

    def _decoded(self, content: bytes) -> tuple[ApiKey, ...]:
        if len(content) > _MAX_BYTES:
            raise self._damaged(f"is larger than {_MAX_BYTES:,} bytes")
        try:
            keys = msgspec.json.decode(content, type=_Kept).keys
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._damaged(f"is damaged: {printable(str(error), 200)}") from error
        if len({key.id for key in keys}) < len(keys):
            raise self._damaged("is damaged: two keys have the same id")
        return keys

    def _damaged(self, what: str) -> ConfigError:
        hint = "restore it from a backup, or move it away and make new keys"
        return ConfigError(
            Problem("keys-unreadable", what, place=str(self.path), hint=hint, see="guardian key --help")
        )

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        """Replace the file as a whole. Flushing it and its folder makes the change outlive a power cut."""
        new = self.path.with_suffix(".json.new")
        content = msgspec.json.format(msgspec.json.encode(_Kept(keys=keys)), indent=1)
        try:
            new.unlink(missing_ok=True)  # what a killed command may have left
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            new.replace(self.path)
            _flush_folder(self.path.parent)
        except OSError as error:
            raise _cannot_create(self.path, error) from error

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Hold the lock of the folder; a lock file of its own, because the key file itself is replaced."""
        lock = self.path.with_suffix(".lock")
        try:
            self.path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        except OSError as error:
            raise _cannot_create(lock, error) from error
        try:
            _wait_for(descriptor, lock, self._lock_timeout_s)
            yield
        finally:
            os.close(descriptor)


def _new_key(taken: set[str]) -> str:
    while True:
        identity = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
        if identity not in taken:
            return f"{PREFIX}{identity}-{secrets.token_urlsafe(_SECRET_BYTES)}"


def _wait_for(descriptor: int, lock: Path, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                message = f"{lock} has been locked by another process for {timeout_s:g} s"
                problem = Problem("keys-locked", message, see="guardian key --help")
                raise CannotCreate(problem) from None
        time.sleep(_LOCK_POLL_S)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_create(path: Path, error: OSError) -> CannotCreate:
    hint = "set another place with [data] folder in guardian.toml"
    message = f"{path} cannot be written: {error.strerror}"
    return CannotCreate(Problem("keys-unwritable", message, hint=hint, see="guardian config show"))
