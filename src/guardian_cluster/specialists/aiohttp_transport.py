"""The transport on aiohttp: for endpoints that only a proxy leads to. It needs the extra `proxy`.

Nothing else imports this file, but `transports.py` when the first call through a proxy is made.
"""

import asyncio
import io
import ssl
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Any

import aiohttp
import msgspec
from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import _EXC_SENTINEL  # pyright: ignore[reportPrivateUsage]
from yarl import URL

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.connection import COPIED_BYTES, has_come
from guardian_cluster.specialists.httptools_transport import place_of, target_of
from guardian_cluster.specialists.pool import IDLE_CONNECTION_S, ConnectionLimits
from guardian_cluster.specialists.reply import FINISHING_S
from guardian_cluster.specialists.reply_parser import check_codings
from guardian_cluster.specialists.transport import (
    Call,
    NoFreeConnection,
    ProxyRefused,
    Response,
    broken,
    closed_idle,
    refused,
)
from guardian_cluster.specialists.trust import Trust
from guardian_cluster.specialists.unpacking import readable

_NO_COOKIES = aiohttp.DummyCookieJar
_TARGETS = 1_024


class _Sending(msgspec.Struct):
    """What is known of the call that a task is sending."""

    handler: "_Handler | None" = None
    """Of the used connection that it goes over; `None` is one of its own making."""
    is_waiting: bool = False
    """Whether all connections that may be open are in use."""


_sending: ContextVar[_Sending] = ContextVar("_sending")


class _Handler(ResponseHandler):
    """One connection; knows whether any byte came since its last request began, and whether one came unasked."""

    is_heard = False
    is_idle = False
    is_spoilt = False

    def set_response_params(self, **facts: Any) -> None:
        """Begin a request."""
        self.is_heard = self.is_idle = False
        super().set_response_params(**facts)

    def set_exception(self, exc: BaseException, exc_cause: BaseException = _EXC_SENTINEL) -> None:
        """Break off; aiohttp leaves a body's reader waiting where its chunks or trailer are malformed."""
        body = self._payload
        super().set_exception(exc, exc_cause)
        if body is not None and not body.is_eof():
            body.set_exception(aiohttp.ClientPayloadError("its body is malformed"))

    def data_received(self, data: bytes) -> None:
        """Take what came; nothing at all is aiohttp's own way to go on."""
        if data:
            self.is_heard = True
            self.is_spoilt = self.is_spoilt or self.is_idle
        super().data_received(data)


class _Connector(aiohttp.TCPConnector):
    """Uses no idle connection that holds unread bytes: they would be read as the reply to the next call.

    aiohttp itself looks at that only when a connection is given back. The methods are its own, so the contract's
    tests are run against each version of it.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)  # pyright: ignore[reportUnknownMemberType]
        self._factory = partial(_Handler, loop=self._loop)

    async def _get(self, key: Any, traces: Any) -> Any:
        idle = self._conns.get(key)
        while idle and not _is_usable(idle[0][0]):
            handler, _ = idle.popleft()
            handler.abort()
        connection = await super()._get(key, traces)
        if connection is not None and isinstance(connection.protocol, _Handler):
            _sending.get().handler = connection.protocol
        return connection

    def _release(self, key: Any, protocol: ResponseHandler, **facts: Any) -> None:
        super()._release(key, protocol, **facts)
        if isinstance(protocol, _Handler):
            protocol.is_idle = True

    def renew(self, place: tuple[str, int, bool]) -> None:
        """Use no connection to a place again that is open now."""
        for key in [each for each in self._conns if (each.host, each.port, each.is_ssl) == place]:
            for handler, _ in self._conns.pop(key):
                handler.abort()
        for key, handlers in self._acquired_per_host.items():
            if (key.host, key.port, key.is_ssl) == place:
                for handler in handlers:
                    if isinstance(handler, _Handler):  # else one that is being made
                        handler.force_close()  # not kept when its reply has come

    async def _wait_for_available_connection(self, key: Any, traces: Any) -> None:
        _sending.get().is_waiting = True
        await super()._wait_for_available_connection(key, traces)
        _sending.get().is_waiting = False


def _is_usable(handler: ResponseHandler) -> bool:
    transport = handler.transport
    if transport is None or transport.is_closing() or handler.should_close:
        return False
    if isinstance(handler, _Handler) and handler.is_spoilt:
        return False
    opened = transport.get_extra_info("socket")
    return opened is None or not has_come(opened.fileno())


class AiohttpTransport:
    """Two sessions, one of which keeps its connections. It must be used on one event loop."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, limits: ConnectionLimits | None = None) -> None:
        self.repeated = 0
        self._trust = Trust(tls)
        self._limits = limits or ConnectionLimits()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._finishing: set[AiohttpResponse] = set()
        self._checked = lru_cache(_TARGETS)(target_of)

    async def send(self, call: Call) -> Response:
        """Send the call; see `Transport.send`."""
        sending = _Sending()
        _sending.set(sending)
        asked_at = asyncio.get_running_loop().time()
        try:
            return await self._ask(call, fresh=call.is_fresh)
        except aiohttp.ClientError as error:
            took_s = asyncio.get_running_loop().time() - asked_at
            if not _was_closed_idle(sending, error, took_s):
                raise _failure(call, error, sending, self._limits) from error
        self.repeated += 1
        try:
            return await self._ask(call, fresh=True)
        except aiohttp.ClientError as error:
            raise _failure(call, error, sending, self._limits) from error

    def renew(self, url: str) -> None:
        """Use no connection again that is open to an address; see `Transport.renew`."""
        place = place_of(url)
        for session in self._sessions.values():
            connector = session.connector
            if place is not None and isinstance(connector, _Connector):
                connector.renew(place)

    async def close(self) -> None:
        """Close every connection."""
        for response in tuple(self._finishing):
            response.give_up()
        for session in self._sessions.values():
            await session.close()

    async def _ask(self, call: Call, *, fresh: bool) -> Response:
        headers = {"accept-encoding": "identity", **call.headers}
        if call.traceparent is not None:
            headers["traceparent"] = call.traceparent
        try:
            # The same calls are refused as by our own transport: a header must not break out of its line.
            self._checked(call.url, tuple(headers.items()), call.method, call.ca_file)
            url = URL(call.url)
            if "authorization" in headers:
                url = url.with_user(None)
            context = await self._trust.context(call.ca_file) if url.scheme == "https" else True
        except (OSError, ValueError) as error:
            raise refused(call, error) from error
        answered = await self._session(fresh).request(
            call.method,
            url,
            data=_body(call),
            headers=headers,
            proxy=call.proxy,
            ssl=context,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(connect=call.connect_timeout_s),
        )
        return _checked(answered, self._finishing)

    def _session(self, fresh: bool) -> aiohttp.ClientSession:
        """Return the session whose connections are kept, or that which makes one for each call."""
        session = self._sessions.get(fresh)
        if session is None:
            limits: dict[str, Any] = {"limit": self._limits.total, "limit_per_host": self._limits.per_origin}
            kept = {"force_close": True} if fresh else {"keepalive_timeout": IDLE_CONNECTION_S}
            session = self._sessions[fresh] = aiohttp.ClientSession(
                connector=_Connector(**limits, **kept),
                cookie_jar=_NO_COOKIES(),
                auto_decompress=False,
                skip_auto_headers=("user-agent",),
                timeout=aiohttp.ClientTimeout(total=None),
                read_bufsize=COPIED_BYTES,
            )
        return session


