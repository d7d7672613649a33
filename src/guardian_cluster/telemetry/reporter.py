"""Carries a gateway's reports to the control process, and keeps or counts what cannot be carried.

`report` only appends to a bounded queue. The reporter's own tasks send batches over the local socket, put
them in the spool while nobody takes them, and send again what was never acknowledged
(docs/design/contract.md).
"""

import asyncio
import logging
import random
import uuid
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, Self, TypeVar

from msgspec import MsgspecError

from guardian_cluster.contract import link
from guardian_cluster.contract.link import Ack, BatchId, Hello, LinkError, ReportKind, Welcome
from guardian_cluster.contract.records import Feedback, GatewayEvent, Payload, Report, RequestRecord, Spend
from guardian_cluster.domain.clock import Clock
from guardian_cluster.storage.spool import Opener, Spool, open_segment

log = logging.getLogger("guardian.reporter")
_Result = TypeVar("_Result")

SOCKET_NAME = "control.sock"
PATH_NAME = "control.path"
"""Holds the socket's path where one in the data folder would be longer than a socket's may be."""
SPOOL_NAME = "spool"

_READ_BYTES = 65_536

COMPLAINT_S = 60.0
"""How often the same trouble is logged while it lasts."""

STARTING_S = 5.0
"""The control process needs 1 to 3 s to start, at first and after each end; its absence is no news before."""

BREATH_BYTES = 64_000
"""Encoded between two breaths of the event loop: about 0.05 ms."""

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
        """Keep a report, or drop it when there are `limit` already."""
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
    report_bytes: int = 500_000
    """A larger one is dropped: copying it may hold up the event loop for more than 0.5 ms."""
    batch_reports: int = 500
    batch_bytes: int = 400_000
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
        if not self.closed:
            self._clear_events()
        return taken

    def close(self) -> None:
        """Take nothing more, and let nobody wait for more."""
        self.closed = True
        self.some.set()
        self.enough.set()

    def _clear_events(self) -> None:
        if not self._reports:
            self.some.clear()
        if not self._holds_batch():
            self.enough.clear()

    def _holds_batch(self) -> bool:
        return len(self._reports) >= self._limits.batch_reports or self._bytes >= self._limits.batch_bytes


