"""An HTTP reply as a plan: what is sent, where it waits, and where it breaks. Faults rewrite these plans."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

# Longer than any test or drill: a hang ends when the client leaves or the server stops.
FOREVER_S = 3600.0

PieceKind = Literal["opening", "content", "finish", "usage", "done", "body"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of the body that belong together: a whole body, or one server-sent event."""

    data: bytes
    kind: PieceKind = "body"


@dataclass(frozen=True, slots=True)
class Wait:
    """Send nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Abort:
    """Reset the connection (RST): the peer reads an error after what was sent."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection (FIN) at once, whatever was promised in the headers."""


Step = Piece | Wait | Abort | Close


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, from the moment the request was read.

    `body` may be a generator, so a reply is played once.
    """

    status: int
    headers: Mapping[str, str]
    body: Iterable[Step]
    content_length: int | None = None  # None: chunked transfer encoding
    before_headers: tuple[Step, ...] = ()

    @property
    def is_streamed(self) -> bool:
        """Whether the body is chunked."""
        return self.content_length is None


def head_of(reply: Reply, *, closes: bool) -> bytes:
    """Return the status line and headers as they go over the wire."""
    lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    if reply.content_length is None:
        lines.append("transfer-encoding: chunked")
    else:
        lines.append(f"content-length: {reply.content_length}")
    if closes:
        lines.append("connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def framed(reply: Reply, data: bytes) -> bytes:
    """Return body bytes in the reply's framing."""
    if not reply.is_streamed or not data:
        return data
    return b"%x\r\n%b\r\n" % (len(data), data)


_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    529: "Overloaded",
}
