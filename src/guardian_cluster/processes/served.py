"""Keeps the snapshot that is served, for the next start: one copy of a folder, whichever workers serve it."""

import fcntl
import os
from pathlib import Path

from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.contract.snapshot_file import keep_served

LOCK_NAME = "served.lock"


def keep_one(folder: Path, snapshot: Snapshot) -> bool:
    """Keep a snapshot that is served; return false where another worker is just doing so. Raises OSError."""
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        keep_served(folder, snapshot)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
