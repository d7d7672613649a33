"""What is deployed at the moment, as the control process reads it off the disk whenever it changes."""

import asyncio
import logging
from pathlib import Path

from guardian_cluster.contract.snapshot import Base, Snapshot
from guardian_cluster.contract.snapshot_file import read_snapshot, stamp

log = logging.getLogger("guardian.monitoring")

NOTHING = Snapshot(rev=0, base=Base(specialists=()))


class Deployed:
    """The snapshot of a data folder; the last one that could be read stays."""

    def __init__(self, folder: Path) -> None:
        self.snapshot = NOTHING
        self._folder = folder
        self._stamp: tuple[int, int] | None = None

    @property
    def base(self) -> Base:
        """All that is needed to serve, as deployed last."""
        return self.snapshot.base

    async def refresh(self) -> Snapshot | None:
        """Read the snapshot where another one was deployed; return the one before it, `None` where nothing changed."""
        now = stamp(self._folder)
        if now is None or now == self._stamp:
            return None
        try:
            read = await asyncio.to_thread(read_snapshot, self._folder)
        except (OSError, ValueError) as error:
            self._stamp = now  # said once; the next one is read again
            log.error("what is deployed cannot be read", extra={"reason": str(error)})
            return None
        before, self.snapshot, self._stamp = self.snapshot, read, now
        return before if before != read else None
