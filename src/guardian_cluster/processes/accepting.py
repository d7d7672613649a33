"""Decides which worker takes a new connection: of those that listen on one socket, who has the fewest in use.

All workers wait on the same listening socket, so that a connection is never in the queue of one alone: whoever lives
takes it, and a worker that dies or is replaced leaves nobody waiting. What one woken worker would do, take all that
wait, is what makes shares uneven for clients that keep their connections; hence one at a time, and not by a worker
that has more than another.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Sequence

from guardian_cluster.processes.headcount import Headcount

log = logging.getLogger("guardian.gateway")

DEFER_S = 0.002
"""For how long a connection is left to workers that have fewer: an idle one takes it within 0.1 ms."""

MOST_UNCLAIMED = 8
"""Connections in a row that were left in vain: then the others are taken to hang, and nothing is left to them ..."""

HANGING_S = 1.0
"""... for so long."""

NO_DESCRIPTORS_S = 1.0
"""How long nobody is taken in where the process can open nothing more."""

HANDSHAKE_S = 10.0


class Accepting:
    """Takes in connections for one worker."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        protocol: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext | None,
        *,
        headcount: Headcount | None,
        worker: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = sockets
        self._protocol = protocol
        self._context = context
        self._headcount = headcount
        self._worker = worker
        self._in_use = 0
        self._unclaimed = 0
        self._leaves_from = 0.0
        self._admitting: set[asyncio.Task[None]] = set()
        self._resuming: dict[socket.socket, asyncio.TimerHandle] = {}
        self._is_stopped = False

    def start(self) -> None:
        """Take in connections from now on."""
        self.note(0)
        for each in self._sockets:
            each.setblocking(False)
            self._loop.add_reader(each, self._on_connection, each)

    def stop(self) -> None:
        """Take in nobody any more; the sockets stay open."""
        self._is_stopped = True
        for each in self._sockets:
            self._loop.remove_reader(each)
        for timer in self._resuming.values():
            timer.cancel()
        if self._headcount is not None:
            self._headcount.leave(self._worker)

    async def finish(self) -> None:
        """Wait until all who were taken in have a connection."""
        if self._admitting:
            await asyncio.wait(self._admitting, timeout=HANDSHAKE_S)

    def note(self, in_use: int) -> None:
        """Take over how many connections are in use now."""
        self._in_use = in_use
        if self._headcount is not None and not self._is_stopped:
            self._headcount.put(self._worker, in_use)

    def surplus(self) -> int:
        """Return how many connections this worker has in use that were better with another one, which takes some."""
        if self._headcount is None or self._is_stopped or self._loop.time() < self._leaves_from:
            return 0
        least = self._headcount.least_of_others(self._worker)
        return 0 if least is None else max(0, (self._in_use - least) // 2)

    def _on_connection(self, listening: socket.socket) -> None:
        if self._has_more_than_others() and self._loop.time() >= self._leaves_from:
            self._loop.remove_reader(listening)
            self._resuming[listening] = self._loop.call_later(DEFER_S, self._take_up, listening)
        else:
            self._accept(listening)

    def _has_more_than_others(self) -> bool:
        if self._headcount is None:
            return False
        least = self._headcount.least_of_others(self._worker)
        return least is not None and self._in_use > least

    def _take_up(self, listening: socket.socket) -> None:
        """Listen again, and first take whom nobody else has taken meanwhile."""
        del self._resuming[listening]
        self._loop.add_reader(listening, self._on_connection, listening)
        self._unclaimed = self._unclaimed + 1 if self._accept(listening) else 0
        if self._unclaimed >= MOST_UNCLAIMED:
            self._unclaimed, self._leaves_from = 0, self._loop.time() + HANGING_S

    def _accept(self, listening: socket.socket) -> bool:
        """Take in one connection; return whether there was one."""
        try:
            connection, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False  # another worker was quicker, or the client has left
        except OSError as error:
            log.error("no connection can be taken in", extra={"reason": str(error)})
            self._loop.remove_reader(listening)
            self._resuming[listening] = self._loop.call_later(NO_DESCRIPTORS_S, self._take_up, listening)
            return False
        self.note(self._in_use + 1)
        task = self._loop.create_task(self._admit(connection))
        self._admitting.add(task)
        task.add_done_callback(self._admitting.discard)
        return True

    async def _admit(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            handshake_s = HANDSHAKE_S if self._context else None
            await self._loop.connect_accepted_socket(
                self._protocol, connection, ssl=self._context, ssl_handshake_timeout=handshake_s
            )
        except OSError as error:  # it left, or speaks no TLS (ssl.SSLError and TimeoutError are OSErrors)
            log.debug("a connection was not taken in", extra={"reason": str(error)})
            connection.close()
