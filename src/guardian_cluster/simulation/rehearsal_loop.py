"""An event loop to rehearse in: waiting takes no time, and nobody outside this machine can be reached.

A drill with the timeouts of a real configuration would take hours, nearly all of it spent on waiting. Where every
part of a program waits, and all of them live in one loop, nothing can happen before the next timer is due: the loop
moves its clock there at once, and it moves for nothing else. Computing takes no time on it, so a busy machine makes
nobody late, and the same rehearsal takes the same course. (The next-event time advance of discrete-event simulation.)
"""

import asyncio
import errno
import selectors
import socket
from collections.abc import Callable
from concurrent.futures import Executor
from ipaddress import ip_address
from typing import Any

from guardian_cluster.domain.clock import SystemClock

_BEGINNING_S = 1_000.0
"""Not 0, which is the time of what never was."""

_SETTLING_S = 0.003
"""How long sockets are listened to before a long time is skipped. Loopback delivers within the call that sends, but
for a kernel that is busy; and a wrong skip would look like a silence."""

_TICK_S = 1e-6
"""By so much a skip goes beyond its timer. A loop calls timers a nanosecond early, and what then finds that its time
has not quite come would try again at the same moment for ever; Unix time resolves a quarter of it."""

_ROUNDS = 10
"""Of the loop: what is due runs in the first, and what that sets going in those that follow."""

_LONG_S = 1.0
"""Shorter times are skipped at once: a gateway looks around every half second, and to skip that too soon does no
more than add it."""


class RehearsalLoop(asyncio.SelectorEventLoop):
    """Its time is that which was waited for, and all of that is skipped. Work in threads is waited for as ever.

    It knows nothing of child processes: what waits for one would seem to wait for ever.
    """

    def __init__(self) -> None:
        self.skipped_s = 0.0
        self._abroad = 0
        super().__init__(_SkippingSelector(self._skip))

    def time(self) -> float:
        """Return the seconds that were skipped, counted from a beginning of its own."""
        return _BEGINNING_S + self.skipped_s

    def run_in_executor(  # type: ignore[override]  # the base's own type is an overload of variadics
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run in a thread, and skip no time until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._abroad += 1
        future.add_done_callback(self._came_back)
        return future

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Resolve an address of this machine; every name else is unknown, and nobody is asked for it."""
        if not _is_here(host):
            raise socket.gaierror(socket.EAI_NONAME, "nothing outside is reached in a rehearsal")
        return await super().getaddrinfo(host, port, **options)

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect within this machine; raises OSError for any other."""
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            raise OSError(errno.ENETUNREACH, "nothing outside is reached in a rehearsal")
        await super().sock_connect(sock, address)

    async def advance(self, seconds: float) -> None:
        """Move the clock on at once, which is quick where many timers are due in between, and let them run."""
        self.skipped_s += seconds
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)

    def _came_back(self, _: asyncio.Future[Any]) -> None:
        self._abroad -= 1

    def _skip(self, seconds: float) -> bool:
        if self._abroad:
            return False
        self.skipped_s += seconds + _TICK_S
        return True


class RehearsalClock:
    """The clock of a rehearsal loop, for all that is given one; it may be ahead of the machine's from the beginning."""

    def __init__(self, loop: RehearsalLoop, *, ahead_s: float = 0.0) -> None:
        self._loop = loop
        self._began = SystemClock().now() + ahead_s - loop.skipped_s

    def monotonic(self) -> float:
        """Return seconds that only grow, those skipped included."""
        return self._loop.time()

    def now(self) -> float:
        """Return Unix time, moved on by what was skipped."""
        return self._began + self._loop.skipped_s


class _SkippingSelector(selectors.DefaultSelector):
    """Looks for what sockets have to say, and where they say nothing skips what it would have waited."""

    def __init__(self, skip: Callable[[float], bool]) -> None:
        super().__init__()
        self._skip_time = skip

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0 if timeout <= _LONG_S else _SETTLING_S)
        if ready or self._skip_time(timeout):
            return ready
        return super().select(None)  # a thread is at work, whose end is heard on a socket too


def _is_here(host: object) -> bool:
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        return ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return text == "localhost"
