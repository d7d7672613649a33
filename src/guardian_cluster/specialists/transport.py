"""Transport: the seam between a specialist and the network. One method to send a request, one to read the answer."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from guardian_cluster.domain.errors import AttemptFailed


class Call(msgspec.Struct, frozen=True):
    """One HTTP POST to an endpoint."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    connect_timeout_s: float


class Response(Protocol):
    """An answer whose head has arrived."""

    status: int

    def header(self, name: str) -> str | None:
        """Return a header's value, whatever its spelling."""
        ...

    async def read(self) -> bytes:
        """Return what has arrived of the body, waiting for some if need be; nothing at its end.

        Raises:
            AttemptFailed: the connection broke, or the body ended before its declared end.
        """
        ...

    def finish(self) -> None:
        """Wait for nothing more: the answer is complete, and its body's end is at most a moment away. Never raises.

        The connection is given back when that end arrives in time, and ended otherwise. `close` then does
        nothing.
        """
        ...

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else end it. Never raises."""
        ...


class Transport(Protocol):
    """Sends calls. Implementations keep connections alive, verify TLS and follow no redirect.

    Cancelling `send` or closing the response ends the upstream request: nothing runs on for a client that has
    left.
    """

    async def send(self, call: Call) -> Response:
        """Send the call and return once the head of the answer has arrived.

        Raises:
            AttemptFailed: no connection within the call's `connect_timeout_s`, or it broke before the head
            arrived.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


def refused(endpoint: str, reason: str) -> AttemptFailed:
    """Return the failure to make a connection."""
    return AttemptFailed(f"{endpoint} cannot be reached: {reason}.", code="upstream_unreachable")


def broken(reason: str) -> AttemptFailed:
    """Return the failure of a connection that broke while the answer was awaited or read."""
    return AttemptFailed(f"The connection to the model broke: {reason}.", code="upstream_disconnected")