def _body(call: Call) -> bytes | io.BytesIO | None:
    """Return what is sent: large bodies in pieces, so that others have their turn."""
    if call.method == "GET":
        return None
    return call.body if len(call.body) <= COPIED_BYTES else io.BytesIO(call.body)


class AiohttpResponse:
    """An answer whose head has arrived; see `Response`."""

    def __init__(self, answered: aiohttp.ClientResponse, finishing: "set[AiohttpResponse]") -> None:
        self.status = answered.status
        self._answered = answered
        self._finishing = finishing
        self._is_finishing = False
        self._ending: asyncio.TimerHandle | None = None

    def header(self, name: str) -> str | None:
        """Return a header's value, whatever its spelling."""
        return self._answered.headers.get(name)

    async def read(self) -> bytes:
        """Return what has arrived of the body; see `Response.read`."""
        try:
            return await self._answered.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise broken(str(error) or type(error).__name__) from error

    def finish(self) -> None:
        """Leave the connection to the answer's end; see `Response.finish`."""
        if not self._answered.content.is_eof():
            self._is_finishing = True
            self._finishing.add(self)
            self._ending = asyncio.get_running_loop().call_later(FINISHING_S, self.give_up)
            self._answered.content.on_eof(self._ended)

    def give_up(self) -> None:
        """End the connection, whose answer did not end in time."""
        self._ended()
        self._answered.close()

    def _ended(self) -> None:
        self._finishing.discard(self)
        if self._ending is not None:
            self._ending.cancel()

    def close(self) -> None:
        """End the connection, unless it was given back, or is about to be."""
        if not self._is_finishing and not self._answered.content.is_eof():
            self._answered.close()


def _checked(answered: aiohttp.ClientResponse, finishing: set[AiohttpResponse]) -> Response:
    """Return a response that can be read; see `ReplyParser` for what cannot."""
    try:
        if not 200 <= answered.status <= 999:
            raise ValueError(f"status {answered.status} is no answer to this request")
        if codings := answered.headers.getall("transfer-encoding", ()):
            check_codings([coding.encode("utf-8", "surrogateescape") for coding in codings])
    except ValueError as error:
        answered.close()
        raise broken(str(error)) from error
    return readable(AiohttpResponse(answered, finishing))


def _was_closed_idle(sending: _Sending, error: aiohttp.ClientError, took_s: float) -> bool:
    """Return whether a used connection was closed under the call, and nothing of a reply came."""
    if sending.handler is None or sending.handler.is_heard:
        return False
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return closed_idle(None, took_s)
    return isinstance(error, OSError) and closed_idle(error.__cause__ or error, took_s)


def _failure(
    call: Call, error: aiohttp.ClientError, sending: _Sending, limits: ConnectionLimits
) -> AttemptFailed:
    """Return what an error of aiohttp is to us."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return refused(call, ProxyRefused(f"its proxy answered {error.status}"))
        case aiohttp.ClientProxyConnectionError():
            return refused(call, ProxyRefused("its proxy cannot be reached"))
        case aiohttp.ClientConnectorCertificateError():
            return refused(call, ssl.SSLCertVerificationError(str(error)))
        case aiohttp.ClientConnectorError():
            return refused(call, error.os_error)
        case aiohttp.ConnectionTimeoutError() if sending.is_waiting:
            words = f"all {limits.per_origin} connections that it may have are in use"
            return refused(call, NoFreeConnection(f"{words}, and none became free in time"))
        case aiohttp.ConnectionTimeoutError():
            return refused(call, TimeoutError())
        case aiohttp.InvalidURL():
            return refused(call, ValueError(str(error)))
        case _:
            return broken(str(error) or type(error).__name__)
