"""The keys clients show: how one looks, and the file that keeps their hashes.

A key is `sk-gc-<public id>-<secret>`. Only the SHA-256 of the whole is kept, so it can be shown once and
never again. Every change is made under a lock and written as a whole new file: two commands at once lose no
key, and a crash leaves the old file.
"""

import hashlib
import re
import secrets
import string
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from guardian_cluster.configuration.sections import DEFAULT_TENANT
from guardian_cluster.contract.snapshot import ApiKey, Frozen, Limits, Role
from guardian_cluster.errors import BadArgument, CannotCreate, ConfigError, Problem, printable
from guardian_cluster.locked_file import LockedFile

FILE_NAME = "keys.json"
PREFIX = "sk-gc-"

_ID_ALPHABET = string.ascii_letters + string.digits
"""Neither `-` nor `_`, so that the id of a key ends where it seems to, and a double click selects it."""

_ID_LENGTH = 12
"""71 bits: two of a million keys share an id with a probability of 10^-10; `add` looks anyway."""

_SECRET_BYTES = 32
_KEY = re.compile(r"sk-gc-([A-Za-z0-9]{12})-[A-Za-z0-9_-]{43}")
_MAX_BYTES = 64_000_000


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
        self._file = LockedFile(path, most_bytes=_MAX_BYTES, lock_timeout_s=lock_timeout_s)

    def load(self) -> tuple[ApiKey, ...]:
        """Return all keys, revoked ones too, oldest first; raises ConfigError where the file is damaged."""
        try:
            content = self._file.read()
        except OSError as error:
            raise self._damaged(f"cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise self._damaged(str(error)) from error
        return () if content is None else self._decoded(content)

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
        try:
            self._file.write(msgspec.json.format(msgspec.json.encode(_Kept(keys=keys)), indent=1))
        except OSError as error:
            raise _cannot_create(self.path, error) from error

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Let no other process come between. Raises CannotCreate where the file cannot be locked."""
        try:
            with self._file.locked():
                yield
        except TimeoutError as error:
            raise CannotCreate(Problem("keys-locked", str(error), see="guardian key --help")) from None
        except OSError as error:
            raise _cannot_create(self._file.lock, error) from error


def _new_key(taken: set[str]) -> str:
    while True:
        identity = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
        if identity not in taken:
            return f"{PREFIX}{identity}-{secrets.token_urlsafe(_SECRET_BYTES)}"


def _cannot_create(path: Path, error: OSError) -> CannotCreate:
    hint = "set another place with [data] folder in guardian.toml"
    message = f"{path} cannot be written: {error.strerror}"
    return CannotCreate(Problem("keys-unwritable", message, hint=hint, see="guardian config show"))
