"""Carries a gateway's reports to the control process, and keeps or counts what cannot be carried.

`report` only appends to a bounded queue. The reporter's own tasks send batches over the local socket, put them in the
spool while nobody takes them, and send again what was never acknowledged (docs/design/contract.md).
"""

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self, TypeVar

from guardian_cluster.contract import link
from guardian_cluster.contract.link import Ack, BatchId, Hello, LinkError, ReportKind, Welcome
from guardian_cluster.contract.records import Feedback, GatewayEvent, Payload, Report, RequestRecord, Spend
from guardian_cluster.domain.clock import Clock
from guardian_cluster.storage.spool import Opener, Spool, open_segment

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

SOCKET_NAME = "control.sock"
PATH_NAME = "control.path"
"""Holds the path where the socket really is: a socket's path is limited to 107 bytes, a data folder's is not."""
SPOOL_NAME = "spool"

COMPLAINT_S = 60.0
"""How often the same trouble is logged while it lasts."""

BREATH_BYTES = 128_000
"""Encoded between two breaths of the event loop: about 0.1 ms."""

REPORT_COST_BYTES = 2_000
"""Encoding a small report takes as long as copying this much."""


class ReportSink(Protocol):
    """Takes reports; never delays or fails the caller."""

    def report(self, report: Report) -> None:
        """Take a report, or drop it and count that."""
        ...


class MemorySink:
    """Keeps reports in memory: the in-memory twin of `Reporter`."""

    def __init__(self, limit: int = 10_000) -> None:
        self.reports: list[Report] = []
        self.dropped: Counter[str] = Counter()
        self._limit = limit

    def report(self, report: Report) -> None:
        if len(self.reports) < self._limit:
            self.reports.append(report)
        else:
            self.dropped[_kind_of(report)] += 1


@dataclass(frozen=True, slots=True)
class ReporterLimits:
    """What the reporter may use, and how long it waits."""

    queue_reports: int = 10_000
    """Two seconds of 5,000 requests each; when it takes longer, the disk is what is slow."""
    queue_bytes: int = 16_000_000
    report_bytes: int = 2_000_000
    """A larger one is dropped: encoding it would hold up the event loop for 0.5 ms."""
    batch_reports: int = 500
    batch_bytes: int = 1_000_000
    batch_s: float = 0.1
    unacknowledged: int = 8
    """Batches on their way. When there is no room for another within `stalled_s`, it goes to the spool."""
    stalled_s: float = 1.0
    spool_bytes: int = 64_000_000
    first_retry_s: float = 0.05
    last_retry_s: float = 2.0
    connect_s: float = 5.0
    disk_s: float = 5.0
    close_s: float = 2.0


@dataclass(frozen=True, slots=True)
class _Bundle:
    """Encoded reports that go together."""

    reports: Mapping[ReportKind, Sequence[bytes]]
    told: Counter[str]
    """The drops that some of its events tell of."""

    def lost(self) -> Counter[str]:
        """Return what is dropped with it, by kind; the drops that it tells of are told later, not dropped."""
        counted = Counter({str(kind): len(encoded) for kind, encoded in self.reports.items()})
        return counted - Counter(event=len(self.told))


class _Queue:
    """Reports that wait to be encoded, bounded by number and approximate bytes."""

    def __init__(self, limits: ReporterLimits) -> None:
        self.some = asyncio.Event()
        self.enough = asyncio.Event()
        self.closed = False
        self._limits = limits
        self._reports: deque[Report] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._reports)

    def put(self, report: Report) -> bool:
        size = _size_of(report)
        limits = self._limits
        full = len(self._reports) >= limits.queue_reports or self._bytes + size > limits.queue_bytes
        if full or size > limits.report_bytes or self.closed:
            return False
        self._reports.append(report)
        self._bytes += size
        if len(self._reports) == 1:
            self.some.set()
        if self._holds_batch():
            self.enough.set()
        return True

    def take(self) -> list[Report]:
        """Return the oldest reports, as many as make a batch."""
        taken: list[Report] = []
        size = 0
        while self._reports and len(taken) < self._limits.batch_reports and size < self._limits.batch_bytes:
            taken.append(self._reports.popleft())
            size += _size_of(taken[-1])
        self._bytes -= size
        if not self._reports and not self.closed:
            self.some.clear()
        if not self._holds_batch():
            self.enough.clear()
        return taken

    def close(self) -> None:
        """Take nothing more, and let nobody wait for more."""
        self.closed = True
        self.some.set()
        self.enough.set()

    def _holds_batch(self) -> bool:
        return len(self._reports) >= self._limits.batch_reports or self._bytes >= self._limits.batch_bytes


