"""The connections that are open, and which of them are idle: the one used last is used next."""

import asyncio

from guardian_cluster.specialists.connection import Connection, Origin

IDLE_CONNECTION_S = 15.0
"""Shorter than the idle limit of common servers (uvicorn closes after 5 s by default, nginx after 75 s,
clouds after 60 s and more) is not possible for all; a connection closed under us is retried by the attempt
engine, before any content."""


class Pool:
    """Owns every connection. What was idle for too long is closed, whether or not anything is asked."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def opened(self, connection: Connection) -> None:
        """Count a connection among the open ones."""
        self._open.add(connection)

    def freed(self, connection: Connection) -> None:
        """Keep a connection for the next call to its origin."""
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(connection.origin, []).append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(IDLE_CONNECTION_S, self._close_old)

    def lost(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._open.discard(connection)
        idle = self._idle.get(connection.origin, [])
        if connection in idle:
            idle.remove(connection)

    def take(self, origin: Origin) -> Connection | None:
        """Return an idle connection, if there is one."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    def close(self) -> None:
        """Close every connection."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in tuple(self._open):
            connection.abort()

    def _close_old(self) -> None:
        """Close what was idle for too long, and come again when the next one will have been."""
        loop = asyncio.get_running_loop()
        self._sweep = None
        oldest = loop.time() - IDLE_CONNECTION_S
        idle = [connection for each in self._idle.values() for connection in each]
        for connection in idle:
            if connection.idle_since <= oldest:
                connection.abort()
        left = [each.idle_since for each in idle if each.idle_since > oldest]
        if left:
            self._sweep = loop.call_at(min(left) + IDLE_CONNECTION_S, self._close_old)
