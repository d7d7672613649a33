"""Keeps batches on disk that nobody takes, and sends them once somebody does; fresh batches overtake them.

All disk work is done in one thread, under a time limit: a disk that hangs costs reports and no request.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from guardian_cluster.contract import link
from guardian_cluster.contract.link import LinkError
from guardian_cluster.storage.spool import Spool
from guardian_cluster.telemetry.changes import Changes
from guardian_cluster.telemetry.complaints import Complaints
from guardian_cluster.telemetry.connection import Connection
from guardian_cluster.telemetry.losses import Losses

_Result = TypeVar("_Result")


class Backlog:
    """The batches of a spool, this gateway's and those that ended ones left."""

    def __init__(
        self, spool: Spool, *, losses: Losses, complaints: Complaints, changes: Changes, disk_s: float
    ) -> None:
        self.is_expected = True
        """Whether there may be batches."""
        self._spool = spool
        self._disk = ThreadPoolExecutor(1, "spool")
        self._losses = losses
        self._complaints = complaints
        self._changes = changes
        self._disk_s = disk_s
        self._filled = asyncio.Event()
        self._damaged = 0

    async def open(self) -> None:
        """Take over what ended gateways left."""
        await self._on_disk(self._spool.open, None)

    async def close(self) -> None:
        """Give the files back, in whatever state the disk is."""
        closing = asyncio.get_running_loop().run_in_executor(self._disk, self._spool.close)
        await asyncio.wait({closing}, timeout=self._disk_s)
        self._disk.shutdown(wait=False)

    async def keep(self, body: bytes) -> bool:
        """Keep a batch; false where it cannot be."""
        kept = await self._on_disk(partial(self._spool.append, body), False)
        if kept:
            self.expect()
        return kept

    def expect(self) -> None:
        """Look into the spool again: there may be batches, or somebody who takes them."""
        self.is_expected = True
        self._filled.set()

    async def replay(self, connection: Connection) -> None:
        """Send what the spool holds, one batch at a time, until cancelled."""
        while True:
            await self._filled.wait()
            await connection.opened.wait()
            self._filled.clear()
            body = await self._on_disk(self._spool.first, None)
            self._note_damage(self._spool.damaged)
            if body is None:
                self.is_expected = self._filled.is_set()  # By a batch that came to the spool meanwhile.
                self._changes.note()
                continue
            self._filled.set()
            if await self._deliver(body, connection):
                await self._on_disk(self._spool.release, None)

    async def _deliver(self, body: bytes, connection: Connection) -> bool:
        """Send a batch; true when it is acknowledged, or can never be."""
        try:
            id = link.batch_id_of(body)
        except LinkError:
            self._losses.add({"spool": 1})
            return True
        return await connection.deliver(id, body)

    def _note_damage(self, damaged: int) -> None:
        if damaged > self._damaged:
            self._losses.add({"spool": damaged - self._damaged})
            self._damaged = damaged

    async def _on_disk(self, work: Callable[[], _Result], otherwise: _Result) -> _Result:
        """Return what `work` returns in the disk's thread, or `otherwise` where it fails or takes long."""
        try:
            async with asyncio.timeout(self._disk_s):
                return await asyncio.get_running_loop().run_in_executor(self._disk, work)
        except OSError as error:
            self._complaints.log("the spool cannot be used", error)
            return otherwise
