"""The sockets of one simulated server: accepts, refuses and drops connections, and leaves nothing behind."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from guardian_cluster.simulation.connection import Answering, Connection
from guardian_cluster.simulation.listener import Listener

# Neither a TLS handshake nor HTTP.
_GARBAGE = b"\x00 neither a handshake nor a reply\r\n"
_HANDSHAKE_TIMEOUT_S = 5.0


class HttpServer:
    """Hands every request on any of its connections to `answering`.

    `refuse`, `garble` and `accept` say what happens to who connects from now on. `changed` is called
    whenever a connection begins or ends.
    """

    def __init__(
        self, answering: Answering, changed: Callable[[], None], tls: ssl.SSLContext | None = None
    ) -> None:
        self._answering = answering
        self._changed = changed
        self._tls = tls
        self._listener = Listener(self._accepted)
        self._connections: set[Connection] = set()
        self._adoptions: set[asyncio.Task[None]] = set()
        self._newcomers: set[socket.socket] = set()  # accepted, and their adoption has not begun
        self._garbles = False
        self.connections_opened = 0

    @property
    def port(self) -> int:
        """The port on 127.0.0.1, which stays the same once the first `accept` has taken it."""
        return self._listener.port

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def accept(self) -> None:
        """Serve who connects."""
        self._garbles = False
        self._listener.open()

    def garble(self) -> None:
        """Send nonsense to who connects; connections that are open stay."""
        self._garbles = True
        self._listener.open()

    def refuse(self) -> None:
        """Refuse who connects, and reset the connections that are open."""
        self._listener.refuse()
        self._drop_newcomers()
        for connection in list(self._connections):
            connection.abort()

    async def stop(self) -> None:
        """Give the port back, reset every connection and wait until each has ended."""
        self._listener.close()
        self._drop_newcomers()
        await asyncio.gather(*self._adoptions, return_exceptions=True)
        while self._connections:
            await asyncio.gather(*(connection.stop() for connection in self._connections))
            await asyncio.sleep(0)  # a transport reports its end in the loop's next round

    def _accepted(self, accepted: socket.socket) -> None:
        self.connections_opened += 1
        if self._garbles:
            _send_garbage(accepted)
        else:
            self._newcomers.add(accepted)
            adoption = asyncio.get_running_loop().create_task(self._adopt(accepted))
            self._adoptions.add(adoption)
            adoption.add_done_callback(self._adoptions.discard)
        self._changed()

    async def _adopt(self, accepted: socket.socket) -> None:
        self._newcomers.discard(accepted)
        timeout_s = _HANDSHAKE_TIMEOUT_S if self._tls else None
        # A client that leaves, or does not take our certificate: its own affair, as on a real server.
        with suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connection, accepted, ssl=self._tls, ssl_handshake_timeout=timeout_s
            )

    def _drop_newcomers(self) -> None:
        for adoption in self._adoptions:
            adoption.cancel()
        # A task that is cancelled before its first step never runs, so nothing else would close these.
        for newcomer in self._newcomers:
            newcomer.close()
        self._newcomers.clear()

    def _connection(self) -> Connection:
        return Connection(self._answering, began=self._began, ended=self._ended)

    def _began(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._changed()

    def _ended(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._changed()


def _send_garbage(accepted: socket.socket) -> None:
    with suppress(OSError):  # the client is already gone
        accepted.send(_GARBAGE)
    accepted.close()