class Reporter:
    """Sends reports to the control process of a data folder while its context is open.

    To be used on one event loop. What is dropped is counted by kind in `dropped`, and told to the control process
    with whatever gets through next. `spend` holds what each key has cost in its latest month, as far as the control
    process has told; `on_spend` is called with every such news.
    """

    def __init__(
        self,
        data_folder: Path,
        *,
        boot_id: str,
        clock: Clock,
        random: random.Random,
        limits: ReporterLimits | None = None,
        on_spend: Callable[[Sequence[Spend]], None] | None = None,
        opener: Opener = open_segment,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self.spend: dict[str, Spend] = {}
        self._data_folder = data_folder
        self._boot_id = boot_id
        self._clock = clock
        self._random = random
        self._limits = limits or ReporterLimits()
        self._on_spend = on_spend
        spool_folder, spool_bytes = data_folder / SPOOL_NAME, self._limits.spool_bytes
        self._spool = Spool(spool_folder, boot_id, limit_bytes=spool_bytes, opener=opener)
        self._spool_filled = asyncio.Event()
        self._queue = _Queue(self._limits)
        self._untold: Counter[str] = Counter()
        self._applied_rev = 0
        self._sequences = {False: 0, True: 0}
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        self._sent: dict[BatchId, tuple[bytes, _Bundle]] = {}
        self._acknowledged = asyncio.Event()
        self._stalled = False
        self._replaying: tuple[BatchId, asyncio.Future[bool]] | None = None
        self._retry_s = self._limits.first_retry_s
        self._complained_at: dict[str, float] = {}

    def report(self, report: Report) -> None:
        """Take a report, or drop it and count that; about a microsecond."""
        try:
            taken = self._queue.put(report)
        except (TypeError, AttributeError):  # No report of ours; what it reports on must not fail for it.
            taken = False
        if not taken:
            self._drop(Counter({_kind_of(report): 1}))

    def applied(self, rev: int) -> None:
        """Tell the control process which revision of the snapshot is served from now on."""
        self._applied_rev = rev
        if self._writer is not None:
            self._writer.write(link.encode_message(link.Applied(rev=rev)))

    async def __aenter__(self) -> Self:
        self._disk = ThreadPoolExecutor(1, "spool")
        self._task = asyncio.create_task(self._run(), name="reporter")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send what is left; what is not acknowledged within `close_s` goes to the spool."""
        self._queue.close()
        await self._task
        self._disk.shutdown(wait=False)

    async def _run(self) -> None:
        await self._on_disk(self._spool.open, None)
        self._spool_filled.set()
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(self._stay_connected()), tasks.create_task(self._replay())]
            await self._gather()
            await self._wait_for_acknowledgement(lambda: not self._sent, self._limits.close_s)
            for task in others:
                task.cancel()
        for frame, bundle in self._sent.values():
            if not await self._on_disk(partial(self._spool.append, frame), False):
                self._lose(bundle)
        await self._on_disk(self._spool.close, None)

    async def _gather(self) -> None:
        """Make batches of what is reported and place them, until the queue is closed and empty."""
        while not self._queue.closed or self._queue:
            await self._queue.some.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.batch_s):
                    await self._queue.enough.wait()
            await self._place(await self._encode(self._queue.take()))

    async def _encode(self, reports: Iterable[Report]) -> _Bundle:
        """Encode a batch, with pauses for the event loop; a report that cannot be encoded is dropped."""
        told, self._untold = self._untold, Counter()
        encoded: dict[ReportKind, list[bytes]] = {"request": [], "payload": [], "feedback": [], "event": []}
        work = 0
        for report in (*_drop_events(told, self._clock.now()), *reports):
            try:
                encoded[link.KINDS[type(report)]].append(one := link.encode_report(report))
            except (MsgspecError, ValueError, TypeError, ArithmeticError):
                self._drop(Counter({_kind_of(report): 1}))
                continue
            work += len(one) + REPORT_COST_BYTES
            if work >= BREATH_BYTES:
                work = 0
                await asyncio.sleep(0)
        return _Bundle(encoded, told)

    async def _place(self, bundle: _Bundle) -> None:
        """Send a batch, or keep it on disk, or count it as dropped."""
        if await self._has_room():
            self._send(bundle)
        elif await self._on_disk(partial(self._spool.append, self._frame(bundle, spooled=True)), False):
            self._spool_filled.set()
        else:
            self._lose(bundle)

    async def _has_room(self) -> bool:
        """Tell whether a batch can be sent, after waiting a little for room if the receiver is not known to stall."""
        if self._writer is not None and not self._stalled:
            self._stalled = not await self._wait_for_acknowledgement(self._is_open, self._limits.stalled_s)
        return self._is_open()
