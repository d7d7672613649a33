"""What the gateway answers, route by route."""

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from guardian_cluster.contract.records import Feedback
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import InvalidRequest, NotFound
from guardian_cluster.domain.request import ChatRequest, Operation, UserRequest
from guardian_cluster.gateway.app import Exchange, Routes
from guardian_cluster.gateway.auth import Caller, require_admin
from guardian_cluster.gateway.delivery import StreamDelivery, deliver_whole
from guardian_cluster.gateway.feedback import MAX_FEEDBACK_BYTES, read_feedback
from guardian_cluster.gateway.headers import identity
from guardian_cluster.gateway.http import JSON_TYPE, read_body, send_bytes, send_json
from guardian_cluster.gateway.limits import DEFAULT_OUTPUT_TOKENS, FREE, MOST_OUTPUT_TOKENS, Accounts
from guardian_cluster.gateway.openapi import document
from guardian_cluster.gateway.parsing import parse, user_request
from guardian_cluster.gateway.siblings import NoSiblings, Siblings
from guardian_cluster.request.needs import needs_of
from guardian_cluster.request.ports import ReportSink
from guardian_cluster.request.recording import facts
from guardian_cluster.request.sinks import RecentRequests

CREATED = 1_700_000_000
"""The `created` of every listed model: it must be there and says nothing about a model served here."""

MAX_SESSION_BYTES = 200
"""Of a conversation's name: a UUID has 36, and whatever names one must not fill the memory of others."""

MAX_ID_BYTES = 100
"""Of a request's id that other workers are asked about; ours have under 40."""

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Api:
    """The handlers of all routes."""

    def __init__(
        self,
        accounts: Accounts,
        recent: RecentRequests,
        sink: ReportSink,
        metrics: Callable[[Sequence[bytes]], bytes],
        clock: Clock,
        siblings: Siblings | None = None,
    ) -> None:
        self._accounts = accounts
        self._recent = recent
        self._sink = sink
        self._metrics = metrics
        self._siblings = siblings or NoSiblings()
        self._clock = clock
        self.draining = False

    def routes(self) -> Routes:
        """Return the table of routes."""
        return {
            "/v1/chat/completions": {"POST": self.chat},
            "/v1/embeddings": {"POST": self.embeddings},
            "/v1/models": {"GET": self.models},
            "/v1/models/": {"GET": self.model},
            "/v1/requests/": {"GET": self.request},
            "/v1/feedback": {"POST": self.feedback},
            "/health": {"GET": self.live},
            "/status": {"GET": self.live},
            "/health/live": {"GET": self.live},
            "/health/liveliness": {"GET": self.live},
            "/health/readiness": {"GET": self.ready},
            "/metrics": {"GET": self.metrics},
            "/openapi.json": {"GET": self.openapi},
        }

    async def chat(self, exchange: Exchange) -> None:
        """Answer a chat completion, whole or streamed."""
        await self._process(exchange, "chat")

    async def embeddings(self, exchange: Exchange) -> None:
        """Pass an embeddings request through."""
        await self._process(exchange, "embeddings")

    async def _process(self, exchange: Exchange, operation: Operation) -> None:
        caller = exchange.service.keyring.identify(exchange.headers)
        request = await self._request(exchange, operation, caller)
        reservation = FREE
        if self._accounts.limit(caller):
            reservation = self._accounts.reserve(caller, *_worst_case(exchange, request))
        answer = exchange.service.workflow.open(request)
        extra, debug = reservation.headers(), exchange.debug
        try:
            if request.streamed:
                await StreamDelivery(answer, exchange.send, self._clock, extra, debug=debug).run()
            else:
                await deliver_whole(answer, exchange.send, self._clock, extra, debug=debug)
        finally:
            reservation.settle(answer.record)

    async def _request(self, exchange: Exchange, operation: Operation, caller: Caller) -> UserRequest:
        limits = exchange.service.base.limits
        body = await read_body(exchange.headers, exchange.receive, limit=limits.max_body_bytes)
        parsed = await parse(body, operation, limits)
        return user_request(
            parsed,
            operation,
            id=exchange.id,
            tenant=caller.tenant,
            key=caller.key,
            timeout_s=timeout_of(exchange.headers, streamed=bool(getattr(parsed.view, "stream", None))),
            traceparent=traceparent_of(exchange.headers),
            session=session_of(exchange.headers),
            max_cost_usd=max_cost_of(exchange.headers),
        )

    async def models(self, exchange: Exchange) -> None:
        """List the names that may be asked for."""
        caller = exchange.service.keyring.identify(exchange.headers)
        names = exchange.service.workflow.router.names(caller.key)
        await send_json(
            exchange.send, {"object": "list", "data": [_model(name) for name in names]}, identity(exchange.id)
        )

    async def model(self, exchange: Exchange) -> None:
        """Describe one name."""
        caller = exchange.service.keyring.identify(exchange.headers)
        name = exchange.path.removeprefix("/v1/models/")
        if name not in exchange.service.workflow.router.names(caller.key):
            raise NotFound(f"The model `{name[:200]}` does not exist.", code="model_not_found", param="model")
        await send_json(exchange.send, _model(name), identity(exchange.id))

    async def request(self, exchange: Exchange) -> None:
        """Return the final facts of a request, to its own tenant and to administrators.

        They come from the memory of the workers, each of which keeps the last `KEPT_REQUESTS` (see request/sinks.py):
        another gateway's requests, and those from before a restart, are only in the records.
        """
        caller = exchange.service.keyring.identify(exchange.headers)
        request_id = exchange.path.removeprefix("/v1/requests/")
        record = self._recent.get(request_id)
        if record is None and len(request_id) <= MAX_ID_BYTES:
            tenant = None if caller.role == "admin" else caller.tenant
            record = await self._siblings.find_request(request_id, tenant)
        if record is None or (record.tenant != caller.tenant and caller.role != "admin"):
            raise NotFound(
                f"The request `{request_id[:100]}` is not known here, or too old to be remembered."
            )
        await send_json(exchange.send, facts(record), identity(exchange.id))

    async def feedback(self, exchange: Exchange) -> None:
        """Take in what a caller says about an answer.

        It is taken whether the request is known here or not: another gateway may have answered it, days ago. Who
        may speak of it is decided where it is read: its own tenant alone. It counts as a request of its caller's.
        """
        caller = exchange.service.keyring.identify(exchange.headers)
        self._accounts.count(caller)
        said = read_feedback(await read_body(exchange.headers, exchange.receive, limit=MAX_FEEDBACK_BYTES))
        self._sink.report(
            Feedback(
                request_id=said.request_id,
                tenant=caller.tenant,
                received=self._clock.now(),
                score=said.score,
                label=said.label,
                comment=said.comment,
            )
        )
        await send_json(
            exchange.send, {"object": "feedback", "request_id": said.request_id}, identity(exchange.id)
        )

    async def live(self, exchange: Exchange) -> None:
        """Say that the process runs; it asks no model and costs nothing."""
        await send_json(exchange.send, {"status": "ok"}, identity(exchange.id))

    async def ready(self, exchange: Exchange) -> None:
        """Say whether new requests are welcome: not while the gateway drains."""
        state = {
            "status": "draining" if self.draining else "ok",
            "rev": exchange.service.snapshot.rev,
            "specialists": [specialist.name for specialist in exchange.service.base.specialists],
        }
        await send_json(exchange.send, state, identity(exchange.id), status=503 if self.draining else 200)

    async def metrics(self, exchange: Exchange) -> None:
        """Expose the metrics in Prometheus's text format, to administrators."""
        require_admin(exchange.service.keyring.identify(exchange.headers))
        others = await self._siblings.counts()
        text = await asyncio.to_thread(self._metrics, others)
        kind = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
        await send_bytes(exchange.send, 200, text, [kind, *identity(exchange.id)])

    async def openapi(self, exchange: Exchange) -> None:
        """Describe every route, to anybody: it says nothing of this installation."""
        await send_bytes(exchange.send, 200, document(), [JSON_TYPE, *identity(exchange.id)])


