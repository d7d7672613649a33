"""Transport: the seam between a specialist and the network. One method to send a request, one to read the answer."""

import errno
import logging
import socket
import ssl
from collections.abc import Coroutine, Mapping
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import msgspec

from guardian_cluster.domain.errors import AttemptFailed

log = logging.getLogger("guardian.gateway")


REPEATED_WITHIN_S = 1.0
"""How soon after a request was written its used connection must have ended for the request to be sent once more. The
news that it was closed before takes one round trip; a server that breaks later than this may have begun to work."""

_OWN_LIMITS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL}
"""What an operating system says when it has no file, memory or port left for one more connection."""


class Call(msgspec.Struct, frozen=True):
    """One HTTP request to an endpoint."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    connect_timeout_s: float
    endpoint: str = ""
    """The endpoint's id, by which a caller may know it; its address is the operator's alone."""
    traceparent: str | None = None
    """Which trace the call belongs to; another one each time, unlike `headers`, which most calls share."""
    method: Literal["POST", "GET"] = "POST"
    """A GET has no body."""
    is_fresh: bool = False
    """Whether it must go over a connection of its own making: an old one may hang for a server that is well."""
    proxy: str | None = None
    """The address of the HTTP proxy that leads there; `None` is directly."""
    ca_file: str | None = None
    """The one authority, in PEM, by which the server's certificate is accepted; `None` is the system's."""
    hides_path: bool = False
    """Whether the path of its address is all that protects it, so that logs name its server alone."""


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
    left. A call whose used connection was closed under it is sent once more over a fresh one, if no byte of a
    reply came and it ended within `REPEATED_WITHIN_S`.
    """

    @property
    def repeated(self) -> int:
        """Calls that were sent once more."""
        ...

    def send(self, call: Call) -> Coroutine[Any, Any, Response]:
        """Send the call and return once the head of the answer has arrived.

        Raises:
            AttemptFailed: no connection within the call's `connect_timeout_s`, be it that all that may be are in
            use, or it broke before the head arrived.
        """
        ...

    def renew(self, url: str) -> None:
        """Use no connection again that is open to that address: idle ones end, those in use when their call has."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class NoFreeConnection(OSError):
    """All connections that may be open are in use, and none became free in time; says how many there are."""


class ProxyRefused(OSError):
    """The proxy did not lead to the server; says what it said."""


def refused(call: Call, error: OSError | ValueError) -> AttemptFailed:
    """Return the failure to make a connection, as the caller may see it; where to, and the error, go to the log.

    A limit of our own is no fault of the endpoint: it does not rest for it.
    """
    facts = {"endpoint": call.endpoint, "url": _shown(call), "reason": str(error) or type(error).__name__}
    log.warning("an endpoint cannot be reached", extra=facts)
    who = f"The endpoint {call.endpoint}" if call.endpoint else "The endpoint"
    if isinstance(error, NoFreeConnection) or (isinstance(error, OSError) and error.errno in _OWN_LIMITS):
        return AttemptFailed(
            f"{who} was not asked: {_shortage(error)}.", code="upstream_connections_busy", rests=False
        )
    return AttemptFailed(f"{who} cannot be reached: {_kind(error)}.", code="upstream_unreachable")


def _shortage(error: OSError) -> str:
    return str(error) if isinstance(error, NoFreeConnection) else "the gateway has no socket left for it"


def _kind(error: OSError | ValueError) -> str:
    """Say what happened in words that name no address: the system's own words do."""
    match error:
        case ProxyRefused():
            return str(error)
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


def _shown(call: Call) -> str:
    """Return an address without the parts that may hold a key: user, password and query, and a path that is one."""
    try:
        parts = urlsplit(call.url)
    except ValueError:
        return "(no address)"
    path = "" if call.hides_path else parts.path
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path, query="", fragment="").geturl()


def closed_idle(error: BaseException | None, asked_s: float) -> bool:
    """Return whether a used connection that ended without a byte was closed before its request was read.

    It ended in order (`None`) or was reset, `asked_s` after the request was written: see `REPEATED_WITHIN_S`.
    """
    is_end = error is None or isinstance(error, ConnectionResetError | BrokenPipeError)
    return is_end and asked_s <= REPEATED_WITHIN_S


def broken(reason: str) -> AttemptFailed:
    """Return the failure of a connection that broke while the answer was awaited or read."""
    return AttemptFailed(f"The connection to the model broke: {reason}.", code="upstream_disconnected")
