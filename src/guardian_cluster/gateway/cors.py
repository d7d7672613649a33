"""Decides which web pages may call the gateway from a browser (CORS, of the Fetch standard). Off by default.

Of a request only its origin is ever repeated, and only one that is configured: no header can be forged by it.
No response allows credentials: cookies play no part, and a page sends its key as any other client does.
"""

from guardian_cluster.domain.errors import NotAllowed
from guardian_cluster.gateway.http import HeaderList, Headers, Scope, Send

PREFLIGHT_S = 600
"""How long a browser may remember an answer; Chromium caps it at two hours, Firefox at a day."""

_EVERY_HEADER = (b"access-control-expose-headers", b"*")
_VARIES = (b"vary", b"origin")
"""For caches: the response to another origin, or to none, is another one."""

_PREFLIGHT: HeaderList = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, *"),  # the one that `*` does not cover
    (b"access-control-max-age", b"%d" % PREFLIGHT_S),
]


def response_headers(headers: Headers, origins: tuple[str, ...]) -> HeaderList:
    """Return what each response carries, so that pages of the configured origins can read it."""
    if not origins:
        return []
    if "*" in origins:
        return [(b"access-control-allow-origin", b"*"), _EVERY_HEADER]
    if not is_allowed(headers, origins):
        return [_VARIES]
    return [(b"access-control-allow-origin", headers[b"origin"]), _EVERY_HEADER, _VARIES]


def is_allowed(headers: Headers, origins: tuple[str, ...]) -> bool:
    """Return whether the request comes from a page of a configured origin (`*` is any)."""
    return "*" in origins or headers.get(b"origin", b"").decode("latin-1") in origins


def is_preflight(method: str, headers: Headers) -> bool:
    """Return whether a browser only asks whether it may."""
    return method == "OPTIONS" and b"access-control-request-method" in headers


def preflight_headers(headers: Headers, origins: tuple[str, ...]) -> HeaderList:
    """Return what a page may send. Raises `NotAllowed` where pages of its origin may not call the gateway."""
    if not is_allowed(headers, origins):
        raise _not_allowed()
    return _PREFLIGHT


def refuse_strange_page(headers: Headers, origins: tuple[str, ...]) -> None:
    """Let nobody pass who is sent by a page that may not call the gateway; for gateways that ask for no key.

    That such a page cannot read the answer is not enough: browsers send a plain POST without asking first,
    and it would be answered at the visitor's cost. Other programs name no origin. Raises `NotAllowed`.
    """
    if b"origin" in headers and not is_allowed(headers, origins):
        raise _not_allowed()


def with_headers(send: Send, more: HeaderList) -> Send:
    """Return a `send` that adds these headers to the response."""

    async def send_with_headers(message: Scope) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *more]
        await send(message)

    return send_with_headers


def _not_allowed() -> NotAllowed:
    return NotAllowed(
        "Pages of this origin may not call the gateway; add it to gateway.cors_origins in guardian.toml."
    )
