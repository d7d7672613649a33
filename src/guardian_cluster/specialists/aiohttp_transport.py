"""The transport on aiohttp: pooled keep-alive connections, TLS verified; no redirects, cookies or proxies.

It uses aiohttp's connector and its HTTP parser, and writes requests itself. aiohttp's session builds every
request anew, though all but its body is the same each time, and starts a task to write it: that was 16 % of
what a request through the gateway cost (1,403,000 instructions; 1,174,000 this way).
"""

import asyncio
import ssl
from functools import lru_cache, partial

import aiohttp
import msgspec
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

from guardian_cluster.specialists.transport import Call, Response, broken, refused

IDLE_CONNECTION_S = 15.0
"""Shorter than the idle limit of common servers (uvicorn closes after 5 s by default, nginx after 75 s,
clouds after 60 s and more) is not possible for all; a connection closed under us is retried by the attempt
engine, before any content."""

DNS_CACHE_S = 30

READ_BUFFER_BYTES = 2**18
"""Of an answer, before its reader takes it; then the server has to wait."""

COPIED_BYTES = 65_536
"""A body up to this size is copied behind its head: one system call more costs more than the copy."""

FINISHING_S = 0.5
"""Between `[DONE]` and the end of the body. Many servers send that apart (uvicorn's do), and ending the
connection for it would make every streamed answer connect anew."""

_PROGRESS = frozenset(range(100, 200)) - {101}
"""Statuses after which the answer is yet to come (RFC 9110, section 15.2)."""

_TARGETS = 1_024
"""Endpoints, operations and keys whose request heads are remembered."""

_BROKEN = (aiohttp.ClientError, HttpProcessingError, aiohttp.EofStream, OSError, ValueError)


class _Target(msgspec.Struct, frozen=True):
    """Where calls go, and the part of their head that is always the same."""

    request: aiohttp.ClientRequest
    head: bytes


class AiohttpTransport:
    """One pool of connections for all endpoints. It must be made inside a running event loop."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._connector = aiohttp.TCPConnector(
            limit=0,  # the gateway's own limits bound the number of requests in flight
            keepalive_timeout=IDLE_CONNECTION_S,
            ttl_dns_cache=DNS_CACHE_S,
            ssl=tls if tls is not None else True,
        )
        self._target = lru_cache(_TARGETS)(_target)
        self._timeout = lru_cache(_TARGETS)(_timeout)
        self._finishing: set[Connection] = set()

    async def send(self, call: Call) -> Response:
        """Send the call; see `Transport.send`."""
        connection, head = await self._connect(call)
        try:
            message, content = await _exchange(connection, head, call.body)
            return AiohttpResponse(connection, message, content, self._finishing)
        except _BROKEN as error:
            connection.close()
            raise broken(_reason(error)) from error
        except BaseException:
            connection.close()
            raise

    async def close(self) -> None:
        """Close every connection."""
        for connection in tuple(self._finishing):
            connection.close()
        await self._connector.close()

    async def _connect(self, call: Call) -> tuple[Connection, bytes]:
        try:
            target = self._target(call.url, tuple(call.headers.items()))
            timeout = self._timeout(call.connect_timeout_s)
            return await self._connector.connect(target.request, [], timeout), target.head
        except (TimeoutError, aiohttp.ClientConnectorError) as error:
            raise refused(call.url, str(error) or "no connection in time") from error
        except _BROKEN as error:
            raise broken(_reason(error)) from error


class AiohttpResponse:
    """An answer being read through aiohttp. Its connection is given back as soon as its end has arrived."""

    def __init__(
        self,
        connection: Connection,
        message: RawResponseMessage,
        content: aiohttp.StreamReader,
        finishing: set[Connection],
    ) -> None:
        self.status = message.code
        self._headers = message.headers
        self._content = content
        self._connection = connection
        self._finishing = finishing
        content.on_eof(self._give_back)

    def header(self, name: str) -> str | None:
        """Return a header's value, whatever its spelling."""
        return self._headers.get(name)

    async def read(self) -> bytes:
        """Return what has arrived of the body; see `Response.read`."""
        try:
            return await self._content.readany()
        except _BROKEN as error:
            raise broken(_reason(error)) from error

    def finish(self) -> None:
        """Leave the connection to its end; see `Response.finish`."""
        if not self._content.is_eof():
            self._finishing.add(self._connection)
            timer = asyncio.get_running_loop().call_later(FINISHING_S, self._connection.close)
            self._connection.add_callback(timer.cancel)
            self._connection.add_callback(partial(self._finishing.discard, self._connection))

    def close(self) -> None:
        """End the connection, unless it was given back, or is about to be."""
        if self._connection not in self._finishing:
            self._connection.close()

    def _give_back(self) -> None:
        transport = self._connection.transport
        if transport is not None and transport.get_write_buffer_size():
            self._connection.close()  # answered before it was asked to the end: the rest is still on its way
        else:
            self._connection.release()


async def _exchange(
    connection: Connection, head: bytes, body: bytes
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Send a request and return once the head of its answer has arrived."""
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(read_until_eof=True, read_bufsize=READ_BUFFER_BYTES)
    head = b"%bcontent-length: %d\r\n\r\n" % (head, len(body))
    if len(body) <= COPIED_BYTES:
        transport.write(head + body)
    else:
        transport.write(head)
        transport.write(body)
    while True:
        message, content = await protocol.read()
        if message.code not in _PROGRESS:
            return message, content


def _target(url: str, headers: tuple[tuple[str, str], ...]) -> _Target:
    """Prepare calls to an address.

    Raises:
        ValueError: it is no address of HTTP, or a header would break out of its line.
    """
    address = URL(url, encoded=True)
    if address.scheme not in ("http", "https"):
        raise aiohttp.InvalidURL(url)
    # Unpacking costs both sides more than it saves on one network.
    wanted = {"accept-encoding": "identity", **dict(headers)}
    request = aiohttp.ClientRequest("POST", address, headers=wanted, loop=asyncio.get_running_loop())
    lines = [
        f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "content-length"
    ]
    for line in (address.raw_path_qs, *lines):
        if not line.isprintable():
            raise ValueError(f"the request to {address.host} has a header with a control character")
    return _Target(request, "\r\n".join([f"POST {address.raw_path_qs} HTTP/1.1", *lines, ""]).encode())


def _timeout(connect_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=None, sock_connect=connect_s)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
