"""The gateway's face: an ASGI application that finds the route and answers every error in OpenAI's shape."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from guardian_cluster.contract.snapshot import Base, Snapshot
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import GuardianError, LimitExceeded, MethodNotAllowed, NotFound
from guardian_cluster.domain.ids import request_id
from guardian_cluster.gateway import cors
from guardian_cluster.gateway.auth import Keyring
from guardian_cluster.gateway.headers import identity
from guardian_cluster.gateway.http import (
    ClientGone,
    HeaderList,
    Headers,
    Receive,
    Scope,
    Send,
    send_bytes,
    send_error,
)
from guardian_cluster.gateway.limits import OverLimit
from guardian_cluster.request.workflow import RequestProcessingWorkflow

log = logging.getLogger("guardian.gateway")

_ids = random.Random()
"""Draws requests' ids: seeded by the system once, for they have to be unique and keep no secret. `uuid4` asks
the system for each, which takes 2 µs."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What the routes work with, for one snapshot."""

    snapshot: Snapshot
    workflow: RequestProcessingWorkflow
    keyring: Keyring

    @property
    def base(self) -> Base:
        """What is deployed."""
        return self.snapshot.base


class Exchange(msgspec.Struct, kw_only=True):
    """One request on its way through the gateway."""

    id: str
    method: str
    path: str
    headers: Headers
    query: bytes
    receive: Receive
    send: Send
    service: Service
    received: float

    @property
    def debug(self) -> bool:
        """Whether the client wants to understand the decision."""
        return self.headers.get(b"x-guardian-debug") == b"1"


Handler = Callable[[Exchange], Awaitable[None]]
Routes = Mapping[str, Mapping[str, Handler]]
"""Path -> method -> handler. A path that ends in `/` stands for all below it."""

_PREFIXES = ("/openai/v1/",)
"""Other spellings of `/v1/` that clients of other gateways are set to."""


_ADVICE = frozenset({b"x-should-retry", b"retry-after"})


class Gateway:
    """The application. `serve` swaps what it serves, atomically: requests under way keep what they began with."""

    def __init__(self, routes: Routes, service: Service, clock: Clock) -> None:
        self._routes = routes
        self._service = service
        self._clock = clock
        self._in_flight = 0

    @property
    def in_flight(self) -> int:
        """Requests being answered."""
        return self._in_flight

    def serve(self, service: Service) -> None:
        """Serve from another snapshot from now on."""
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; see the ASGI specification."""
        if scope["type"] != "http":
            return
        exchange = Exchange(
            id=request_id(self._clock.now(), _ids),
            method=scope["method"],
            path=_canonical(scope["path"]),
            headers=dict(scope["headers"]),
            query=scope["query_string"],
            receive=receive,
            send=send,
            service=self._service,
            received=self._clock.monotonic(),
        )
        scope["request_id"] = exchange.id  # for the connection, which may have to end the answer itself
        self._in_flight += 1
        try:
            await self._answer(exchange)
        except (ClientGone, asyncio.CancelledError):
            return  # the client has left, or the gateway is being stopped: there is nobody to answer
        finally:
            self._in_flight -= 1

    async def _answer(self, exchange: Exchange) -> None:
        watched_send = _Started(exchange.send)
        exchange.send = watched_send
        origins = exchange.service.base.cors_origins
        if for_pages := cors.response_headers(exchange.headers, origins):
            exchange.send = cors.with_headers(exchange.send, for_pages)
        if _is_repeated(exchange.headers):
            exchange.send = _asking_no_third_time(exchange.send)
        try:
            if cors.is_preflight(exchange.method, exchange.headers):
                allowed = cors.preflight_headers(exchange.headers, origins)
                return await send_bytes(exchange.send, 200, b"", allowed)
            if not exchange.service.base.keys:
                cors.refuse_strange_page(exchange.headers, origins)
            handler = self._find(exchange)
            if self._in_flight > exchange.service.base.limits.max_concurrency:
                _refuse_more_work(exchange.path)
            await handler(exchange)
        except GuardianError as error:
            await send_error(exchange.send, error, [*identity(exchange.id), *_told_by_status(error)])
        except Exception:
            log.exception("request failed inside the gateway", extra={"request_id": exchange.id})
            if watched_send.started:
                raise
            fault = GuardianError(
                f"The gateway failed on this request; its log names it by the id {exchange.id}."
            )
            await send_error(exchange.send, fault, identity(exchange.id))

    def _find(self, exchange: Exchange) -> Handler:
        path = exchange.path
        methods = self._routes.get(path)
        if methods is None and path.count("/") > 2:
            parts = path.split("/")
            methods = self._routes.get("/".join(parts[:3]) + "/")
        if methods is None:
            raise NotFound(
                f"There is nothing at {path[:200]}; the API is below /v1, such as /v1/chat/completions."
            )
        # The connection leaves the body out of what answers a HEAD.
        handler = methods.get("GET" if exchange.method == "HEAD" else exchange.method)
        if handler is None:
            allowed = (*methods, "HEAD") if "GET" in methods else tuple(methods)
            message = f"{path[:200]} takes {', '.join(allowed)}, not {exchange.method}."
            raise MethodNotAllowed(message, allowed)
        return handler


class _Started:
    """A `send` that knows whether a response has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    def __call__(self, message: Scope) -> Awaitable[None]:
        self.started = True
        return self._send(message)


def _canonical(path: str) -> str:
    for prefix in _PREFIXES:
        if path.startswith(prefix):
            return "/v1/" + path[len(prefix) :]
    return path


def _refuse_more_work(path: str) -> None:
    """Refuse what asks models; a gateway that has all the work it takes is alive and says so."""
    if path.startswith("/v1/"):
        raise LimitExceeded(
            "The gateway is at its limit of requests.", code="gateway_busy", retry_after_s=1.0
        )


def _is_repeated(headers: Headers) -> bool:
    """Return whether a client sends by itself what failed before; OpenAI's count that in a header."""
    return headers.get(b"x-stainless-retry-count", b"").strip() not in (b"", b"0")


def _asking_no_third_time(send: Send) -> Send:
    """Return a `send` that tells a client which has repeated a request to leave a failure at that.

    Its retries and the gateway's own multiply. One that is told how long to wait, or what to do, is told no more.
    """

    def sending(message: Scope) -> Awaitable[None]:
        if message["type"] == "http.response.start" and message["status"] >= 500:
            headers: HeaderList = message["headers"]
            if _ADVICE.isdisjoint(name for name, _ in headers):
                message = {**message, "headers": [*headers, (b"x-should-retry", b"false")]}
        return send(message)

    return sending


def _told_by_status(error: GuardianError) -> HeaderList:
    """Return the headers that belong to a status (RFC 9110, sections 10.2.1 and 11.6.1; OpenAI's for 429)."""
    if isinstance(error, OverLimit):
        return list(error.headers)
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", ", ".join(error.allowed).encode())]
    if error.http_status == 401:
        return [(b"www-authenticate", b"Bearer")]
    # The rest of a body that was refused is on its way; to read it for the next request would cost what was
    # saved.
    return [(b"connection", b"close")] if error.http_status in (408, 413) else []
