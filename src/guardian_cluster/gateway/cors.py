"""Lets pages of configured origins call the gateway from a browser (the Fetch standard's CORS protocol). Off by default."""

from guardian_cluster.gateway.http import HeaderList, Headers, Scope, Send

PREFLIGHT_S = 600
"""How long a browser may remember an answer; Chromium caps it at two hours, Firefox at a day."""


def allowed_origin(headers: Headers, origins: tuple[str, ...]) -> bytes | None:
    """Return the request's origin where it is one of those configured (`*` is any)."""
    origin = headers.get(b"origin")
    if origin is None or not origins:
        return None
    return origin if "*" in origins or origin.decode("latin-1") in origins else None


def is_preflight(method: str, headers: Headers) -> bool:
    """Return whether a browser only asks whether it may."""
    return method == "OPTIONS" and b"access-control-request-method" in headers


async def answer_preflight(send: Send, headers: Headers, origin: bytes) -> None:
    """Say what a page of this origin may send."""
    allowed: HeaderList = [
        *_headers(origin),
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", headers.get(b"access-control-request-headers", b"*")),
        (b"access-control-max-age", b"%d" % PREFLIGHT_S),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": allowed})
    await send({"type": "http.response.body", "body": b""})


def with_origin(send: Send, origin: bytes) -> Send:
    """Return a `send` that lets pages of this origin read the response."""

    async def send_with_origin(message: Scope) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_headers(origin)]
        await send(message)

    return send_with_origin


def _headers(origin: bytes) -> HeaderList:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"*"),
        (b"vary", b"origin"),
    ]
