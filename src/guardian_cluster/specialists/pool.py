"""The connections that are open: how many may be, who gets the next, and which are idle.

The one used last is used next. Who finds none waits in turn; a place that becomes free is handed to whoever has
waited longest among those for whom there is room, so that nobody who comes later takes it.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import cached_property

import msgspec

from guardian_cluster.specialists.connection import Connection, Origin

IDLE_CONNECTION_S = 15.0
"""Shorter than the idle limit of common servers (uvicorn closes after 5 s by default, nginx after 75 s,
clouds after 60 s and more) is not possible for all; a call whose connection is closed under it is sent once more."""


class ConnectionLimits(msgspec.Struct, frozen=True):
    """How many connections may be open, idle ones included."""

    per_origin: int = 1_024
    total: int = 4_096
    """As many as requests that may be in flight by default."""


class Lane:
    """The connections to one origin, whose keeper it is. A place is taken by one in use, or being made."""

    def __init__(self, pool: "Pool", origin: Origin) -> None:
        self.origin = origin
        self.used = 0
        self.idle: list[Connection] = []
        self.waiting: OrderedDict[int, asyncio.Future[None]] = OrderedDict()
        """By the order of their arrival, counted over all lanes."""
        self._pool = pool
        self._outdated: set[Connection] = set()
        """In use, and not to be used again."""

    def opened(self, connection: Connection) -> None:
        """Count a connection among the open ones; its maker has a place for it."""
        self._pool.open.add(connection)

    def freed(self, connection: Connection) -> None:
        """Keep a connection for the next call to its origin."""
        if connection in self._outdated:
            connection.abort()  # its place is given back when it has ended
            return
        pool = self._pool
        connection.is_in_use = False
        connection.idle_since = pool.time()
        self.idle.append(connection)
        self.used -= 1
        pool.used -= 1
        if pool.waiting:
            pool.call_next()
        if pool.sweeping is None:
            pool.sweep()

    def lost(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._pool.open.discard(connection)
        self._outdated.discard(connection)
        if connection.is_in_use:
            connection.is_in_use = False
            self._pool.leave(self)
        elif connection in self.idle:
            self.idle.remove(connection)

    def renew(self, in_use: Iterable[Connection]) -> None:
        """Use no connection again that is open now: idle ones end at once, the others with their request."""
        self._outdated.update(in_use)
        self._pool.forget_idle(self)


class Pool:
    """Owns every connection. What was idle for too long is closed, whether or not anything is asked."""

    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self.limits = limits or ConnectionLimits()
        self.open: set[Connection] = set()
        self._lanes: dict[Origin, Lane] = {}
        self.used = 0
        """Places that are taken, over all lanes."""
        self.waiting = 0
        """How many wait for one."""
        self.sweeping: asyncio.TimerHandle | None = None
        """When it will be looked for what was idle for too long."""
        self._arrivals = itertools.count()

    @cached_property
    def time(self) -> Callable[[], float]:
        """The event loop's time."""
        return asyncio.get_running_loop().time

    def lane(self, origin: Origin) -> Lane:
        """Return the connections to an origin."""
        lane = self._lanes.get(origin)
        if lane is None:
            lane = self._lanes[origin] = Lane(self, origin)
        return lane

    def take(self, lane: Lane) -> Connection | None:
        """Return an idle connection that can be used, if there is one and nobody has to wait."""
        limits = self.limits
        if not lane.idle or lane.used >= limits.per_origin or self.used >= limits.total:
            return None
        connection = _usable(lane)
        if connection is not None:
            lane.used += 1
            self.used += 1
        return connection

    async def enter(self, lane: Lane, *, fresh: bool = False) -> Connection | None:
        """Wait for a place and return an idle connection, or `None`: then the caller makes one, or calls `leave`.

        A connection that is made, and told with `opened`, has the place from then on, until it is freed or lost.
        Only a new one is wanted where it is to be `fresh`.
        """
        if self._has_room(lane):
            self._enter(lane)
        else:
            await self._turn(lane)
        connection = None if fresh else _usable(lane)
        if connection is None:
            self._make_room(lane)
        return connection

    def leave(self, lane: Lane) -> None:
        """Give a place back; whoever has waited longest for it has it."""
        lane.used -= 1
        self.used -= 1
        if self.waiting:
            self.call_next()

    def forget_idle(self, lane: Lane) -> None:
        """Close what is idle to an origin: its server may be another by now."""
        idle, lane.idle = lane.idle, []
        for connection in idle:
            connection.abort()

    def renew(self, is_meant: Callable[[Origin], bool]) -> None:
        """Use no connection again that is open to such origins."""
        for lane in self._lanes.values():
            if is_meant(lane.origin):
                lane.renew([each for each in self.open if each.keeper is lane and each.is_in_use])

    def shortage(self, lane: Lane) -> str:
        """Say why somebody waits for a place."""
        if lane.used >= self.limits.per_origin:
            return f"all {lane.used} connections that it may have are in use, and none became free in time"
        return (
            f"all {self.used} connections that the gateway may have are in use, and none became free in time"
        )

    def close(self) -> None:
        """Close every connection; who waits for one has none."""
        if self.sweeping is not None:
            self.sweeping.cancel()
        for lane in self._lanes.values():
            for called in lane.waiting.values():
                if not called.done():
                    called.set_exception(ConnectionAbortedError("the gateway closes its connections"))
        for connection in tuple(self.open):
            connection.abort()

    def _has_room(self, lane: Lane) -> bool:
        """Return whether one more place may be taken: then nobody waits for it."""
        return lane.used < self.limits.per_origin and self.used < self.limits.total

    def _enter(self, lane: Lane) -> None:
        lane.used += 1
        self.used += 1

    async def _turn(self, lane: Lane) -> None:
        """Return when a place was handed over."""
        number, called = next(self._arrivals), asyncio.get_running_loop().create_future()
        lane.waiting[number] = called
        self.waiting += 1
        try:
            await called
        except asyncio.CancelledError:
            if not called.cancelled():  # called and cancelled at once: the place is for the next
                self.leave(lane)
            raise
        finally:
            if lane.waiting.pop(number, None) is not None:
                self.waiting -= 1

    def call_next(self) -> None:
        """Hand a place that is free to whoever has waited longest for one of its kind."""
        while self.used < self.limits.total:
            open_lanes = (
                lane for lane in self._lanes.values() if lane.waiting and lane.used < self.limits.per_origin
            )
            first = min(open_lanes, key=lambda lane: next(iter(lane.waiting)), default=None)
            if first is None:
                return
            _, called = first.waiting.popitem(last=False)
            self.waiting -= 1
            if not called.done():
                self._enter(first)
                called.set_result(None)
                return

    def _make_room(self, lane: Lane) -> None:
        """Close the oldest idle connection where one more would be over a limit."""
        if lane.used + len(lane.idle) > self.limits.per_origin:
            lane.idle.pop(0).abort()
        idle = [each for each in self._lanes.values() if each.idle]
        if self.used + sum(len(each.idle) for each in idle) > self.limits.total:
            min(idle, key=lambda each: each.idle[0].idle_since).idle.pop(0).abort()

    def sweep(self) -> None:
        """Close what was idle for too long, and come again when the next one will have been."""
        oldest = self.time() - IDLE_CONNECTION_S
        idle = [connection for lane in self._lanes.values() for connection in lane.idle]
        for connection in idle:
            if connection.idle_since <= oldest:
                connection.abort()
        left = [each.idle_since for each in idle if each.idle_since > oldest]
        self.sweeping = None
        if left:
            self.sweeping = asyncio.get_running_loop().call_at(min(left) + IDLE_CONNECTION_S, self.sweep)


def _usable(lane: Lane) -> Connection | None:
    """Take the idle connection that was used last and can be used again; what cannot is closed."""
    while lane.idle:
        connection = lane.idle.pop()
        if connection.is_usable:
            connection.is_in_use = True
            return connection
        connection.abort()
    return None
