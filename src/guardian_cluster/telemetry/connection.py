"""Talks to the control process, and keeps what was sent until it is acknowledged.

What was not acknowledged when a connection ended is sent again on the next one, before anything else
(docs/design/contract.md).
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from guardian_cluster.contract import link
from guardian_cluster.contract.link import Ack, BatchId, Hello, LinkError, Welcome
from guardian_cluster.contract.records import Spend
from guardian_cluster.domain.clock import Clock
from guardian_cluster.telemetry.address import socket_path
from guardian_cluster.telemetry.bundle import Bundle
from guardian_cluster.telemetry.changes import Changes
from guardian_cluster.telemetry.complaints import Complaints
from guardian_cluster.telemetry.limits import ReporterLimits

STARTING_S = 5.0
"""The control process needs 1 to 3 s to start, at first and after each end; its absence is no news before."""

_READ_BYTES = 65_536


class Connection:
    """One gateway's connection to the control process of its data folder, made again whenever it ends."""

    def __init__(
        self,
        data_folder: Path,
        boot_id: str,
        random: random.Random,
        *,
        clock: Clock,
        limits: ReporterLimits,
        changes: Changes,
        complaints: Complaints,
        on_open: Callable[[], None],
        on_spend: Callable[[Sequence[Spend]], None] | None,
    ) -> None:
        self.opened = asyncio.Event()
        """Set while batches are taken."""
        self.sent: dict[BatchId, tuple[bytes, Bundle]] = {}
        """Fresh batches that were not acknowledged, in the order they were sent."""
        self._data_folder = data_folder
        self._boot_id = boot_id
        self._random = random
        self._clock = clock
        self._limits = limits
        self._changes = changes
        self._complaints = complaints
        self._on_open = on_open
        self._on_spend = on_spend
        self._writer: asyncio.StreamWriter | None = None
        self._was_open = False
        self._marks_opening = True
        self._applied_rev = 0
        self._stalled = False
        self._replaying: tuple[BatchId, asyncio.Future[bool]] | None = None
        self._retry_s = limits.first_retry_s
        self._away_since = clock.monotonic()

    def is_open(self) -> bool:
        """Tell whether the control process takes batches now."""
        return self._writer is not None

    def applied(self, rev: int) -> None:
        """Tell which revision of the snapshot is served, at once and with every hello."""
        self._applied_rev = rev
        if self._writer is not None:
            self._writer.write(link.encode_message(link.Applied(rev=rev)))

    async def has_room(self) -> bool:
        """Tell whether another batch may be sent; wait a little for that, unless the receiver is stalling."""
        if self._stalled:
            return self._has_room_now()
        await self._changes.until(
            lambda: self._writer is None or self._has_room_now(), self._limits.stalled_s
        )
        self._stalled = self._writer is not None and not self._has_room_now()
        return self._has_room_now()

    def _has_room_now(self) -> bool:
        return self._writer is not None and len(self.sent) < self._limits.unacknowledged

    def send(self, id: BatchId, body: bytes, bundle: Bundle) -> None:
        """Send a fresh batch, now and on every further connection until it is acknowledged."""
        self.sent[id] = body, bundle
        self._write(body)

    async def deliver(self, id: BatchId, body: bytes) -> bool:
        """Send a batch of the spool; return whether it was acknowledged before the connection ended."""
        if self._writer is None:
            return False
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._replaying = id, taken
        self._write(body)
        return await taken

    async def stay(self) -> None:
        """Connect, and connect again after each end, until cancelled."""
        while True:
            try:
                await self._converse()
            except (OSError, LinkError) as error:  # TimeoutError is an OSError.
                away_s = self._clock.monotonic() - self._away_since
                if away_s >= STARTING_S or isinstance(error, LinkError):
                    self._complaints.log("the control process cannot be reached", error)
            await asyncio.sleep(self._retry_s * self._random.uniform(0.5, 1.0))
            self._retry_s = min(2 * self._retry_s, self._limits.last_retry_s)

    async def _converse(self) -> None:
        """Talk to the control process until one of us ends it."""
        async with asyncio.timeout(self._limits.connect_s) as patience:
            reader, writer = await asyncio.open_unix_connection(socket_path(self._data_folder))
            try:
                hello = Hello(
                    version=link.VERSION, gateway_boot_id=self._boot_id, applied_rev=self._applied_rev
                )
                writer.write(link.encode_message(hello))
                async for message in _messages(reader):
                    if isinstance(message, Welcome):
                        patience.reschedule(None)
                        await self._begin(message, writer)
                    else:
                        self._note(message)
            finally:
                self._end()
                writer.transport.abort()  # Closing would first send what the receiver may never read.

    async def _begin(self, welcome: Welcome, writer: asyncio.StreamWriter) -> None:
        """Send again what was not acknowledged; only then may fresh batches follow."""
        if not link.compatible(welcome.version):
            versions = f"{welcome.version}, this gateway {link.VERSION}"
            raise LinkError(f"the control process speaks version {versions}; upgrade the older one")
        self._marks_opening = welcome.version >= 2
        for body, _ in self.sent.values():
            _write_frame(writer, body)
            await writer.drain()
        self._writer = writer
        self._stalled = False
        self.opened.set()
        self._on_open()
        self._changes.note()

    def _note(self, ack: Ack) -> None:
        self._retry_s = self._limits.first_retry_s  # Not before: a welcome alone may be followed by the end.
        if ack.batch is None:
            is_opening = ack.opening or not self._marks_opening
            if self._on_spend is not None and is_opening and not self._was_open:  # spent before this boot
                self._on_spend(ack.spend)
            return
        self.sent.pop(ack.batch, None)
        if self._replaying is not None and self._replaying[0] == ack.batch:
            self._end_replay(taken=True)
        self._stalled = False
        self._changes.note()

    def _end(self) -> None:
        if self._writer is not None:
            self._away_since = self._clock.monotonic()
            self._was_open = True
        self._writer = None
        self.opened.clear()
        self._end_replay(taken=False)
        self._changes.note()

    def _end_replay(self, *, taken: bool) -> None:
        if self._replaying is not None and not self._replaying[1].done():
            self._replaying[1].set_result(taken)
        self._replaying = None

    def _write(self, body: bytes) -> None:
        if self._writer is not None:
            _write_frame(self._writer, body)


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[Welcome | Ack]:
    """Yield what the control process sends until it closes. Raises `LinkError` for what cannot be read."""
    splitter = link.FrameSplitter()
    while data := await reader.read(_READ_BYTES):
        for body in splitter.feed(data):
            message = link.decode_down(body)
            if message is not None:
                yield message


def _write_frame(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(link.header(body))
    writer.write(body)
