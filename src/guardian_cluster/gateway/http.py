"""The bit of HTTP that the gateway's routes share: types of ASGI, bodies in, JSON out."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from guardian_cluster.domain.errors import GuardianError, TooLarge

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = dict[bytes, bytes]
"""By lower-case name; of a name sent twice the last counts."""
HeaderList = list[tuple[bytes, bytes]]

encode_json = msgspec.json.Encoder().encode
JSON_TYPE = (b"content-type", b"application/json")


class ClientGone(Exception):
    """The client left before its request was complete."""


async def read_body(headers: Headers, receive: Receive, *, limit: int) -> bytes:
    """Return the body of a request. The connection limits the time it may take (see `Cycle.receive`).

    Raises:
        TooLarge: it is, or says it is, over the limit.
        RequestTimeout: it did not arrive within its time.
        ClientGone: the client left.
    """
    declared = headers.get(b"content-length")
    if declared is not None and int(declared) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message["body"])
        size += len(message["body"])
        if size > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is over {limit} bytes; send less, or raise gateway.limits.max_body_bytes.")


async def send_bytes(send: Send, status: int, body: bytes, headers: HeaderList) -> None:
    """Send a whole response."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-length", b"%d" % len(body)), *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, value: Any, headers: HeaderList | None = None, status: int = 200) -> None:
    """Send a value as JSON."""
    await send_bytes(send, status, encode_json(value), [JSON_TYPE, *(headers or ())])


async def send_error(send: Send, error: GuardianError, headers: HeaderList) -> None:
    """Send an error in OpenAI's shape, with what its clients read to decide on a retry."""
    await send_json(send, error.body(), [*headers, *retry_headers(error)], error.http_status)


SOON_S = 1.0
"""When to try again where nobody knows: a moment that clients hardly notice."""

NOT_SOON_S = 60.0
"""The same where only an operator, or another month, can help."""


def retry_headers(error: GuardianError) -> HeaderList:
    """Return the headers that tell OpenAI's clients whether and when to try again.

    They read `retry-after-ms` before `retry-after`, and give up when told to wait for more than 120 s (openai
    3.54). A 429 or 503 always says when: clients expect it there.
    """
    headers: HeaderList = []
    wait_s = error.retry_after_s
    if wait_s is None and error.http_status in (429, 503):
        wait_s = NOT_SOON_S if error.should_retry is False else SOON_S
    if wait_s is not None:
        wait_s = min(max(wait_s, 0.001), 120.0)
        headers.append((b"retry-after-ms", b"%d" % max(1, round(wait_s * 1e3))))
        headers.append((b"retry-after", b"%d" % max(1, -(-wait_s // 1))))
    if error.should_retry is not None:
        headers.append((b"x-should-retry", b"true" if error.should_retry else b"false"))
    return headers
