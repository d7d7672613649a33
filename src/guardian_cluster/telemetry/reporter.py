"""Carries a gateway's reports to the control process, and keeps or counts what cannot be carried.

`report` only appends to a bounded queue. The reporter's own tasks make batches of it and place them: on the
connection, or in the backlog on disk while nobody takes them (docs/design/telemetry.md).
"""

import asyncio
import logging
import random
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from guardian_cluster.contract import link
from guardian_cluster.contract.link import BatchId, LinkError
from guardian_cluster.contract.records import Report, Spend
from guardian_cluster.domain.clock import Clock
from guardian_cluster.storage.spool import Opener, Spool, open_segment
from guardian_cluster.telemetry.backlog import Backlog
from guardian_cluster.telemetry.bundle import Bundle, encode
from guardian_cluster.telemetry.changes import Changes
from guardian_cluster.telemetry.complaints import Complaints
from guardian_cluster.telemetry.connection import Connection
from guardian_cluster.telemetry.limits import ReporterLimits
from guardian_cluster.telemetry.losses import Losses
from guardian_cluster.telemetry.queue import ReportQueue

log = logging.getLogger("guardian.reporter")

SPOOL_NAME = "spool"


class Reporter:
    """Sends reports to the control process of a data folder while its context is open.

    To be used on one event loop. What is dropped is counted by kind in `dropped` (under `spool`: pieces of
    the spool that could not be read), and told to the control process with whatever gets through next.
    `on_spend` is called with what is told unasked on the first connection: what was spent before this boot.
    Whatever is told later holds this gateway's own spending too.
    """

    def __init__(
        self,
        data_folder: Path,
        random: random.Random,
        *,
        clock: Clock,
        boot_id: str | None = None,
        limits: ReporterLimits | None = None,
        on_spend: Callable[[Sequence[Spend]], None] | None = None,
        opener: Opener = open_segment,
    ) -> None:
        # Never from `random`: two boots of one seed would pass for one, and the second one's reports be lost.
        self._boot_id = boot_id or uuid.uuid4().hex
        self._clock = clock
        self._limits = limits = limits or ReporterLimits()
        self._losses = Losses()
        self.dropped = self._losses.counted
        self._queue = ReportQueue(limits)
        self._sequences = {False: 0, True: 0}
        self._changes = Changes()
        self._complaints = Complaints(data_folder, clock)
        self._backlog = Backlog(
            Spool(data_folder / SPOOL_NAME, self._boot_id, limit_bytes=limits.spool_bytes, opener=opener),
            losses=self._losses,
            complaints=self._complaints,
            changes=self._changes,
            disk_s=limits.disk_s,
        )
        self._connection = Connection(
            data_folder,
            self._boot_id,
            random,
            clock=clock,
            limits=limits,
            changes=self._changes,
            complaints=self._complaints,
            on_open=self._backlog.expect,
            on_spend=on_spend,
        )

    def report(self, report: Report) -> None:
        """Take a report, or drop it and count that; about a microsecond."""
        try:
            taken = self._queue.put(report)
        except (TypeError, AttributeError):  # No report of ours; what it reports on must not fail for it.
            taken = False
        if not taken:
            self._losses.add_one(report)

    def applied(self, rev: int) -> None:
        """Tell the control process which revision of the snapshot is served from now on."""
        self._connection.applied(rev)

    def is_connected(self) -> bool:
        """Tell whether the control process takes batches now."""
        return self._connection.is_open()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="reporter")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send what is left; what is not acknowledged within `close_s` goes to the spool."""
        self._queue.close()
        await self._task

    async def _run(self) -> None:
        await self._backlog.open()
        await self._work()
        for body, bundle in self._connection.sent.values():
            if not await self._backlog.keep(body):
                self._lose(bundle)
        await self._backlog.close()

    async def _work(self) -> None:
        """Carry reports until the queue is closed, and what was sent acknowledged or `close_s` over."""
        while True:
            try:
                await self._carry()
            except Exception:  # A fault of ours must neither reach the gateway nor end its reports for good.
                log.exception("the reporter failed")
            if self._queue.closed:
                return
            await asyncio.sleep(self._limits.last_retry_s)

    async def _carry(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            replaying = self._backlog.replay(self._connection)
            others = [tasks.create_task(self._connection.stay()), tasks.create_task(replaying)]
            await self._gather()
            await self._changes.until(self._is_done, self._limits.close_s)
            for task in others:
                task.cancel()

    def _is_done(self) -> bool:
        return not self._connection.sent and not (self._backlog.is_expected and self.is_connected())

    async def _gather(self) -> None:
        """Make batches of what is reported and place them, until the queue is closed and empty."""
        while not self._queue.closed or self._queue:
            await self._queue.some.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.batch_s):
                    await self._queue.enough.wait()
            if reports := self._queue.take():
                await self._place(await encode(reports, self._losses, self._clock.now()))
        if self._losses.untold:
            await self._place(await encode((), self._losses, self._clock.now()))

    async def _place(self, bundle: Bundle) -> None:
        """Send a batch, or keep it on disk, or count it as dropped."""
        spooled = not await self._connection.has_room()
        self._sequences[spooled] += 1
        id = BatchId(self._boot_id, self._sequences[spooled], spooled)
        try:
            body = link.encode_batch(id, bundle.reports)
        except LinkError:  # Its reports are far larger than they look.
            self._lose(bundle)
            return
        if not spooled:
            self._connection.send(id, body, bundle)
        elif not await self._backlog.keep(body):
            self._lose(bundle)

    def _lose(self, bundle: Bundle) -> None:
        self._losses.untold += bundle.told
        self._losses.add(bundle.lost())
        self._complaints.log("reports dropped", OSError("the spool is full or cannot be written"))