class Reporter:
    """Sends reports to the control process of a data folder while its context is open.

    To be used on one event loop. What is dropped is counted by kind in `dropped` (under `spool`: pieces of
    the spool that could not be read), and told to the control process with whatever gets through next.
    `spend` holds what each key has cost in its latest month, as far as the control process has told;
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
        self.dropped: Counter[str] = Counter()
        self.spend: dict[str, Spend] = {}
        self._data_folder = data_folder
        # Never from `random`: two boots of one seed would pass for one, and the second one's reports be lost.
        self._boot_id = boot_id or uuid.uuid4().hex
        self._clock = clock
        self._random = random
        self._limits = limits or ReporterLimits()
        self._on_spend = on_spend
        spool_folder, spool_bytes = data_folder / SPOOL_NAME, self._limits.spool_bytes
        self._spool = Spool(spool_folder, self._boot_id, limit_bytes=spool_bytes, opener=opener)
        self._spool_filled = asyncio.Event()
        self._backlog = True
        self._damaged = 0
        self._queue = _Queue(self._limits)
        self._untold: Counter[str] = Counter()
        self._applied_rev = 0
        self._sequences = {False: 0, True: 0}
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        self._was_connected = False
        self._sent: dict[BatchId, tuple[bytes, _Bundle]] = {}
        self._changed = asyncio.Event()
        self._stalled = False
        self._replaying: tuple[BatchId, asyncio.Future[bool]] | None = None
        self._retry_s = self._limits.first_retry_s
        self._complained_at: dict[str, float] = {}
        self._away_since = clock.monotonic()

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

    def is_connected(self) -> bool:
        """Tell whether the control process takes batches now."""
        return self._writer is not None

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
        await self._work()
        for body, bundle in self._sent.values():
            if not await self._on_disk(partial(self._spool.append, body), False):
                self._lose(bundle)
        closing = asyncio.get_running_loop().run_in_executor(self._disk, self._spool.close)
        await asyncio.wait({closing}, timeout=self._limits.disk_s)

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
            others = [tasks.create_task(self._stay_connected()), tasks.create_task(self._replay())]
            await self._gather()
            await self._wait_until(self._is_done, self._limits.close_s)
            for task in others:
                task.cancel()

    def _is_done(self) -> bool:
        return not self._sent and not (self._backlog and self.is_connected())

    async def _gather(self) -> None:
        """Make batches of what is reported and place them, until the queue is closed and empty."""
        while not self._queue.closed or self._queue:
            await self._queue.some.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.batch_s):
                    await self._queue.enough.wait()
            if reports := self._queue.take():
                await self._place(await self._encode(reports))
        if self._untold:
            await self._place(await self._encode(()))

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
        await asyncio.sleep(0)
        return _Bundle(encoded, told)

    async def _place(self, bundle: _Bundle) -> None:
        """Send a batch, or keep it on disk, or count it as dropped."""
        spooled = not await self._has_room()
        self._sequences[spooled] += 1
        id = BatchId(self._boot_id, self._sequences[spooled], spooled)
        try:
            body = link.encode_batch(id, bundle.reports)
        except LinkError:  # Its reports are far larger than they look.
            self._lose(bundle)
            return
        if not spooled:
            self._sent[id] = body, bundle
            self._write(body)
        elif await self._on_disk(partial(self._spool.append, body), False):
            self._expect_backlog()
        else:
            self._lose(bundle)

    def _expect_backlog(self) -> None:
        self._backlog = True
        self._spool_filled.set()

    async def _has_room(self) -> bool:
        """Tell whether another batch may be sent; wait a little for that, unless the receiver is stalling."""
        if self._stalled:
            return self._has_room_now()
        await self._wait_until(lambda: self._writer is None or self._has_room_now(), self._limits.stalled_s)
        self._stalled = self._writer is not None and not self._has_room_now()
        return self._has_room_now()

    def _has_room_now(self) -> bool:
        return self._writer is not None and len(self._sent) < self._limits.unacknowledged

    async def _wait_until(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Wait until an acknowledgement or the connection's end makes the condition true, or time is up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()

    async def _replay(self) -> None:
        """Send what the spool holds, one batch at a time; fresh batches overtake it."""
        while True:
            await self._spool_filled.wait()
            await self._connected.wait()
            self._spool_filled.clear()
            body = await self._on_disk(self._spool.first, None)
            self._note_damage(self._spool.damaged)
            if body is None:
                self._backlog = self._spool_filled.is_set()  # By a batch that came to the spool meanwhile.
                self._changed.set()
                continue
            self._spool_filled.set()
            if await self._deliver(body):
                await self._on_disk(self._spool.release, None)

    def _note_damage(self, damaged: int) -> None:
        if damaged > self._damaged:
            self._drop(Counter({"spool": damaged - self._damaged}))
            self._damaged = damaged

    async def _deliver(self, body: bytes) -> bool:
        """Send a batch of the spool; true when it is acknowledged, or can never be."""
        try:
            id = link.batch_id_of(body)
        except LinkError:
            self._drop(Counter({"spool": 1}))
            return True
        if self._writer is None:
            return False
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._replaying = id, taken
        self._write(body)
        return await taken

    async def _stay_connected(self) -> None:
        while True:
            try:
                await self._converse()
            except (OSError, LinkError) as error:  # TimeoutError is an OSError.
                away_s = self._clock.monotonic() - self._away_since
                if away_s >= STARTING_S or isinstance(error, LinkError):
                    self._complain("the control process cannot be reached", error)
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
        for body, _ in self._sent.values():
            _write_frame(writer, body)
            await writer.drain()
        self._writer = writer
        self._stalled = False
        self._connected.set()
        self._expect_backlog()
        self._changed.set()

    def _note(self, ack: Ack) -> None:
        self._retry_s = self._limits.first_retry_s  # Not before: a welcome alone may be followed by the end.
        if ack.spend:
            self._note_spend(ack.spend)
        if ack.batch is None:
            if self._on_spend is not None and not self._was_connected:
                self._on_spend(ack.spend)
            return
        self._sent.pop(ack.batch, None)
        if self._replaying is not None and self._replaying[0] == ack.batch:
            self._end_replay(taken=True)
        self._stalled = False
        self._changed.set()

    def _note_spend(self, news: Sequence[Spend]) -> None:
        for spend in news:
            known = self.spend.get(spend.key)
            if known is None or known.month <= spend.month:  # Reports from a spool may be of last month.
                self.spend[spend.key] = spend

    def _end(self) -> None:
        if self._writer is not None:
            self._away_since = self._clock.monotonic()
            self._was_connected = True
        self._writer = None
        self._connected.clear()
        self._end_replay(taken=False)
        self._changed.set()

    def _end_replay(self, *, taken: bool) -> None:
        if self._replaying is not None and not self._replaying[1].done():
            self._replaying[1].set_result(taken)
        self._replaying = None

    def _write(self, body: bytes) -> None:
        if self._writer is not None:
            _write_frame(self._writer, body)

    async def _on_disk(self, work: Callable[[], _Result], otherwise: _Result) -> _Result:
        """Return what `work` returns in the disk's thread, or `otherwise` where it fails or takes long."""
        try:
            async with asyncio.timeout(self._limits.disk_s):
                return await asyncio.get_running_loop().run_in_executor(self._disk, work)
        except OSError as error:
            self._complain("the spool cannot be used", error)
            return otherwise

    def _lose(self, bundle: _Bundle) -> None:
        self._untold += bundle.told
        self._drop(bundle.lost())
        self._complain("reports dropped", OSError("the spool is full or cannot be written"))

    def _drop(self, lost: Counter[str]) -> None:
        self.dropped.update(lost)
        self._untold.update(lost)

    def _complain(self, message: str, error: Exception) -> None:
        now = self._clock.monotonic()
        if now - self._complained_at.get(message, float("-inf")) >= COMPLAINT_S:
            self._complained_at[message] = now
            reason = str(error) or type(error).__name__
            log.warning(message, extra={"error": reason, "folder": str(self._data_folder)})


def socket_path(data_folder: Path) -> str:
    """Return the path of the control process's socket: where it says, else in the data folder."""
    try:
        return (data_folder / PATH_NAME).read_text("utf-8").strip()
    except (OSError, ValueError):
        return str(data_folder / SOCKET_NAME)


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


def _drop_events(dropped: Mapping[str, int], now: float) -> list[GatewayEvent]:
    return [GatewayEvent(kind="dropped", at=now, subject=kind, count=n) for kind, n in dropped.items()]


def _kind_of(report: object) -> str:
    return link.KINDS.get(type(report), "unknown")


def _size_of(report: Report) -> int:
    """Return about how many bytes a report is when encoded; only what can be large is looked at."""
    if isinstance(report, RequestRecord):
        return 500 + 100 * (len(report.attempts) + len(report.verdicts)) + len(report.requested_model)
    if isinstance(report, Payload):
        return 200 + len(report.request_body) + len(report.response_text)
    if isinstance(report, Feedback):
        return 200 + len(report.comment or "")
    return 200 + len(report.detail)