def traceparent_of(headers: dict[bytes, bytes]) -> str | None:
    """Return the caller's trace, if it names one as W3C Trace Context (section 3.2) has it."""
    value = headers.get(b"traceparent")
    return value.decode() if value is not None and _TRACEPARENT.fullmatch(value) else None


def session_of(headers: dict[bytes, bytes]) -> str | None:
    """Return the conversation that a caller names, if any. Raises InvalidRequest where the name is too long."""
    value = headers.get(b"x-session-id", b"").strip()
    if len(value) > MAX_SESSION_BYTES:
        raise InvalidRequest(
            f"The header x-session-id names a conversation in at most {MAX_SESSION_BYTES} bytes.",
            code="invalid_session",
        )
    return value.decode("utf-8", "backslashreplace") or None


def max_cost_of(headers: dict[bytes, bytes]) -> float | None:
    """Return what a request may cost in US dollars, if its caller says so.

    Raises:
        InvalidRequest: it says something that is no amount: a limit must not be lost to a slip.
    """
    value = headers.get(b"x-guardian-max-cost-usd")
    if value is None:
        return None
    try:
        usd = float(value)
    except ValueError:
        usd = 0.0
    if not 0.0 < usd < math.inf:
        raise InvalidRequest(
            "The header x-guardian-max-cost-usd must be an amount in US dollars above 0, such as 0.02.",
            code="invalid_max_cost",
        )
    return usd


def timeout_of(headers: dict[bytes, bytes], *, streamed: bool = False) -> float | None:
    """Return the caller's own limit in seconds, if it names a sensible one.

    `x-guardian-timeout-ms` is ours. OpenAI's clients say how long they wait for a read; a whole answer later
    than that finds nobody, so work on it would be in vain. A stream is read many times and may take longer in
    all.
    """
    named = ((b"x-guardian-timeout-ms", 1e-3), (b"x-stainless-read-timeout", 1.0))
    for name, unit in named[:1] if streamed else named:
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            continue
        if seconds > 0:  # NaN is not
            return seconds
    return None


def _worst_case(exchange: Exchange, request: UserRequest) -> tuple[int, float]:
    """Return the tokens and the cost to reserve: those of the dearest who may answer, for who will is not known yet.

    Where the choice is the router's, several may be asked one after another.
    """
    tokens_in, view = needs_of(request).input_tokens, request.view
    tokens_out = 0
    if isinstance(view, ChatRequest):
        asked = view.max_completion_tokens or view.max_tokens or 0
        tokens_out = min(asked, MOST_OUTPUT_TOKENS) if asked > 0 else DEFAULT_OUTPUT_TOKENS
        tokens_out = int(tokens_out * (view.n or 1))
    router, policy = exchange.service.workflow.router, exchange.service.base.routing
    prices = [specialist.price for specialist in router.reachable(request)]
    costs_usd = sorted((price.cost_usd(tokens_in, tokens_out) for price in prices), reverse=True)
    most_asked = 1 if policy.cascade == "off" or not router.chooses(request.model) else policy.max_asked
    cost_usd = sum(costs_usd[:most_asked])
    ceiling_usd = router.ceiling_usd(request)
    return tokens_in + tokens_out, cost_usd if ceiling_usd is None else min(cost_usd, ceiling_usd)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "guardian"}
