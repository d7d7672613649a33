"""Owns `router.salt`: under which an installation turns questions into features, made once and never changed."""

import os
from pathlib import Path

from guardian_cluster.contract.secret import Secret

FILE_NAME = "router.salt"
SALT_BYTES = 32


def read_salt(folder: Path) -> Secret | None:
    """Return the salt of a data folder; `None` where there is none, or a damaged one. Raises OSError."""
    try:
        salt = (folder / FILE_NAME).read_bytes()
    except FileNotFoundError:
        return None
    return _secret(salt) if len(salt) == SALT_BYTES else None


def is_salt(secret: Secret) -> bool:
    """Return whether a secret, such as that of a snapshot, can be a salt."""
    try:
        return len(bytes.fromhex(secret.value)) == SALT_BYTES
    except ValueError:
        return False


def write_salt(folder: Path, secret: Secret) -> Secret:
    """Keep a salt, whole or not at all, for the owner's eyes alone. Raises OSError."""
    fresh = folder / f"{FILE_NAME}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(bytes.fromhex(secret.value))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / FILE_NAME)
    return _secret(bytes.fromhex(secret.value))


def new_salt() -> Secret:
    """Return a salt that nobody has."""
    return _secret(os.urandom(SALT_BYTES))


def _secret(salt: bytes) -> Secret:
    return Secret(salt.hex(), FILE_NAME)
