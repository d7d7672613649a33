"""A worker's tie to its supervisor: what it may use of shared limits, and what other workers know.

No request waits for it, but for those that ask about other workers. Where the supervisor is silent, the worker goes on
with what it holds.
"""

import asyncio
import logging
import socket
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress

from guardian_cluster.contract import fleet as contract
from guardian_cluster.contract import link
from guardian_cluster.contract.fleet import (
    Answers,
    Counts,
    Down,
    Holding,
    Holdings,
    Join,
    Question,
    Serves,
    Shares,
    Spent,
)
from guardian_cluster.contract.link import FrameSplitter, LinkError
from guardian_cluster.contract.records import Spend
from guardian_cluster.domain.clock import Clock
from guardian_cluster.gateway.limits import Accounts, month_of
from guardian_cluster.processes.inquiries import Counting, Inquiries
from guardian_cluster.processes.shares import GATEWAY
from guardian_cluster.request.sinks import RecentRequests

log = logging.getLogger("guardian.gateway")

FLUSH_S = 0.01
"""How long what was used waits to be told: what a worker that is killed used in it is not counted."""

TICK_S = 1.0
COUNTS_S = 5.0
"""How often all that was counted is told, unasked: what a worker that is killed counted since is lost."""

ACCOUNTS_A_MESSAGE = 100
"""So many are read and encoded in 0.3 ms."""

BACKLOG_BYTES = 1_000_000
"""A supervisor that leaves so much unread hangs, and is told nothing more until it reads."""

FAREWELL_S = 1.0
"""How long the last words may take to be read."""

BUSY_SHARE = 0.7
"""Of the requests at once that it may have: a worker with more asks for a larger share."""

_READ_BYTES = 65_536


class Membership:
    """One worker among several; it is tied while `run` runs."""

    def __init__(
        self,
        worker: int,
        accounts: Accounts,
        recent: RecentRequests,
        metrics: Counting,
        clock: Clock,
        *,
        in_flight: Callable[[], int],
        on_share: Callable[[int], None],
    ) -> None:
        """`on_share` is told how many requests may be in flight here."""
        self.has_shares = asyncio.Event()
        """Set once it is known what may be used here."""
        self.knows_spending = asyncio.Event()
        """Set once that takes into account what was spent before."""
        self.inquiries = Inquiries(recent, metrics, self._send)
        self._worker = worker
        self._accounts = accounts
        self._metrics = metrics
        self._clock = clock
        self._in_flight = in_flight
        self._on_share = on_share
        self._at_once = 0
        self._heard = 0
        self._unsent: list[contract.Up] = []
        self._is_over = False
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: asyncio.TaskGroup | None = None
        accounts.on_change = self._flush_soon

    async def run(self, connection: socket.socket) -> None:
        """Talk with the supervisor until it ends, or until cancelled; then tell it once more what is held."""
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        self._writer = writer
        self._send(Join(version=contract.VERSION, worker=self._worker))
        for message in self._unsent:
            self._send(message)
        try:
            async with asyncio.TaskGroup() as self._tasks:
                ticking = self._tasks.create_task(self._tick())
                await self._listen(reader)
                ticking.cancel()
        except* (OSError, LinkError) as problems:
            log.error(
                "the supervisor cannot be heard any more", extra={"reason": str(problems.exceptions[0])}
            )
        finally:
            self._say_farewell()
            self._writer, self._is_over = None, True
            writer.close()
            with suppress(OSError):  # TimeoutError is one
                async with asyncio.timeout(FAREWELL_S):
                    await writer.wait_closed()

    def serves(self, rev: int) -> None:
        """Tell that requests are taken under this revision."""
        self._send(Serves(rev=rev))

    def tell_spending(self, spends: Sequence[Spend]) -> None:
        """Pass on what the control process says that keys spent before."""
        month = month_of(self._clock.now())
        usd: defaultdict[str, float] = defaultdict(float)
        for spend in spends:
            if spend.month == month:
                usd[spend.key] += spend.usd
        self._send(Spent(month=month, usd=dict(usd)))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        splitter = FrameSplitter()
        while data := await reader.read(_READ_BYTES):
            for body in splitter.feed(data):
                message = contract.decode_down(body)
                if message is not None:
                    self._take(message)

    def _take(self, message: Down) -> None:
        match message:
            case Shares():
                self._take_shares(message)
            case Question():
                assert self._tasks is not None
                self._tasks.create_task(self.inquiries.reply(message))
            case Answers():
                self.inquiries.note(message)

    def _take_shares(self, message: Shares) -> None:
        self._accounts.grant(share for share in message.shares if share.account != GATEWAY)
        for share in message.shares:
            if share.account == GATEWAY:
                # At least one: a worker that may take in nobody would refuse all who come to it.
                self._at_once = max(1, int(share.share), self._in_flight())
                self._on_share(self._at_once)
        self._heard = max(self._heard, message.number)
        self._flush(with_gateway=any(share.account == GATEWAY for share in message.shares))
        self.has_shares.set()
        if message.knows_spending:
            self.knows_spending.set()

    async def _tick(self) -> None:
        """Tell every second what is held, and now and then what was counted."""
        seconds = 0
        while True:
            await asyncio.sleep(TICK_S)
            seconds += 1
            if not self._is_heard():
                continue
            names = self._accounts.active()
            for start in range(0, len(names), ACCOUNTS_A_MESSAGE):
                self._send_holdings(self._accounts.holdings(names[start : start + ACCOUNTS_A_MESSAGE]))
                await asyncio.sleep(0)
            self._send_holdings([self._gateway_holding()])
            if seconds % COUNTS_S == 0:
                await self.inquiries.tell_counts()

    def _flush_soon(self, after_s: float = FLUSH_S) -> None:
        asyncio.get_running_loop().call_later(after_s, self._flush)

    def _flush(self, *, with_gateway: bool = False) -> None:
        """Tell what has changed; of very many accounts some now and the others soon after."""
        if self._writer is None:
            return
        if not self._is_heard():
            self._flush_soon(TICK_S)
            return
        holdings = self._accounts.holdings(self._accounts.changed()[:ACCOUNTS_A_MESSAGE])
        if with_gateway:
            holdings.append(self._gateway_holding())
        self._send_holdings(holdings)
        if self._accounts.changed():
            self._flush_soon()

    def _is_heard(self) -> bool:
        """Return whether the supervisor reads; what it does not is kept here, as what it will be told."""
        writer = self._writer
        return writer is not None and writer.transport.get_write_buffer_size() <= BACKLOG_BYTES

    def _send_holdings(self, holdings: Sequence[Holding]) -> None:
        if holdings:
            month = month_of(self._clock.now())
            self._send(Holdings(heard=self._heard, month=month, holdings=tuple(holdings)))

    def _gateway_holding(self) -> Holding:
        used = self._in_flight()
        asked = used if used > BUSY_SHARE * self._at_once else 0
        return Holding(
            account=GATEWAY, kind="at_once", share=self._at_once, used=used, asked=asked, demand=used
        )

    def _say_farewell(self) -> None:
        """Tell what is held in the end, and what was counted."""
        names = self._accounts.active()
        for start in range(0, len(names), ACCOUNTS_A_MESSAGE):
            self._send_holdings(self._accounts.holdings(names[start : start + ACCOUNTS_A_MESSAGE]))
        self._send(Counts(counts=self._metrics.encoded()))

    def _send(self, message: contract.Up) -> None:
        if self._writer is None and not self._is_over:
            self._unsent.append(message)
        elif self._writer is not None and not self._writer.is_closing():
            self._writer.write(link.encode_message(message))
