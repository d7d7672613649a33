"""Transport: the seam between a specialist and the network. One method to send a request, one to read the answer."""

import logging
import socket
import ssl
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from guardian_cluster.domain.errors import AttemptFailed

log = logging.getLogger("guardian.gateway")


class Call(msgspec.Struct, frozen=True):
    """One HTTP POST to an endpoint."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    connect_timeout_s: float
    endpoint: str = ""
    """The endpoint's id, by which a caller may know it; its address is the operator's alone."""
    traceparent: str | None = None
    """Which trace the call belongs to; another one each time, unlike `headers`, which most calls share."""


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


def refused(call: Call, error: OSError | ValueError) -> AttemptFailed:
    """Return the failure to make a connection, as the caller may see it; where to, and the error, go to the log."""
    facts = {"endpoint": call.endpoint, "url": _shown(call.url), "reason": str(error) or type(error).__name__}
    log.warning("an endpoint cannot be reached", extra=facts)
    who = f"The endpoint {call.endpoint}" if call.endpoint else "The endpoint"
    return AttemptFailed(f"{who} cannot be reached: {_kind(error)}.", code="upstream_unreachable")


def _kind(error: OSError | ValueError) -> str:
    """Say what happened in words that name no address: the system's own words do."""
    match error:
        case TimeoutError():
            return "no connection in time"
        case ssl.SSLCertVerificationError():  # a ValueError too
            return "its certificate was not accepted"
        case ssl.SSLError():
            return "no TLS connection could be made"
        case socket.gaierror():
            return "its name does not resolve"
        case ConnectionRefusedError():
            return "the connection was refused"
        case OSError():
            return "no connection could be made"
        case _:
            return "its address or a header for it is not valid"


def _shown(url: str) -> str:
    """Return an address without the parts that may hold a key: user, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no address)"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def broken(reason: str) -> AttemptFailed:
    """Return the failure of a connection that broke while the answer was awaited or read."""
    return AttemptFailed(f"The connection to the model broke: {reason}.", code="upstream_disconnected")
