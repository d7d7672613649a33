"""A loopback port that can refuse connections and accept them again without changing its number."""

import asyncio
import socket
from collections.abc import Callable


class Listener:
    """Owns one listening socket on 127.0.0.1.

    Opening, refusing and closing take effect at once, without waiting: a fault must not begin late.
    """

    def __init__(self, accepted: Callable[[socket.socket], None]) -> None:
        self._accepted = accepted
        self._socket: socket.socket | None = None
        self._is_listening = False
        self.port = 0

    def open(self) -> None:
        """Accept connections; the first call takes a free port."""
        if self._is_listening:
            return
        bound = self._socket or self._bind()
        bound.listen(1024)
        asyncio.get_running_loop().add_reader(bound.fileno(), self._accept, bound)
        self._is_listening = True

    def refuse(self) -> None:
        """Refuse connections; the port stays taken, because a bound socket that does not listen refuses."""
        if self._is_listening:
            self.close()
            self._bind()

    def close(self) -> None:
        """Give the port back."""
        if self._socket is None:
            return
        if self._is_listening:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._socket = None
        self._is_listening = False

    def _bind(self) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind(("127.0.0.1", self.port))
        self.port = bound.getsockname()[1]
        self._socket = bound
        return bound

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        connection.setblocking(False)
        # As servers do: else the kernel holds a small write back until the one before it is acknowledged.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._accepted(connection)
